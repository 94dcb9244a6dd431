"""Every solution of a network in these tests is held to the laws of circuits."""

import pytest


@pytest.fixture(autouse=True)
def _every_solve(checked_solves):
    """No test of this folder gets a solution that breaks a law of circuits."""
