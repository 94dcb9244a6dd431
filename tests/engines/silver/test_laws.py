import numpy as np
import pytest
from scipy.integrate import solve_ivp

from spinula.engines.silver.junctions import advance_gaps, conduct_gaps
from spinula.law.silver import (
    DecayingDrift,
    LearningDrift,
    PercolatingSwitch,
    RateBalance,
    RateBalanceAsPublished,
    SilverGap,
    TunnelThreshold,
)

LAWS = [
    SilverGap(), TunnelThreshold(), RateBalance(), RateBalanceAsPublished(), DecayingDrift(decay=2.0), LearningDrift(),
    PercolatingSwitch(),
]  # fmt: skip


def follow(law, voltage, times, *, distance=2.0, state=None):
    """States of one gap at some times, in steps between them."""
    state = tuple(law.start(1)[:, 0]) if state is None else state
    rows = [state]
    for dt in np.diff(times):
        state = law.step(state, voltage=voltage, distance=distance, dt=dt)
        rows.append(state)
    return np.array(rows, float)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: type(law).__name__)
def test_float_array_and_compiled_kernel_are_one_law(law):
    rng = np.random.default_rng(3)
    gaps, dt = 40, 0.02
    top = 0.02 if isinstance(law, TunnelThreshold) else 1.0
    voltage, distance = rng.uniform(-top, top, gaps), rng.uniform(1, 3, gaps)
    state = law.start(gaps)
    for _ in range(30):
        out = np.empty((3, gaps)), np.empty(gaps)
        advance_gaps(law.family, state, (voltage, distance), law.vector(), dt, out)
        array = law.step(tuple(state), voltage=voltage, distance=distance, dt=dt)
        single = [law.step(tuple(state[:, i]), voltage=voltage[i], distance=distance[i], dt=dt) for i in range(gaps)]
        np.testing.assert_allclose(out[0], np.array(array), rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(out[0].T, np.array(single), rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(out[1], law.conductance(tuple(out[0]), distance=distance), rtol=1e-12)
        state = out[0]
    again = np.empty(gaps)
    conduct_gaps(law.family, state, distance, law.vector(), again)
    assert np.array_equal(again, out[1])
    assert np.ptp(again) > 0  # the voltages did something
    assert (again > 0).all()


def test_rate_balance_is_exact_for_any_step():
    # Validation row 12.
    law = RateBalance()
    for voltage in (0.0, 0.5, 0.7743, 1.0):
        up, down = 1e-4 * np.exp(10 * voltage), 0.5 * np.exp(-voltage)
        exact = up / (up + down) * (1 - np.exp(-(up + down) * 2.0))
        for steps in (1, 7, 2000):
            got = follow(law, voltage, np.linspace(0, 2, steps + 1))[-1, 0]
            assert got == pytest.approx(exact, rel=1e-12)
    assert law.half_activation == pytest.approx(0.7743, abs=5e-5)
    settled = follow(law, law.half_activation, [0.0, 1e6])[-1, 0]
    assert settled == pytest.approx(0.5, abs=1e-12)
    decayed = follow(law, 0.0, [0.0, 1.0], state=(1.0, 0.0, 0.0))[-1, 0]
    floor = 1e-4 / 0.5001
    assert -1 / np.log((decayed - floor) / (1 - floor)) == pytest.approx(1 / 0.5001, rel=1e-12)
    assert abs(1 / 0.5001 - 2.000) < 5e-4


def test_the_published_parenthesis_is_not_a_solution_of_the_equation():
    # 0.5 V for 2 s from 0: the programs' 0.697, 0.939, 0.994 with steps of 0.05, 0.01, 0.001; exact 0.0220.
    law, exact = RateBalanceAsPublished(), RateBalance()
    assert follow(exact, 0.5, [0, 2.0])[-1, 0] == pytest.approx(0.0220, abs=5e-5)
    found = [follow(law, 0.5, np.linspace(0, 2, steps + 1))[-1, 0] for steps in (40, 200, 2000)]
    assert found == pytest.approx([0.697, 0.939, 0.994], abs=2e-3)
    read = [follow(law, 0.01, np.linspace(0, 20, steps + 1))[-1, 0] for steps in (400, 4000)]
    assert read == pytest.approx([0.0091, 0.083], rel=0.02)
    assert follow(exact, 0.01, [0, 20.0])[-1, 0] == pytest.approx(0.00022, abs=5e-6)


def test_tunnelling_flux_is_exact_and_stops_where_it_must():
    law = TunnelThreshold()
    up = follow(law, 0.05, [0, 0.1])[-1, 0]
    assert up == pytest.approx(0.004, rel=1e-13)
    assert follow(law, 0.05, np.linspace(0, 0.1, 41))[-1, 0] == pytest.approx(up, rel=1e-12)
    assert follow(law, -0.05, [0, 0.1])[-1, 0] == -up
    assert follow(law, 5.0, [0, 10.0])[-1, 0] == 0.015
    held = (0.01, 0.0, 0.0)
    assert follow(law, 0.0075, [0, 100.0], state=held)[-1, 0] == 0.01
    assert follow(law, 0.001, [0, 0.1], state=held)[-1, 0] == pytest.approx(0.01 - 10 * 0.004 * 0.1, rel=1e-12)
    assert follow(law, 0.0, [0, 10.0], state=held)[-1, 0] == 0.0


def test_tunnelling_conductance_physics_program_and_port():
    # Simmons' constants from the constants of nature.
    e, m, h = 1.602176634e-19, 9.1093837e-31, 6.62607015e-34
    assert 2 * np.sqrt(2 * m * e) / (h / 2 / np.pi) * 1e-9 == pytest.approx(10.25, abs=5e-3)
    assert 1.5 * (e / h) ** 2 * np.sqrt(2 * m * e) * 1e-9 == pytest.approx(4.738e-5, rel=1e-3)
    state = (0.008, 0.0, 0.0)  # a nanometre is left
    s = 1.0
    physics, program, port = TunnelThreshold(), TunnelThreshold.as_published(), TunnelThreshold.as_ported()
    tunnel = 1 / (1 / (physics.conductance(state, distance=2.0) - 7.77e-8) - 1 / 7.77e-5)
    assert tunnel == pytest.approx(0.17 * 4.738e-5 * 0.9 / (2 * s) * np.exp(-10.25 * 0.9 * s), rel=1e-9)
    assert program.conductance(state, distance=2.0) > physics.conductance(state, distance=2.0)
    assert program.conductance(state, distance=2.0) == pytest.approx(port.conductance(state, distance=2.0), rel=1e-12)
    half = (0.009, 0.0, 0.0)
    assert port.conductance(half, distance=2.0) > program.conductance(half, distance=2.0)
    assert program.conductance((0.01, 0, 0), distance=2.0) == pytest.approx(7.77e-5 + 7.77e-8, rel=1e-12)


@pytest.mark.parametrize("voltage", [0.3, -0.3])
def test_drift_follows_its_equation(voltage):
    law = DecayingDrift(decay=2.0, initial=0.3)

    def change(_, x):
        resistance = x + 160 * (1 - x)
        return 100 * voltage / resistance * (1 - (2 * x - 1) ** 2) - 2.0 * x

    exact = solve_ivp(change, (0, 0.5), [0.3], rtol=1e-11, atol=1e-13).y[0, -1]
    errors = [abs(follow(law, voltage, np.linspace(0, 0.5, n + 1))[-1, 0] - exact) for n in (20, 40, 80)]
    assert errors[0] < 1e-3
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.25)  # second order
    assert errors[1] / errors[2] == pytest.approx(4, rel=0.25)
    # L-stable: a step of a thousand lifetimes ends at rest, not beyond it.
    assert follow(law, 0.0, [0, 500.0])[-1, 0] == pytest.approx(0, abs=1e-12)


def test_learning_drift_turns_short_memory_into_long():
    law = LearningDrift()

    def kept(pulses):
        state = tuple(law.start(1)[:, 0])
        for _ in range(pulses):
            state = tuple(follow(law, 0.6, np.linspace(0, 0.1, 201), state=state)[-1])
            state = tuple(follow(law, 0.0, np.linspace(0, 0.1, 51), state=state)[-1])
        same = (0.5, state[1], state[2])  # the same width, so that only what was learnt differs
        return follow(law, 0.0, np.linspace(0, 2.0, 201), state=same)[-1, 0], state[1]

    few, many = kept(1), kept(12)
    assert many[1] > few[1]  # the lifetime grew
    assert many[0] > few[0]


def test_silver_gap_follows_its_equation():
    law = SilverGap()

    def change(_, x):
        w, h = x
        push = min(np.expm1(max(0.4 - 0.08 * 2, 0) / 0.1), 20)
        g = law.conductance((w, h, 0.0), distance=2.0)
        r = (w / 1.49) ** 16.6
        life = 0.21 + (2.75e4 - 0.21) * r / (1 + r)
        grow = 1.65 * h * push * (1 if w < 1 else 0.39) * (1 - w / 4)
        return [grow - w / life - 7.2e-3 * w * 1e6 * 0.16 * g, (1 - h) / 97.4 - 0.142 * push * h]

    exact = solve_ivp(change, (0, 0.045), [0, 1], rtol=1e-11, atol=1e-13).y[:, -1]
    errors = [np.abs(follow(law, 0.4, np.linspace(0, 0.045, n + 1))[-1, :2] - exact).max() for n in (30, 60, 120)]
    assert errors[0] < 2e-2
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.2)  # first order between coefficients


def test_silver_gap_stays_bounded_at_any_step():
    law, rng = SilverGap(), np.random.default_rng(0)
    state = tuple(law.start(200))
    for dt in (1e-9, 1e-3, 1.0, 1e3, 1e9):
        for _ in range(5):
            state = law.step(state, voltage=rng.uniform(-5, 5, 200), distance=2.0, dt=dt)
            assert np.all((state[0] >= 0) & (state[0] <= law.mass_max))
            assert np.all((state[1] >= 0) & (state[1] <= 1))


def test_silver_gap_needs_its_threshold_field():
    law = SilverGap()
    for distance in (1.0, 2.0, 4.0):
        below, above = 0.0799 * distance, 0.0801 * distance
        assert follow(law, below, np.linspace(0, 100, 11), distance=distance)[-1, 0] == 0.0
        assert follow(law, above, np.linspace(0, 100, 11), distance=distance)[-1, 0] > 0.0


def test_percolating_switch_fires_at_the_time_that_the_field_sets():
    law = PercolatingSwitch()
    excess = 0.3 / 2.0 - 0.1
    fires = 1 / (100 * excess)
    before = follow(law, 0.3, [0, 0.99 * fires])[-1]
    after = follow(law, 0.3, [0, 1.01 * fires])[-1]
    assert before[1] == 0
    assert after[1] == 1
    # Below the limit of current the contact holds for ever, above it wears out in the time that the wear sets.
    closed = (1.0, 1.0, 0.0)
    assert follow(law, 0.1, [0, 1e6], state=closed)[-1, 1] == 1
    wears = 1 / (10 * (0.3 * law.contact / 1e-5 - 1))
    assert follow(law, 0.3, [0, 0.99 * wears], state=closed)[-1, 1] == 1
    assert follow(law, 0.3, [0, 1.01 * wears], state=closed)[-1].tolist() == [0, 0, 0]
    # Without a field an unfinished filament fades with its lifetime.
    assert follow(law, 0.0, [0, 1.0], state=(0.5, 0.0, 0.0))[-1, 0] == pytest.approx(0.5 * np.exp(-1), rel=1e-12)
