"""Experiments of cues and rewards on the command line: the run, its figures and its report."""
