"""A trained agent in a file, with the plan that made it, so that it can be taken up again."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from spinula.core.errors import InvalidInputError
from spinula.core.files import replacing
from spinula.studies.agents.training import Plan, make_agent
from spinula.studies.agents.worlds import World, open_world


def save_policy(path: str | Path, plan: Plan, agent: Any) -> None:
    """Write an agent and its plan to an npz, whole or not at all."""
    with replacing(path) as temporary:
        np.savez_compressed(temporary, plan=np.array(json.dumps(plan.as_dict())), **agent.state())


def load_policy(path: str | Path) -> tuple[Any, World]:
    """Return the agent that :func:`save_policy` wrote, and its world, opened.

    Raises
    ------
    InvalidInputError
        If the file holds no policy.
    """
    try:
        # Opened here, as NumPy leaves a file open that is no zip.
        with Path(path).open("rb") as file, np.load(file) as stored:
            plan = Plan(**json.loads(str(stored["plan"])))
            world = open_world(plan.world, changed=plan.changed)
            agent = make_agent(plan, world)
            agent.restore({name: stored[name] for name in stored.files if name != "plan"})
    # A file that was cut is no zip, or ends early; a plan of other keys is a TypeError.
    except (KeyError, ValueError, TypeError, EOFError, BadZipFile, zlib.error) as error:
        raise InvalidInputError(
            f"{path} holds no policy of spinula: {error}\n  Give the policy.npz that `spinula train WORLD` wrote."
        ) from None
    return agent, world
