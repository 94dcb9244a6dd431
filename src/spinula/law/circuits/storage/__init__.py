"""The equations of storage: sampled, homeostatic, cascaded and compensated synapses, and what they predict."""
