"""Neurons and the spines between them: spiking circuits, networks of rates, and the kernels of single studies."""
