"""Sourced parameter sets as TOML, each with its exam."""
