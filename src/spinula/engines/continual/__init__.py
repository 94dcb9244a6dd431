"""Learners of task after task: a sparse network of spines whose big ones are steady, and dense networks with the known
protections (L2, continual backprop, EWC, SI), each with or without a memory of past samples."""
