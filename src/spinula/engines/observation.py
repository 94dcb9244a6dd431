"""What a microscope would have reported: an observation model between the simulated truth and every measure.

Turnover, survival and size distributions all depend on what can be seen; the raw truth never feeds a measure.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from spinula.core.errors import InvalidInputError
from spinula.core.quantity import quantity
from spinula.core.streams import Streams
from spinula.core.table import SpineTable
from spinula.engines.population import Snapshot


class Microscope(BaseModel):
    """A resolution floor, a multiplicative error, and spines, sessions and dendrites that are missed.

    reported size = size * exp(log_noise * normal);  seen if the size exceeds size_floor, and with chance ``detection``.

    A spine below the floor, or missed by chance, is reported as absent: that is what inflates turnover in real tables.
    A dendrite that is not imaged in a session is reported as not observed.

    Source
    ------
    The dependence of turnover on detection: [pfeiffer2018] against [zuo2005]. Error and floor are choices of the user.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    size_floor: float = quantity(0.0, unit="um3", what="smallest size that is seen", ge=0)
    log_noise: float = quantity(0.0, unit="1", what="SD of the error of log-size", ge=0, le=2)
    detection: float = quantity(1.0, unit="1", what="chance that a visible spine is scored", gt=0, le=1)
    missed_session: float = quantity(
        0.0, unit="1", what="chance that a dendrite is not imaged in a session", ge=0, lt=1
    )

    def image(
        self, snapshots: Iterable[Snapshot], *, seed: int, animals: int = 1, condition: str = "", prefix: str = ""
    ) -> SpineTable:
        """Image a run: one session per snapshot.

        Parameters
        ----------
        snapshots : iterable of Snapshot
            As :meth:`spinula.engines.population.Population.run` yields them.
        animals : int
            Dendrites are dealt out to that many animals, in blocks.
        condition, prefix : str
            Written into the table; the prefix keeps the names of dendrites apart when tables are joined.

        Raises
        ------
        InvalidInputError
            If no spine was ever seen.
        """
        streams = Streams(seed)
        frames = [self.see(snapshot, session, streams) for session, snapshot in enumerate(snapshots)]
        return self.assemble(frames, seed=seed, animals=animals, condition=condition, prefix=prefix)

    def assemble(
        self, frames: list[pd.DataFrame], *, seed: int, animals: int = 1, condition: str = "", prefix: str = ""
    ) -> SpineTable:
        """Join the rows of all sessions (see :meth:`see`) into a table; arguments as :meth:`image`."""
        frame = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
        if frame.empty:
            raise InvalidInputError("the microscope saw no spine: lower size_floor, or simulate more spines.")
        return SpineTable(self._label(frame, animals, condition, prefix), "um3", {"seed": seed, **self.model_dump()})

    def see(self, snapshot: Snapshot, session: int, streams: Streams) -> pd.DataFrame:
        """Return the rows of one session; each session has its own random stream, so that a run can be resumed."""
        generator = streams.generator(f"session {session}")
        dendrites = int(snapshot.dendrite.max()) + 1 if len(snapshot) else 1
        imaged = generator.random(dendrites) >= (self.missed_session if session else 0.0)
        # The error is drawn for every spine, seen or not, so that one setting does not shift another's draws.
        error = np.exp(self.log_noise * generator.standard_normal(len(snapshot)))
        scored = generator.random(len(snapshot)) < self.detection
        seen = (snapshot.size >= self.size_floor) & scored & imaged[snapshot.dendrite]
        return pd.DataFrame(
            {
                "dendrite": snapshot.dendrite[seen],
                "spine_id": snapshot.spine_id[seen],
                "session": session,
                "day": snapshot.day,
                "position_um": snapshot.position_um[seen].astype(float),
                "size": (snapshot.size * error)[seen].astype(float),
                "present": True,
                "observed": True,
            }
        )

    @staticmethod
    def _label(frame: pd.DataFrame, animals: int, condition: str, prefix: str) -> pd.DataFrame:
        dendrite = frame["dendrite"].to_numpy()
        width = len(str(dendrite.max()))
        animal = dendrite * animals // (dendrite.max() + 1)
        names: dict[str, Any] = {
            "animal": [f"{prefix}m{number:02d}" for number in animal],
            "dendrite": [f"{prefix}d{number:0{width}d}" for number in dendrite],
            "condition": condition,
        }
        return frame.assign(**names)
