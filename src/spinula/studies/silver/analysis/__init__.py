"""What the dynamics of a silver network are like: avalanches, exponents, spectra, memory, computation, energy."""
