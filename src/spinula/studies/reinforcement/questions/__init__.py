"""One question about learning from reward per file; each has one STUDY with claims, intervals and controls."""
