"""Commands on the silver network."""
