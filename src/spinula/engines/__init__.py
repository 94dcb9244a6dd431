"""Engines: iterators that move populations of spines and yield snapshots."""
