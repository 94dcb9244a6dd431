"""Where a laboratory's mutant lies among the conditions: which edit explains the difference from its control best.

``seen`` reduces an animal to numbers, ``simulated`` images animals of a condition as that laboratory would,
``posterior`` weighs the candidates, ``fitted`` does so for fitted laws, ``trial`` asks how often the answer is right.

A model for research: it ranks edits of a model, and diagnoses nobody.
"""
