"""What runs compiled: visits to rows of synapses, windows of steps, the slow clock, the renewal of spines."""
