"""The only rooms that talk to a person: command line, figures, report."""
