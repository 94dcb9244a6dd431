"""Agents on the command line: training in a world, its figure and its page, and studies of agents."""
