"""What the parallels compare: each module has the mathematics of one side, or of both."""
