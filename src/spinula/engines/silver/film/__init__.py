"""Films: grown by dewetting, phase separation or holes; particles and wires laid on; read from a micrograph."""
