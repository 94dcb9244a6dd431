"""What ``spinula run`` was asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from spinula.faces import console, folder


@dataclass(frozen=True)
class Asked:
    """The arguments of ``spinula run``.

    Attributes
    ----------
    name : str, what to run
    detail : str or None, the second argument
    out : Path or None, the folder to write into
    replicates : int or None, dendrites, animals or devices per condition
    seed : int or None
    resume, force, as_json : bool
    extras : frozenset of str, options that were given and that only some kinds take
    jobs : int, processes
    """

    name: str
    detail: str | None
    out: Path | None
    replicates: int | None
    seed: int | None
    resume: bool
    force: bool
    as_json: bool
    extras: frozenset[str] = frozenset()
    jobs: int = 1

    def open(self, name: str) -> tuple[Path, int]:
        """Return the folder, opened, and the seed: the given, the stored if the run goes on, or one that is drawn."""
        target = folder.open_folder(self.out or Path("out") / name, force=self.force, resume=self.resume)
        kept = folder.stored(target, "seed") if self.resume and self.seed is None else self.seed
        return target, console.choose_seed(kept)
