"""One module per parallel, each with one PARALLEL."""
