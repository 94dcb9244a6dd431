"""The exact likelihood of a panel of noisy log-sizes: its patterns, its Kalman kernel and its maximiser."""
