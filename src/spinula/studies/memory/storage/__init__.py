"""How a network stores: which directions, which eigenvalues, which connections, at which rate."""
