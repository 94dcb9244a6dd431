import sys
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from spinula.core.errors import (
    ConfigError,
    InvalidInputError,
    MissingExtraError,
    NotConvergedError,
    OutOfRangeError,
    SpinulaWarning,
    UnknownNameError,
)

roadrunner = pytest.importorskip("roadrunner", reason="the extra sbml is not installed")

from spinula.engines.signalling import Pulses, SignallingModel, compare_with_kernel  # noqa: E402

MATH = 'xmlns="http://www.w3.org/1998/Math/MathML"'
TIME = '<csymbol encoding="text" definitionURL="http://www.sbml.org/sbml/symbols/time">t</csymbol>'
FAST, SLOW, BURST, GAIN = 10.0, 1.2, 20.0, 3.0


def species(key, start=0.0, name="", constant="false", boundary="false"):
    return (
        f'<species id="{key}" name="{name or key}" compartment="cell" initialConcentration="{start}" '
        f'constant="{constant}" boundaryCondition="{boundary}"/>'
    )


def reaction(key, gone, made, *factors):
    sides = [("Reactants", gone), ("Products", made)]
    lists = "".join(
        f'<listOf{side}><speciesReference species="{what}"/></listOf{side}>' for side, what in sides if what
    )
    law = "".join(f"<ci>{factor}</ci>" for factor in ("cell", *factors))
    return (
        f'<reaction id="{key}" reversible="false">{lists}<kineticLaw><math {MATH}>'
        f"<apply><times/>{law}</apply></math></kineticLaw></reaction>"
    )


def write(path, kinds, numbers, reactions, more=""):
    values = "".join(f'<parameter id="{key}" value="{value}"/>' for key, value in numbers.items())
    path.write_text(
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<sbml xmlns="http://www.sbml.org/sbml/level2/version4" level="2" version="4"><model id="toy">'
        '<listOfCompartments><compartment id="cell" size="2"/></listOfCompartments>'
        f"<listOfSpecies>{''.join(kinds)}</listOfSpecies><listOfParameters>{values}</listOfParameters>{more}"
        f"<listOfReactions>{''.join(reactions)}</listOfReactions></model></sbml>"
    )
    return path


@pytest.fixture
def leaky(tmp_path):
    """Calcium flows in from a pool that is meant to be constant, and is pumped out."""
    kinds = [species("x1", 1.0, name="Ca_ext", constant="true"), species("x2", name="Ca")]
    return write(
        tmp_path / "leaky.xml",
        kinds,
        {"inflow": 2.0, "pump": 5.0},
        [reaction("r1", "x1", "x2", "inflow", "x1"), reaction("r2", "x2", "", "pump", "x2")],
    )


@pytest.fixture
def toy(tmp_path):
    """The eligibility rises and decays after the pairing; its product with dopamine is gathered and kept."""
    kinds = [species(key) for key in ("primed", "ready", "DA", "kinase")] + [species("pool", 1.0, boundary="true")]
    numbers = {"fast": FAST, "slow": SLOW, "burst": BURST, "gain": GAIN}
    return write(
        tmp_path / "toy.xml",
        kinds,
        numbers,
        [
            reaction("r1", "primed", "ready", "fast", "primed"),
            reaction("r2", "ready", "", "slow", "ready"),
            reaction("r3", "DA", "", "burst", "DA"),
            reaction("r4", "", "kinase", "gain", "ready", "DA"),
        ],
    )


def gathered(delay):
    """Return the integral of gain*ready*DA for one pulse of each, DA later by ``delay``, in closed form."""
    begin, reach = max(delay, 0.0), np.exp(-BURST * max(-delay, 0.0))
    ends = np.exp(-SLOW * begin) / (SLOW + BURST) - np.exp(-FAST * begin) / (FAST + BURST)
    return GAIN * FAST / (FAST - SLOW) * reach * ends


def trains(delay, pairs=10, bursts=10):
    return sum(gathered(delay + j / 30.0 - i / 10.0) for i in range(pairs) for j in range(bursts))


def open_leaky(path):
    with pytest.warns(SpinulaWarning, match="Ca_ext"):
        return SignallingModel(path)


def test_an_open_constant_pool_is_repaired_and_the_closed_form_holds(leaky):
    model = open_leaky(leaky)
    assert model.repaired == ["Ca_ext"]
    course = model.run([], 4.0, ["Ca", "Ca_ext"], 0.1)
    assert np.allclose(course["Ca_ext"], 1.0)
    assert np.allclose(course["Ca"], 0.4 * (1.0 - np.exp(-5.0 * course["time_s"])), rtol=1e-5, atol=1e-8)


def test_without_the_repair_the_pool_runs_dry(leaky):
    # The negative control: the simulator itself on the file as it is.
    raw = roadrunner.RoadRunner(leaky.read_text())
    raw.timeCourseSelections = ["[x1]", "[x2]"]
    last = np.array(raw.simulate(0, 4, 41))[-1]
    assert last[0] < 0.01
    assert last[1] < 0.01


def test_a_pool_without_reactions_and_a_boundary_are_left_alone(toy):
    assert SignallingModel(toy).repaired == []


def test_names_and_ids_both_work(leaky):
    model = open_leaky(leaky)
    assert model.species == ["Ca_ext", "Ca"]
    assert model.parameters == ["inflow", "pump"]
    assert model.run([], 1.0, "x2")["x2"].iloc[-1] == model.run([], 1.0, "Ca")["Ca"].iloc[-1]


@pytest.mark.parametrize("read", ["max", 20.0])
def test_the_window_matches_the_closed_form(toy, read):
    delays = [-1.0, -0.2, 0.0, 0.1, 0.3, 0.6, 1.0, 2.0, 5.0]
    pairing, burst = Pulses("primed", 1.0, 10, 10.0), Pulses("DA", 1.0, 10, 30.0)
    window = SignallingModel(toy).window(delays[::-1], pairing, burst, "kinase", read)
    expected = np.array([trains(delay) for delay in delays])
    assert list(window["delay_s"]) == delays
    assert np.allclose(window["response"], expected, rtol=1e-4, atol=1e-6 * expected.max())
    # Negative controls: either train alone, and dopamine 1 s before.
    assert window["alone"].max() < 1e-9
    assert window["excess"].iloc[0] < 1e-4 * window["excess"].max()


def test_time_begins_with_the_first_pulse_and_no_pulse_is_stepped_over(toy):
    model = SignallingModel(toy)
    course = model.run([Pulses("DA", 2.0, at_s=-1.0), Pulses("primed", 1.0, 3, 2.0)], 400.0, ["DA", "primed"], 400.0)
    assert list(course["time_s"]) == [-1.0, 0.0, 0.5, 1.0, 399.0, 400.0]
    assert course["DA"].iloc[0] == 2.0
    assert course["primed"].iloc[3] == pytest.approx(1.0 + np.exp(-5.0) + np.exp(-10.0), rel=1e-6)
    # One run leaves nothing behind for the next.
    assert model.run([], 1.0, "ready")["ready"].abs().max() == 0.0


def test_a_square_pulse_raises_a_parameter_and_puts_it_back(leaky):
    model = open_leaky(leaky)
    course = model.run([Pulses("inflow", 3.0, at_s=10.0, width_s=0.001)], 100.0, ["Ca", "inflow"], 100.0)
    assert list(course["inflow"]) == [2.0, 5.0, 2.0, 2.0]
    assert course["Ca"].iloc[2] == pytest.approx(1.0 - 0.6 * np.exp(-0.005), rel=1e-6)
    dip = model.run([Pulses("Ca_ext", -1.0, at_s=10.0, width_s=0.4)], 11.0, ["Ca", "Ca_ext"], 11.0)
    assert list(dip["Ca_ext"]) == [1.0, 0.0, 1.0, 1.0]
    assert dip["Ca"].iloc[2] == pytest.approx(0.4 * np.exp(-2.0), rel=1e-5)


def test_values_and_settling_come_before_zero(leaky, tmp_path):
    with pytest.warns(SpinulaWarning):
        settled = SignallingModel(leaky, {"pump": 10.0, "Ca": 7.0}, settle_s=50.0)
    course = settled.run([], 1.0, "Ca", 0.5)
    assert list(course["time_s"]) == [0.0, 0.5, 1.0]
    assert np.allclose(course["Ca"], 0.2)
    with pytest.warns(SpinulaWarning):
        fresh = SignallingModel(leaky, {"Ca": 7.0})
    assert fresh.run([], 1.0, "Ca")["Ca"].iloc[0] == 7.0


def test_events_of_the_file_stay_in_force_and_can_be_moved_away(tmp_path):
    event = (
        f'<event id="e1"><trigger><math {MATH}><apply><geq/>{TIME}<ci>when</ci></apply></math></trigger>'
        f'<listOfEventAssignments><eventAssignment variable="s"><math {MATH}><cn>9</cn></math></eventAssignment>'
        "</listOfEventAssignments></event>"
    )
    path = write(tmp_path / "e.xml", [species("s", 1.0)], {"k": 0.0, "when": 3.0}, [reaction("r", "s", "", "k", "s")])
    path.write_text(path.read_text().replace("</model>", f"<listOfEvents>{event}</listOfEvents></model>"))
    model = SignallingModel(path)
    assert model.events == 1
    assert list(model.run([], 4.0, "s", 2.0)["s"]) == [1.0, 1.0, 9.0]
    assert list(SignallingModel(path, {"when": 1e9}).run([], 4.0, "s", 2.0)["s"]) == [1.0, 1.0, 1.0]
    # Settled past the event: it has happened, and does not happen again in any run.
    late = SignallingModel(path, settle_s=5.0)
    for _ in range(2):
        assert list(late.run([Pulses("s", 1.0, at_s=1.0)], 2.0, "s", 2.0)["s"]) == [9.0, 10.0, 10.0]


def test_what_a_rule_computes_is_read_but_not_changed(tmp_path):
    rule = (
        f'<listOfRules><assignmentRule variable="half"><math {MATH}><apply><divide/><ci>s</ci><cn>2</cn></apply></math>'
        "</assignmentRule></listOfRules>"
    )
    kinds = [species("s", 1.0), species("half")]
    path = write(tmp_path / "rule.xml", kinds, {"k": 1.0}, [reaction("r", "s", "", "k", "s")], rule)
    course = SignallingModel(path).run([Pulses("s", 1.0)], 1.0, "half", 0.5)
    assert np.allclose(course["half"], np.exp(-course["time_s"]), rtol=1e-6)
    with pytest.raises(InvalidInputError, match="rule"):
        SignallingModel(path).run([Pulses("half", 1.0)], 1.0, "half")
    with pytest.raises(ConfigError, match="computed"):
        SignallingModel(path, {"half": 1.0})


def test_errors_name_what_is_near(toy):
    model = SignallingModel(toy)
    with pytest.raises(UnknownNameError, match="Did you mean 'kinase'"):
        model.run([], 1.0, "kinas")
    with pytest.raises(UnknownNameError, match="Did you mean 'primed'"):
        model.run([Pulses("prime", 1.0)], 1.0, "kinase")
    with pytest.raises(UnknownNameError, match="Did you mean 'burst'"):
        SignallingModel(toy, {"burt": 1.0})


@pytest.mark.parametrize(
    ("pulses", "message"),
    [
        (Pulses("pool", 1.0), "Give width_s"),
        (Pulses("fast", 1.0), "Give width_s"),
        (Pulses("DA", 1.0, width_s=0.1), "cannot be held"),
        (Pulses("DA", -1.0), "negative"),
    ],
)
def test_a_pulse_that_its_target_cannot_take(toy, pulses, message):
    with pytest.raises(InvalidInputError, match=message):
        SignallingModel(toy).run([pulses], 1.0, "kinase")


@pytest.mark.parametrize(
    "wrong",
    [
        {"count": 0},
        {"rate_hz": 0.0},
        {"width_s": -1.0},
        {"amplitude": np.nan},
        {"at_s": np.inf},
        {"count": 2, "width_s": 0.2},
    ],
)
def test_impossible_pulses(wrong):
    with pytest.raises(OutOfRangeError):
        Pulses(**{"target": "DA", "amplitude": 1.0, **wrong})


def test_impossible_runs_and_windows(toy):
    model, pulse = SignallingModel(toy), Pulses("DA", 1.0)
    for until, every in ((0.0, 0.1), (np.inf, 0.1), (1.0, 0.0)):
        with pytest.raises(OutOfRangeError):
            model.run([], until, "DA", every)
    with pytest.raises(OutOfRangeError):
        SignallingModel(toy, settle_s=-1.0)
    for delays, read in (([], "max"), ([np.nan], "max"), ([0.0], "min"), ([0.0], -1.0)):
        with pytest.raises(InvalidInputError):
            model.window(delays, pulse, pulse, "kinase", read)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("not xml", "not an SBML file"),
        ("<html><body/></html>", "no model"),
        ('<sbml xmlns="http://www.sbml.org/sbml/level1" level="1" version="2"><model/></sbml>', "level 2 or 3"),
    ],
)
def test_what_is_no_sbml_is_named(tmp_path, text, message):
    (tmp_path / "odd.xml").write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        SignallingModel(tmp_path / "odd.xml")
    assert "odd.xml" in str(caught.value)


def test_a_missing_file_and_a_model_that_cannot_run(tmp_path, toy):
    with pytest.raises(ConfigError, match="No such file"):
        SignallingModel(tmp_path / "none.xml")
    toy.write_text(toy.read_text().replace("<ci>gain</ci>", "<ci>nothing</ci>"))
    with pytest.raises(ConfigError, match="cannot be simulated"):
        SignallingModel(toy)


def test_an_integration_that_stops_is_an_error(tmp_path):
    path = write(tmp_path / "up.xml", [species("s", 1.0)], {"k": 1.0}, [reaction("r", "", "s", "k", "s", "s")])
    with pytest.raises(NotConvergedError, match=r"up\.xml"):
        SignallingModel(path).run([], 2.0, "s")


def test_without_the_library_the_extra_is_named(toy, monkeypatch):
    monkeypatch.setitem(sys.modules, "roadrunner", None)
    with pytest.raises(MissingExtraError, match=r"spinula\[sbml\]"):
        SignallingModel(toy)


def kernel(delay, scale=1.121, power=11.85, onset=-0.466):
    z = (delay - onset) / scale
    return z**power * np.exp(power * (1.0 - z)) if z > 0.0 else 0.0


def test_a_kernel_agrees_with_itself_and_not_with_a_later_one():
    delays = np.linspace(-1.0, 5.0, 61)
    window = pd.DataFrame({"delay_s": delays, "response": [7.0 * kernel(delay) for delay in delays]})
    same = compare_with_kernel(window, kernel)
    assert same.rms < 0.005  # the window's largest value lies beside its peak
    assert same.peak_s == pytest.approx(0.655, abs=0.06)
    assert same.kernel_peak_s == pytest.approx(0.655, abs=0.003)
    assert np.allclose(same.half_s, same.kernel_half_s, atol=0.01)
    assert compare_with_kernel(window, lambda delay: kernel(delay - 0.5)).rms > 0.2
    cut = compare_with_kernel(window[window["delay_s"] > 0.6], kernel)
    assert np.isnan(cut.half_s[0])
    assert np.isfinite(cut.half_s[1])
    with pytest.raises(InvalidInputError, match="nowhere above zero"):
        compare_with_kernel(window.assign(response=0.0), kernel)
    with pytest.raises(InvalidInputError, match="three or more"):
        compare_with_kernel(window[:2], kernel)


def test_the_kernels_of_d1_cells_agree_with_the_published_model():
    # What two integrators gave for the model of [urakubo2020]: largest free PKA-C, active CaMKII at 20 s, in uM.
    delays = [-1, -0.2, 0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.5, 1.7, 2, 2.5, 3, 5]
    pka = [0.091, 0.095, 0.116, 0.138, 0.169, 0.204, 0.240, 0.274, 0.303, 0.326,
           0.339, 0.341, 0.331, 0.290, 0.229, 0.198, 0.166, 0.136, 0.121, 0.096]  # fmt: skip
    camkii = [
        0.02,
        0.01,
        0.08,
        0.34,
        1.05,
        2.11,
        3.15,
        3.89,
        4.27,
        4.32,
        4.06,
        3.52,
        2.81,
        1.43,
        0.38,
        0.14,
        0.03,
        0,
        0,
        0,
    ]
    late = compare_with_kernel(pd.DataFrame({"delay_s": delays, "response": camkii}), kernel)
    assert late.rms < 0.02
    assert late.peak_s == 0.7
    assert late.half_s == pytest.approx((0.31, 1.09), abs=0.01)
    excess = compare_with_kernel(
        pd.DataFrame({"delay_s": delays, "excess": np.array(pka) - 0.091}),
        lambda delay: kernel(delay, 1.129, 4.40, -0.285),
    )
    assert excess.rms < 0.045
    assert excess.peak_s == 0.9
    assert excess.half_s == pytest.approx((0.33, 1.58), abs=0.01)
    # The negative control: each reading has its own kernel.
    assert compare_with_kernel(pd.DataFrame({"delay_s": delays, "response": pka}), kernel).rms > 0.15


def test_the_edges_of_a_train():
    edges = Pulses("DA", 2.0, 3, 30.0, at_s=0.5, width_s=0.01).changes()
    assert [added for _, _, added in sorted(edges)] == [2.0, -2.0] * 3
    assert all(later[0] > earlier[0] for earlier, later in pairwise(sorted(edges)))
