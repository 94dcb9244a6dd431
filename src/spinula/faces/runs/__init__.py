"""What ``spinula run`` can run: one module per kind, each with what it is called, what it takes and how it is run.

A kind is a module with ``WHAT`` (a word), ``TAKES`` (options beyond those of every run), ``names()``,
``owns(name)`` and ``run(asked)``; it joins by its place in ``faces/commands/run.py``.
"""
