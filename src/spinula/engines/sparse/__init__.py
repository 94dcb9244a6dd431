"""Truly sparse training: connections are spines, and nothing dense exists."""
