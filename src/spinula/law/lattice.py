"""A synapse as a lattice of molecules that bind together: a microscopic origin of size-dependent fluctuation.

Each site of a square lattice is empty or holds a bound molecule; with n of its 8 neighbours occupied, in one step

    empty    -> bound   with chance (n*bind/8 + nucleate) * free       free = molecules not bound anywhere
    occupied -> empty   with chance (8 - n)*unbind/8

The size of a synapse is its number of bound molecules. All synapses share one pool of molecules.

Source: [hazan2020], rules and constants as in the authors' published program.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from spinula.core.quantity import quantity


def binding_chance(neighbours, free, bind_per_neighbour, nucleate):
    """Return (neighbours*bind/8 + nucleate) * free, the chance of binding to an empty site in one step."""
    return (neighbours * bind_per_neighbour + nucleate) * free


def unbinding_chance(neighbours, unbind_per_neighbour):
    """Return (8 - neighbours)*unbind/8, the chance of leaving an occupied site in one step."""
    return (8 - neighbours) * unbind_per_neighbour


class LatticeLaw(BaseModel):
    """The constants of the lattice model, for a number of synapses that share a pool.

    Source
    ------
    [hazan2020]: 4,000 synapses of 50 x 50 sites, 640,000 molecules, bind 1.25e-6, unbind 0.5, nucleate 0.0007/640000.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    synapses: int = quantity(4000, unit="1", what="synapses that share the pool", ge=1)
    molecules: int = quantity(640_000, unit="1", what="molecules, bound and free", ge=1)
    side: int = quantity(50, unit="1", what="sites along one side of a synapse", ge=3)
    bind: float = quantity(1.25e-6, unit="1/step", what="binding per free molecule with all neighbours bound", gt=0)
    unbind: float = quantity(0.5, unit="1/step", what="unbinding with no neighbour bound", gt=0, le=1)
    nucleate: float = quantity(0.0007 / 640_000, unit="1/step", what="binding with no neighbour bound", ge=0)

    def scaled(self, factor: float) -> LatticeLaw:
        """Return the same model with ``factor`` times fewer synapses and molecules: sizes do not change.

        Examples
        --------
        >>> small = LatticeLaw().scaled(10)
        >>> small.synapses, small.molecules, small.bind
        (400, 64000, 1.25e-05)
        """
        return self.model_copy(
            update={
                "synapses": round(self.synapses / factor),
                "molecules": round(self.molecules / factor),
                "bind": self.bind * factor,
                "nucleate": self.nucleate * factor,
            }
        )
