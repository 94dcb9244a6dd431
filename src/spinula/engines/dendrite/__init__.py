"""One dendrite under glutamate, GABA, spikes and dopamine, from milliseconds to months."""
