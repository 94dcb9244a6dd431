"""Cell assemblies: what keeps groups of neurons together while their synapses come and go."""
