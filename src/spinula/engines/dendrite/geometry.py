"""Where spines sit: a straight branch, or a reconstructed tree, cut into nodes along its length.

A place on a dendrite is one number, ``position_um``: the distance along the branch, or, on a tree, along its sections
laid end to end in the order of the file. Nodes are numbered so that a parent comes before its children.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spinula.core.errors import (
    ConfigError,
    InvalidInputError,
    MissingExtraError,
    OutOfRangeError,
    UnknownNameError,
)

# Columns of a cable, one row per node: parent (-1 at a root), volume (in units of the mean node's), bridge (conductance
# to the parent over diffusivity, in the same units, 1/um2), depth (path from the root, um), start and width of the
# node's interval of position_um (um), and the mean width (um).
PARENT, VOLUME, BRIDGE, DEPTH, START, WIDTH, MEAN = range(7)


@dataclass(frozen=True)
class Geometry:
    """A dendrite's shape.

    Attributes
    ----------
    cable : Array, shape (nodes, columns)
    xyz : Array, shape (nodes, 3), um
    length_um : float, um, of all sections together
    radius_um : Array, shape (nodes,), um
    """

    cable: np.ndarray
    xyz: np.ndarray
    length_um: float
    radius_um: np.ndarray

    @property
    def is_straight(self) -> bool:
        """Whether it is one unbranched line, on which positions are distances."""
        return bool((self.cable[:, PARENT] == np.arange(len(self.cable)) - 1).all())

    def node_of(self, position_um: np.ndarray | float) -> np.ndarray:
        """Return the node in whose interval a position lies.

        Raises
        ------
        OutOfRangeError
            If a position lies off the dendrite.
        """
        where = np.atleast_1d(np.asarray(position_um, float))
        bad = ~((where >= 0) & (where <= self.length_um))
        if bad.any():
            wanted = f"must lie on the dendrite, 0 to {self.length_um:g} um"
            raise OutOfRangeError("position_um", float(where[bad][0]), wanted)
        return np.searchsorted(self.cable[:, START], where, side="right") - 1

    def distance(self, one: float, other: float) -> float:
        """Return the path between two positions along the dendrite, um (to the precision of a node)."""
        from spinula.engines.dendrite.field import path_between

        nodes = self.node_of(np.array([one, other]))
        if nodes[0] == nodes[1]:
            return abs(one - other)
        return float(path_between(self.cable, int(nodes[0]), int(nodes[1])))


def branch(length_um: float, *, step_um: float = 0.5, radius_um: float = 0.5) -> Geometry:
    """Return a straight branch.

    Examples
    --------
    >>> len(branch(10.0).cable), branch(10.0).distance(2.0, 7.0)
    (20, 5.0)
    """
    if not (length_um > 0 and step_um > 0 and radius_um > 0):
        raise InvalidInputError("a branch needs a positive length_um, step_um and radius_um.")
    count = max(2, round(length_um / step_um))
    width = length_um / count
    centre = (np.arange(count) + 0.5) * width
    xyz = np.column_stack([centre, np.zeros(count), np.zeros(count)])
    return _geometry(np.arange(count) - 1, np.full(count, width), np.full(count, radius_um), xyz, np.zeros(count, bool))


def read_swc(path: str | Path, *, step_um: float = 1.0, sections: str = "dendrites") -> Geometry:
    """Read the dendrites of a reconstructed neuron (SWC and what else morphio reads).

    Parameters
    ----------
    step_um : float, um
        Length of a node, about.
    sections : "dendrites", "basal", "apical" or "all"

    Raises
    ------
    MissingExtraError
        If morphio is not installed (``pip install 'spinula[morph]'``).
    ConfigError
        If the file cannot be read or has no such section.
    OutOfRangeError, UnknownNameError
        If ``step_um`` is not positive or there is no such choice of sections.
    """
    if not step_um > 0:
        raise OutOfRangeError("step_um", step_um, "must be positive")
    try:
        import morphio
    except ImportError:
        raise MissingExtraError("morphio", "morph") from None
    path = Path(path)
    if not path.exists():
        raise ConfigError(path, "file", "no such file", cure="Check the path.")
    try:
        morphology = morphio.Morphology(str(path))
    except morphio.MorphioError as error:
        raise ConfigError(path, "file", str(error).strip().splitlines()[0], cure="Is this an SWC file?") from None
    kinds = morphio.SectionType
    chosen = {
        "dendrites": {kinds.basal_dendrite, kinds.apical_dendrite}, "basal": {kinds.basal_dendrite},
        "apical": {kinds.apical_dendrite}, "all": {section.type for section in morphology.iter()},
    }  # fmt: skip
    if sections not in chosen:
        raise UnknownNameError("choice of sections", sections, chosen)
    wanted = chosen[sections]
    parts = [section for section in morphology.iter() if section.type in wanted]
    if not parts:
        raise ConfigError(path, "sections", f"the file has no {sections}", cure="Try sections = 'all'.")
    return _tree([(s.id, -1 if s.is_root else s.parent.id, np.asarray(s.points), np.asarray(s.diameters) / 2)
                  for s in parts], step_um)  # fmt: skip


def _tree(sections: list[tuple[int, int, np.ndarray, np.ndarray]], step_um: float) -> Geometry:
    """Cut sections (id, parent id, points, radii), parents first, into nodes."""
    last: dict[int, int] = {}
    parent: list[int] = []
    width, radius, xyz, root = [], [], [], []
    for number, above, points, radii in sections:
        steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
        along = np.concatenate([[0.0], np.cumsum(steps)])
        if along[-1] <= 0:
            last[number] = last.get(above, -1)
            continue
        count = max(1, round(along[-1] / step_um))
        centre = (np.arange(count) + 0.5) * along[-1] / count
        for index, where in enumerate(centre):
            begins = index == 0
            parent.append(last.get(above, -1) if begins else len(parent) - 1)
            root.append(begins and parent[-1] == -1)
            width.append(along[-1] / count)
            radius.append(max(float(np.interp(where, along, radii)), 1e-3))
            xyz.append([np.interp(where, along, points[:, axis]) for axis in range(3)])
        last[number] = len(parent) - 1
    return _geometry(np.array(parent), np.array(width), np.array(radius), np.array(xyz), np.array(root))


def _geometry(parent: np.ndarray, width: np.ndarray, radius: np.ndarray, xyz: np.ndarray, root: np.ndarray) -> Geometry:
    """Derive what kernels need from parents, widths and radii."""
    above = np.maximum(parent, 0)
    has = parent >= 0
    gap = np.where(has, 0.5 * (width + width[above]), 0.0)
    area = np.pi * radius**2
    volume = area * width
    # Two half nodes in series.
    resistance = np.where(has, 0.5 * width / area + 0.5 * width[above] / area[above], np.inf)
    scale = volume.mean()
    depth = np.zeros(len(parent))
    for node in range(len(parent)):
        depth[node] = depth[parent[node]] + gap[node] if has[node] else 0.5 * width[node]
    start = np.concatenate([[0.0], np.cumsum(width)[:-1]])
    bridge = np.where(has, 1.0 / resistance, 0.0) / scale
    mean = np.full(len(parent), width.mean())
    cable = np.column_stack([parent, volume / scale, bridge, depth, start, width, mean])
    return Geometry(cable, xyz, float(width.sum()), radius)
