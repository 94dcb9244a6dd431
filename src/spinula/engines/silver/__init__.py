"""The silver network: islands, gaps, and the voltages that move silver between them."""
