"""What is wrong or doubtful in a table that is well-formed: the traps that real files set, each with its cure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from spinula.core.table import Panel, SpineTable


@dataclass(frozen=True)
class Finding:
    """One doubt about a table.

    Attributes
    ----------
    level : "warning" (numbers may mislead) or "note" (handled, but worth knowing)
    trap : str, a short name
    message, cure : str
    file : str, name of the file that the table was read from
    """

    level: Literal["warning", "note"]
    trap: str
    column: str
    message: str
    cure: str
    file: str = "table"

    def __str__(self) -> str:
        """The finding as one sentence or two."""
        return f"{self.level}: {self.file}, column {self.column!r}: {self.message} {self.cure}".rstrip()


def check(table: SpineTable) -> list[Finding]:
    """Look for the traps that a well-formed table can still hold.

    Contradictions (doubled rows, sizes of absent spines, identities written as -1, ...) are errors already when the
    table is made; here are sessions that were not imaged, missed detections, brightness drift, rows that are not
    tracked, saturation, presence without size, sizes of 0, levels that differ by case, and what a reader assumed.

    Examples
    --------
    >>> from spinula.core.table import example_table
    >>> [finding.trap for finding in check(example_table())]
    ['session not imaged']
    """
    panel = table.panel()
    checks = (
        _not_imaged, _missed_detection, _brightness, _not_tracked, _saturation, _unsized, _zero, _unobserved, _levels,
    )  # fmt: skip
    seen = [Finding(**assumed) for assumed in table.about.get("notes", ())]
    seen += [finding for look in checks if (finding := look(table, panel)) is not None]
    return [replace(finding, file=Path(table.file).name) for finding in seen]


def _not_imaged(table: SpineTable, panel: Panel) -> Finding | None:
    imaged = pd.DataFrame(panel.observed).groupby(panel.spines["dendrite"].to_numpy()).any()
    missing = imaged.index[~imaged.all(axis=1)]
    if not len(missing):
        return None
    shown = ", ".join(map(str, missing[:5])) + (", ..." if len(missing) > 5 else "")
    return Finding(
        "note", "session not imaged", "session",
        f"{len(missing)} of {len(imaged)} dendrites were not imaged in every session ({shown}).",
        "Their spines are counted as not observed there, not as lost.",
    )  # fmt: skip


def _missed_detection(table: SpineTable, panel: Panel) -> Finding | None:
    """A session whose count dips below both neighbours and whose losses come back as gains."""
    if panel.present.shape[1] < 3:
        return None
    both = panel.observed[:, :-2] & panel.observed[:, 1:-1] & panel.observed[:, 2:]
    before, middle, after = panel.present[:, :-2], panel.present[:, 1:-1], panel.present[:, 2:]
    n1, n2, n3 = ((x & both).sum(axis=0) for x in (before, middle, after))
    dips = np.flatnonzero((n2 < 0.9 * np.minimum(n1, n3)) & (np.minimum(n1, n3) >= 20))
    if not len(dips):
        return None
    session = int(np.sort(table.frame["session"].unique())[dips[0] + 1])
    return Finding(
        "warning", "missed detection", "session",
        f"session {session} has {n2[dips[0]]} spines between {n1[dips[0]]} and {n3[dips[0]]}: a poor image looks like "
        "turnover.",
        "Look at that session's images; leave it out, or mark it as not observed.",
    )  # fmt: skip


def _brightness(table: SpineTable, panel: Panel) -> Finding | None:
    """Whole sessions that are brighter or darker: their mean log-sizes differ by more than chance and by 15 %."""
    with np.errstate(divide="ignore", invalid="ignore"):
        x = np.log(np.where(panel.size > 0, panel.size, np.nan))
    known = np.isfinite(x).sum(axis=0)
    if (known < 20).any():
        return None
    level = np.nanmean(x, axis=0)
    if np.ptp(level) < max(0.15, 4 * float(np.nanstd(x)) / np.sqrt(known.min())):
        return None
    return Finding(
        "warning", "brightness drift", "size",
        f"the mean size of a session varies by {100 * np.expm1(np.ptp(level)):.0f} %, all spines together.",
        "If the size is a fluorescence, divide it by the session's own scale (--normalise band or --normalise center).",
    )  # fmt: skip


def _not_tracked(table: SpineTable, panel: Panel) -> Finding | None:
    """Rows whose sizes have nothing to do with each other from session to session are not tracked spines."""
    found = []
    for session in range(panel.size.shape[1] - 1):
        for _, rows in panel.spines.groupby("dendrite").groups.items():
            a, b = panel.size[np.asarray(rows), session], panel.size[np.asarray(rows), session + 1]
            both = np.isfinite(a) & np.isfinite(b)
            if both.sum() >= 8 and a[both].std() > 0 and b[both].std() > 0:
                found.append(np.corrcoef(a[both], b[both])[0, 1])
    if len(found) < 1 or np.median(found) > 0.3:
        return None
    return Finding(
        "warning", "not tracked", "spine_id",
        f"sizes of the same row in successive sessions hardly correlate (median r = {np.median(found):.2f}).",
        "Are the rows really the same spines? A wide sheet of unlinked measurements looks like this.",
    )  # fmt: skip


def _saturation(table: SpineTable, panel: Panel) -> Finding | None:
    sizes = panel.size[np.isfinite(panel.size)]
    if len(sizes) < 50:
        return None
    top = sizes.max()
    share = float((sizes == top).mean())
    if share < 0.01 or (sizes == top).sum() < 5:
        return None
    return Finding(
        "warning", "saturation", "size",
        f"{100 * share:.1f} % of the sizes are exactly the largest value ({top:g}).",
        "The detector or the file format clips; use the raw data, or leave these spines out.",
    )  # fmt: skip


def _unsized(table: SpineTable, panel: Panel) -> Finding | None:
    if not np.isfinite(panel.size).any():
        return None
    missing = int((panel.present & ~np.isfinite(panel.size)).sum())
    if not missing:
        return None
    return Finding(
        "note", "present without size", "size", f"{missing} spines are present but have no size.",
        "They count for turnover and survival, not for sizes.",
    )  # fmt: skip


def _zero(table: SpineTable, panel: Panel) -> Finding | None:
    zero = panel.present & (panel.size == 0)
    if not zero.any():
        return None
    spine, session = np.argwhere(zero)[0]
    where = panel.spines.iloc[spine]
    return Finding(
        "warning", "size of 0", "size",
        f"{zero.sum()} spines are present with a size of 0, such as {where['spine_id']} of dendrite "
        f"{where['dendrite']!r} in session {np.sort(table.frame['session'].unique())[session]}.",
        "Write present = 0 if they were absent; leave the size empty if it was not measured.",
    )  # fmt: skip


def _unobserved(table: SpineTable, panel: Panel) -> Finding | None:
    single = table.frame[~table.frame["observed"]]
    imaged = set(map(tuple, table.frame.loc[table.frame["observed"], ["dendrite", "session"]].to_numpy()))
    unsure = sum(tuple(row) in imaged for row in single[["dendrite", "session"]].to_numpy())
    if not unsure:
        return None
    return Finding(
        "note", "unsure", "observed", f"{unsure} spines could not be scored in a session that was imaged.",
        "They count neither as lost nor as kept there.",
    )  # fmt: skip


def _levels(table: SpineTable, panel: Panel) -> Finding | None:
    for column in ("condition", "animal", "dendrite"):
        names = table.frame[column].unique()
        folded: dict[str, list[str]] = {}
        for name in names:
            folded.setdefault(str(name).strip().casefold(), []).append(str(name))
        if doubled := [spellings for spellings in folded.values() if len(spellings) > 1]:
            shown = " and ".join(map(repr, doubled[0]))
            return Finding(
                "warning", "levels differ by case", column, f"{shown} differ only in spelling.",
                "Write one level in one way.",
            )  # fmt: skip
    return None


def compare_matches(first: np.ndarray, second: np.ndarray) -> list[tuple[int, int, int]]:
    """Return where two match files of one dendrite disagree: (object, its match in the first, in the second).

    Parameters
    ----------
    first, second : Array of int, shape (matches, 2)
        Object in one session, object in the next; 0 absent, -1 unknown. Unknown agrees with everything.
    """
    a, b = ({int(left): int(right) for left, right in table if left > 0} for table in (first, second))
    shared = sorted(set(a) & set(b))
    return [(left, a[left], b[left]) for left in shared if a[left] != b[left] and -1 not in (a[left], b[left])]


def normalise(table: SpineTable, how: Literal["band", "center"]) -> SpineTable:
    """Take the session's own brightness out of the sizes.

    ``band``: divide by the mean of the 40th to 60th percentile of each dendrite and session. ``center``: subtract the
    session's mean of log-size and add the overall one. Either removes true global scaling too: not for homeostasis.

    Source
    ------
    ``band`` is the normalisation of [melander2021].
    """
    frame = table.frame.copy()
    size = frame["size"].where(frame["size"] > 0)
    if how == "band":
        groups = size.groupby([frame["dendrite"], frame["session"]])
        low, high = groups.transform(lambda x: x.quantile(0.4)), groups.transform(lambda x: x.quantile(0.6))
        inside = size.where((size >= low) & (size <= high))
        frame["size"] = size / inside.groupby([frame["dendrite"], frame["session"]]).transform("mean")
        return SpineTable(frame, "relative", {**table.about, "normalised": how}, table.file)
    x = np.log(size)
    frame["size"] = np.exp(x - x.groupby(frame["session"]).transform("mean") + x.mean())
    return SpineTable(frame, table.size_unit, {**table.about, "normalised": how}, table.file)
