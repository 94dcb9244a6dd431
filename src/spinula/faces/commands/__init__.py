"""One file per command; each says in its docstring what the help shows."""
