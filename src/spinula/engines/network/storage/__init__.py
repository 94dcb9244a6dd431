"""Kernels of the studies of storage: each compiles the functions of law/circuits/storage and supplies the noise."""
