"""Faces of the silver network: films, responses, the film in motion, the page of a run, and ``spinula run``'s kind."""
