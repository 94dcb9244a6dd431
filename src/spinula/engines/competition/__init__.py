"""Spines that compete for what a dendrite supplies: receptors of one pool, proteins along a branch."""
