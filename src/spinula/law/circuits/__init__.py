"""The equations of neurons and of the synapses between them: plain arithmetic, no random numbers, no clock."""
