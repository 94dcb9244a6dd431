"""Disorders and treatments as edits of one law: what follows from them, level by level, beside what was published.

A model for research: it describes no patient, and nothing it says is fit for diagnosis.

Levels: ``population`` (sizes, turnover, survival), ``imaging`` (what a laboratory would see, and of how many animals),
``dendrite`` (plasticity, clustering, dopamine). ``exam`` holds findings against them, ``atlas`` is all of them.
Further levels (circuit, striatum, trained networks) join by a module with MEASURES and ``measured``; see ``levels``.
"""
