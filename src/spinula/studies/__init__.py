"""One scientific question per file; returns data, never prints."""
