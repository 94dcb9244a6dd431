"""Places on a dendrite: straight branches, and trees read from SWC files that the tests write."""

import numpy as np
import pytest

from spinula.core.errors import ConfigError, InvalidInputError, OutOfRangeError, UnknownNameError
from spinula.engines.dendrite import Dendrite, branch, read_swc
from spinula.engines.dendrite.geometry import MEAN, PARENT, START, VOLUME, WIDTH
from spinula.law import Dynamics, LinearLaw
from spinula.law.mechanisms import Mechanisms

# A soma, a basal dendrite that forks (20 um, then 10 and 30 um), an apical one of 40 um, and an axon.
SWC = """1 1 0 0 0 5 -1
2 3 5 0 0 0.6 1
3 3 25 0 0 0.6 2
4 3 25 10 0 0.4 3
5 3 25 -30 0 0.4 3
6 4 0 5 0 1.0 1
7 4 0 45 0 0.5 6
8 2 0 0 -5 0.3 1
9 2 0 0 -105 0.3 8
"""


@pytest.fixture
def swc(tmp_path):
    pytest.importorskip("morphio")
    path = tmp_path / "cell.swc"
    path.write_text(SWC)
    return path


def test_positions_on_a_branch_are_distances():
    geometry = branch(50.0)
    assert geometry.is_straight
    assert geometry.length_um == 50.0
    assert geometry.distance(3.0, 21.0) == pytest.approx(18.0)
    assert geometry.distance(3.1, 3.2) == pytest.approx(0.1)
    assert geometry.node_of([0.0, 0.49, 0.5, 50.0]).tolist() == [0, 0, 1, 99]
    assert geometry.cable[:, VOLUME].mean() == pytest.approx(1.0)
    assert geometry.xyz[-1, 0] == pytest.approx(49.75)


@pytest.mark.parametrize("where", [-0.1, 50.1, float("nan")])
def test_off_the_dendrite_is_refused(where):
    geometry = branch(50.0)
    with pytest.raises(OutOfRangeError, match="must lie on the dendrite"):
        geometry.node_of(where)
    law = LinearLaw(recovery_rate=0.05, size_rest=0.09, noise_slope=0.2, noise_floor=0.0)
    with pytest.raises(OutOfRangeError, match="position_um"):
        Dendrite(Dynamics(law=law), Mechanisms(), seed=1, geometry=geometry, position_um=[where], size=0.1)


@pytest.mark.parametrize("wrong", [{"length_um": 0.0}, {"length_um": 5.0, "step_um": 0.0}, {"length_um": 5.0,
                         "radius_um": -1.0}])  # fmt: skip
def test_a_branch_needs_positive_numbers(wrong):
    with pytest.raises(InvalidInputError, match="positive"):
        branch(**wrong)


def test_a_tree_has_the_lengths_of_its_file(swc):
    assert read_swc(swc).length_um == pytest.approx(100.0)
    assert read_swc(swc, sections="basal").length_um == pytest.approx(60.0)
    assert read_swc(swc, sections="apical").length_um == pytest.approx(40.0)
    assert read_swc(swc, sections="all").length_um == pytest.approx(200.0)
    fine = read_swc(swc, sections="basal", step_um=0.25)
    assert len(fine.cable) == 240
    assert not fine.is_straight
    assert read_swc(swc, sections="apical").is_straight


def test_a_tree_is_laid_end_to_end_with_parents_first(swc):
    cable = read_swc(swc).cable
    assert (cable[:, PARENT] < np.arange(len(cable))).all()
    assert cable[1:, START] == pytest.approx(cable[:-1, START] + cable[:-1, WIDTH])
    assert (cable[:, PARENT] == -1).sum() == 2  # the basal and the apical tree
    assert cable[:, MEAN] == pytest.approx(cable[:, WIDTH].mean())


def test_path_lengths_go_through_the_fork_and_not_through_the_soma(swc):
    geometry = read_swc(swc, step_um=0.5)
    # Positions: 0 to 20 the stem, then the two arms in the order of the file, then the apical dendrite.
    assert geometry.distance(5.0, 15.0) == pytest.approx(10.0, abs=0.5)
    assert geometry.distance(10.0, 25.0) == pytest.approx(15.0, abs=0.5)
    assert geometry.distance(25.0, 35.0) == pytest.approx(5.0 + 5.0, abs=1.0)
    assert geometry.distance(10.0, 80.0) == np.inf


def test_radii_taper_and_places_lie_on_the_sections(swc):
    geometry = read_swc(swc, sections="apical")
    assert np.diff(geometry.radius_um).max() < 0
    assert geometry.radius_um[[0, -1]] == pytest.approx([1.0, 0.5], abs=0.01)
    assert np.abs(geometry.xyz[:, [0, 2]]).max() == pytest.approx(0.0, abs=1e-6)
    assert geometry.xyz[:, 1] == pytest.approx(np.arange(40) + 5.5)
    volume = geometry.cable[:, VOLUME] / geometry.cable[0, VOLUME]
    assert volume == pytest.approx((geometry.radius_um / geometry.radius_um[0]) ** 2)


def test_files_that_cannot_be_read_say_so(swc, tmp_path):
    with pytest.raises(ConfigError, match="no such file"):
        read_swc(tmp_path / "none.swc")
    with pytest.raises(UnknownNameError, match="basal"):
        read_swc(swc, sections="basall")
    with pytest.raises(OutOfRangeError, match="step_um"):
        read_swc(swc, step_um=0.0)
    broken = tmp_path / "broken.swc"
    broken.write_text("this is no neuron\n")
    with pytest.raises(ConfigError, match="file"):
        read_swc(broken)
    axon = tmp_path / "axon.swc"
    axon.write_text("\n".join(line for line in SWC.splitlines() if line.split()[1] in "12"))
    with pytest.raises(ConfigError, match="no dendrites"):
        read_swc(axon)


def test_a_run_on_a_tree(swc):
    """Spines are formed on the whole of it, in proportion to length: each quarter within 4 standard errors."""
    from spinula.law import Boundary, FormationRate

    law = LinearLaw(recovery_rate=0.1, size_rest=0.08, noise_slope=0.2, noise_floor=0.01)
    dynamics = Dynamics(law=law, boundary=Boundary(size_min=0.02, size_new=0.04), formation=FormationRate(rate=0.2))
    dendrite = Dendrite(dynamics, Mechanisms(), seed=3, geometry=read_swc(swc), size=0.1, dendrites=10, slow_day=0.2)
    dendrite.advance_to(40 * 86400.0)
    where = dendrite.snapshot().position_um
    share = np.histogram(where, np.linspace(0, 100, 5))[0] / len(where)
    assert share == pytest.approx(0.25, abs=4 * np.sqrt(0.25 * 0.75 / len(where)))
