"""The compiled parts of agents: a step of learning, the coding of observations, the life of spines."""
