"""What intrinsic dynamics alone do to what was learnt, and to what two synapses share."""
