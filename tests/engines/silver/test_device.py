import numpy as np
import pytest

from spinula.core.errors import InvalidInputError, OutOfRangeError, UnknownNameError
from spinula.engines.silver.device import BOLTZMANN, Device, Pace
from spinula.engines.silver.solver import Drive
from spinula.engines.silver.spread import Spread
from spinula.law.silver import DecayingDrift, PercolatingSwitch, RateBalance, SilverGap, TunnelThreshold

GROUND = Drive(voltage=0.0)


def across(voltage, **more):
    return {"left": Drive(voltage=voltage, **more), "right": GROUND}


@pytest.mark.parametrize(
    ("law", "volts"),
    [
        (SilverGap(), 4.0), (TunnelThreshold(), 1.0), (RateBalance(), 9.0), (DecayingDrift(rate=1e4), 2.0),
        (PercolatingSwitch(), 4.0),
    ],
    ids=("silver", "tunnel", "balance", "drift", "percolating"),
)  # fmt: skip
def test_every_solve_keeps_the_laws_of_circuits(make_planar, law, volts):
    # Validation row 26, at every step of a run in which gaps switch.
    device = Device(make_planar(150, seed=1), law, seed=2, spread=Spread(distance=0.1))
    before = device.conductance
    fed = 0.0
    for number in range(60):
        shot = device.step(across(volts if number % 20 < 14 else 0.3, resistance=100.0), 5e-3)
        found = device.solver.residuals(shot.solution)
        assert found["node"] < 1e-10
        assert found["total"] < 1e-10
        assert found["power"] < 1e-10
        assert found["maximum"] <= 1e-12
        fed += float(shot.conductance @ shot.solution.drop**2) * shot.dt
    assert np.log(device.conductance / before).max() > 0.3  # the device did change
    assert device.energy == pytest.approx(fed, rel=1e-10)
    assert device.lost_in_series > 0


def test_currents_belong_to_the_state_of_their_snapshot(make_planar):
    device = Device(make_planar(80, seed=2), SilverGap(), seed=1)
    for _ in range(20):
        shot = device.step(across(3.0), 1e-2)
        expected = device.law.conductance(tuple(shot.state), distance=device.distance)
        np.testing.assert_allclose(shot.solution.current, expected * shot.solution.drop, rtol=1e-12, atol=1e-25)


def test_source_energy_is_that_of_network_and_resistor(make_chain):
    device = Device(make_chain(1), RateBalance(), seed=0)
    shots = [device.step(across(0.9, resistance=50.0), 1e-2) for _ in range(50)]
    source = sum(0.9 * shot.solution.electrode_current[0] * shot.dt for shot in shots)
    assert source == pytest.approx(device.energy + device.lost_in_series, rel=1e-12)


def test_one_gap_in_a_network_is_the_law_itself(make_chain):
    device = Device(make_chain(1), RateBalance(), seed=0)
    device.step(across(0.9), 0.7)
    up, down = 1e-4 * np.exp(9), 0.5 * np.exp(-0.9)
    assert device.state[0, 0] == pytest.approx(up / (up + down) * (1 - np.exp(-0.7 * (up + down))), rel=1e-12)


def test_threshold_of_a_chain_is_the_sum_of_its_gaps(make_chain):
    # Nine junctions in a row, as on the shortest path of the published wire network: 9 x 0.01 V and 9 x 0.005 V.
    law = TunnelThreshold()

    def settles(voltage, state):
        device = Device(make_chain(9), law, seed=0)
        device.state[0] = state
        device._conduct()
        for _ in range(1000):
            device.step(across(voltage), 1e-2)
        return device.state[0]

    assert (settles(0.0895, 0.0) == 0).all()
    assert (settles(0.095, 0.0) >= law.flux_bridge * 0.4).all()
    assert (settles(0.044, 0.015) < 0.015).all()
    assert (settles(0.046, 0.015) == 0.015).all()


def test_threshold_is_linear_in_the_summed_gap_and_constant_as_a_field(make_chain):
    # Validation rows 13 and 14 on one path of gaps: 0.4 to 2 V by geometry; 2 s of a constant voltage.
    def switches(gaps, distance, voltage):
        device = Device(make_chain(gaps, distance), SilverGap(), seed=0)
        for _ in range(400):
            device.step(across(voltage, resistance=3e3), 5e-3)
            if device.state[0].min() > 1:
                return True
        return False

    total, threshold = [], []
    for gaps, distance in ((2, 1.8), (2, 2.5), (3, 2.2), (4, 2.5), (6, 2.0), (6, 2.2)):
        low, high = 0.2, 3.2
        while high - low > 0.01:
            middle = (low + high) / 2
            low, high = (low, middle) if switches(gaps, distance, middle) else (middle, high)
        total.append(gaps * distance)
        threshold.append(high)
    total, threshold = np.array(total), np.array(threshold)
    assert threshold.min() > 0.4
    assert threshold.max() < 2.0
    assert np.corrcoef(total, threshold)[0, 1] ** 2 > 0.95
    field = threshold / total
    assert field.std() / field.mean() < 0.10


def test_adaptive_steps_agree_with_small_ones_and_cost_less(make_planar):
    graph = make_planar(60, seed=4)
    drives = across(1.8, resistance=3e3)
    fine, ends = Device(graph, SilverGap(), seed=1), []
    for _ in range(8000):
        fine.step(drives, 1e-4)
    for tolerance in (0.05, 0.005):
        device = Device(graph, SilverGap(), seed=1)
        steps = sum(1 for _ in device.run(drives, 0.8, pace=Pace(tolerance=tolerance)))
        assert device.time == pytest.approx(0.8, rel=1e-12)
        ends.append((np.abs(device.state[0] - fine.state[0]).max(), steps))
    assert ends[1][0] < 0.02
    assert ends[1][0] < ends[0][0]
    assert ends[0][1] < ends[1][1] < 2000
    assert fine.state[0].max() > 1


def test_a_bridge_forms_at_the_end_of_a_step(make_chain):
    device = Device(make_chain(1), SilverGap(), seed=0)
    shots = list(device.run(across(0.4), 0.2, pace=Pace(tolerance=0.5, first=0.05, largest=0.05)))
    masses = np.array([shot.state[0, 0] for shot in shots])
    first = masses[masses > 1][0]
    assert 1 < first < 1.003
    # Without the cut the step of 50 ms would have overshot by much more.
    plain = Device(make_chain(1), SilverGap(), seed=0)
    walk = [plain.step(across(0.4), 0.05).state[0, 0] for _ in range(5)]
    assert min(mass for mass in walk if mass > 1) > 1.01


def test_rest_takes_few_steps_and_agrees_with_the_closed_form(make_chain):
    device = Device(make_chain(3), RateBalance(), seed=0)
    device.state[0] = 0.8
    device._conduct()
    shots = list(device.run(across(0.0), 100.0))
    floor = 1e-4 / 0.5001
    assert device.state[0] == pytest.approx(floor + (0.8 - floor) * np.exp(-0.5001 * 100), rel=1e-9)
    assert len(shots) < 30
    assert device.energy == 0.0


def test_compliance_limits_how_far_a_bridge_grows(make_chain):
    # Validation row 15: the limit alone decides between volatile and lasting; 0.25 to 300 uA.
    kept, peak = [], []
    limits = np.array([0.25e-6, 3e-6, 30e-6, 100e-6, 300e-6])
    for limit in limits:
        device = Device(make_chain(1), SilverGap(), seed=0)
        for _ in device.run(across(0.6, compliance=limit), 0.5, pace=Pace(tolerance=0.05)):
            pass
        peak.append(device.read(across(0.01))["left"] / 0.01)
        for _ in device.run(across(0.0), 1000.0, pace=Pace(tolerance=0.05)):
            pass
        kept.append(device.read(across(0.01))["left"] / 0.01)
    assert np.all(np.diff(peak) > 0)
    assert np.all(np.diff(kept) >= 0)
    assert kept[0] / peak[0] < 0.1
    assert kept[-1] / peak[-1] > 0.5


def test_thermal_noise_is_that_of_nyquist(make_planar):
    # Terminals at rest: current noise of variance 2kT*G/dt with the conductance G between them, whatever is inside.
    device = Device(make_planar(40, seed=3), RateBalance(), seed=5, temperature=300.0)
    dt, currents = 1e-3, []
    total = device.solver.factor(device.conductance)[0, 1]
    for _ in range(4000):
        shot = device.step(across(0.0), dt)
        device.state[:] = 0.0  # stays as it was
        device._conduct()
        found = device.solver.residuals(shot.solution)
        assert found["node"] < 1e-9
        currents.append(shot.solution.electrode_current[0])
    expected = 2 * BOLTZMANN * 300 * total / dt
    # 4000 draws: the variance is known to 2.2 %; 4 sigma, false alarm 6e-5.
    assert np.var(currents) == pytest.approx(expected, rel=0.09)
    assert abs(np.mean(currents)) < 4 * np.sqrt(expected / 4000)


def test_read_noise_and_no_change_by_reading(make_chain):
    device = Device(make_chain(2), SilverGap(), seed=5, read_noise=0.02)
    quiet = Device(make_chain(2), SilverGap(), seed=5)
    exact = quiet.read(across(0.1))["left"]
    reads = np.array([device.read(across(0.1))["left"] for _ in range(2000)])
    assert np.std(reads) / exact == pytest.approx(0.02, rel=0.08)
    assert np.mean(reads) == pytest.approx(exact, rel=4 * 0.02 / np.sqrt(2000))
    assert device.time == 0
    assert np.array_equal(device.state, quiet.state)


def test_spread_is_seeded_has_its_width_and_obeys_bounds(make_planar):
    graph = make_planar(700, seed=1)
    spread = Spread(distance=0.2, parameters={"growth": 0.5, "sharpness": 3.0})
    a, b = (Device(graph, SilverGap(), seed=seed, spread=spread) for seed in (1, 2))
    again = Device(graph, SilverGap(), seed=1, spread=spread)
    assert np.array_equal(a.parameters, again.parameters)
    assert np.array_equal(a.distance, again.distance)
    assert not np.array_equal(a.parameters, b.parameters)
    assert np.std(np.log(a.distance / graph.distance)) == pytest.approx(0.2, rel=0.1)
    names = SilverGap.names()
    growth = a.parameters[:, names.index("growth")]
    assert np.std(np.log(growth)) == pytest.approx(0.5, rel=0.1)
    assert np.median(growth) == pytest.approx(1.65, rel=0.1)
    sharpness = a.parameters[:, names.index("sharpness")]
    assert sharpness.min() >= 1
    assert sharpness.max() == 40
    assert np.ptp(a.parameters[:, names.index("joule")]) == 0
    assert not np.array_equal(a.conductance, b.conductance)


def test_same_seed_same_bytes(make_planar):
    def final():
        device = Device(make_planar(100), SilverGap(), seed=9, spread=Spread(distance=0.3), temperature=300.0)
        for _ in range(10):
            device.step(across(3.0), 1e-2)
        return device.state.tobytes()

    assert final() == final()


def test_bad_input_is_refused(make_chain):
    device = Device(make_chain(2), SilverGap(), seed=1, temperature=300.0)
    with pytest.raises(OutOfRangeError, match="dt = 0"):
        device.step(across(1.0), 0.0)
    with pytest.raises(InvalidInputError, match="no thermal noise"):
        next(device.run(across(1.0), 1.0))
    with pytest.raises(OutOfRangeError, match="temperature"):
        Device(make_chain(2), SilverGap(), seed=1, temperature=-1.0)
    with pytest.raises(UnknownNameError, match="Did you mean 'growth'"):
        Device(make_chain(2), SilverGap(), seed=1, spread=Spread(parameters={"grwth": 0.1}))
    with pytest.raises(OutOfRangeError, match="spread of distance"):
        Spread(distance=-0.1)
    with pytest.raises(InvalidInputError, match="smallest <= first"):
        Pace(first=1e-10)
