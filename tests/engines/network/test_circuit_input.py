"""What a circuit is given: two projections between the same neurons, and everything that it must refuse."""

import numpy as np
import pytest

from spinula.core.errors import InvalidInputError
from spinula.engines.network.spiking import Circuit, Edges, Living, OutDegree
from spinula.law import Dynamics, LogOULaw
from spinula.law.circuits.neurons import IntegrateAndFire
from spinula.law.circuits.timing import PairTiming

RULE = PairTiming(size_max=1.0, potentiation_step=1e-3, depression_step=1e-3)
LOG = Dynamics(law=LogOULaw(log_mean=-2.0, log_sd=0.5, recovery_rate=0.1))


@pytest.fixture
def circuit():
    made = Circuit(seed=1)
    made.neurons(10, IntegrateAndFire(), name="E")
    made.neurons(5, IntegrateAndFire(synapses="conductance"), name="C")
    return made


def joined(circuit, **more):
    cells = circuit.populations[0]
    return circuit.connect(cells, cells, OutDegree(3), **({"size": 0.1, "gain": 5.0, "delay": 1.0} | more))


def test_two_projections_between_the_same_neurons_are_told_apart(circuit):
    quick, late = joined(circuit, timing=RULE), joined(circuit, timing=RULE, delay=4.0, size=0.2)
    circuit.watch(late)
    circuit.send(circuit.populations[0], [10.0], [4], weight=200.0)
    (snapshot,) = circuit.run(30.0)
    (fired,) = snapshot.spike_times
    assert (circuit.connections(quick)["size"] == np.float32(0.1)).all()
    assert (circuit.connections(late)["size"] == np.float32(0.2)).all()
    assert snapshot.delivered["time"].to_numpy() == pytest.approx(fired + 4.0)
    assert len(snapshot.delivered) == 3


@pytest.mark.parametrize(
    ("times", "neurons", "weight", "message"),
    [
        ([1.0], [-1], 1.0, "0 to 9"),
        ([1.0], [10], 1.0, "0 to 9"),
        ([1.0], [0.5], 1.0, "whole number"),
        ([1.0, 2.0], [1], 1.0, "one neuron"),
        ([0.0], [1], 1.0, "has passed"),
        ([np.nan], [1], 1.0, "finite"),
        ([1.0], [1], np.inf, "finite"),
    ],
)
def test_spikes_that_cannot_arrive_are_refused(circuit, times, neurons, weight, message):
    with pytest.raises(InvalidInputError, match=message):
        circuit.send(circuit.populations[0], times, neurons, weight=weight)


def test_spikes_of_the_past_are_refused_later_too(circuit):
    list(circuit.run(20.0))
    with pytest.raises(InvalidInputError, match="has passed"):
        circuit.send(circuit.populations[0], [15.0], [1], weight=1.0)
    with pytest.raises(InvalidInputError, match="has passed"):
        circuit.release([20.0])


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"size": -0.1}, "from 0"),
        ({"size": np.nan}, "from 0"),
        ({"gain": np.nan}, "finite"),
        ({"delay": np.nan}, "finite"),
        ({"delay": 0.01}, "one step"),
        ({"living": Living(LOG, day=1000.0, tick=0.25)}, "multiple of the step"),
        ({"living": Living(LOG, day=1000.0, tick=1.0), "size": 0.0}, "log-size"),
        ({"living": Living(LOG, day=1000.0, tick=1.0), "timing": RULE}, "log-size"),
    ],
)
def test_connections_that_cannot_be_are_refused(circuit, more, message):
    with pytest.raises(InvalidInputError, match=message):
        joined(circuit, **more)


def test_conductances_are_not_negative(circuit):
    cells, others = circuit.populations
    with pytest.raises(InvalidInputError, match="inhibitory=True"):
        circuit.connect(cells, others, OutDegree(2), size=0.1, gain=-1.0, delay=1.0, inhibitory=True)
    with pytest.raises(InvalidInputError, match="inhibitory=True"):
        circuit.poisson(others, rate=1.0, weight=-1.0)


def test_other_numbers_and_populations_of_other_circuits_are_refused(circuit):
    stranger = Circuit(seed=1).neurons(10, IntegrateAndFire(), name="E")
    with pytest.raises(InvalidInputError, match="not of this circuit"):
        circuit.poisson(stranger, rate=1.0, weight=1.0)
    with pytest.raises(InvalidInputError, match="rate"):
        circuit.poisson(circuit.populations[0], rate=-1.0, weight=1.0)
    with pytest.raises(InvalidInputError, match="potentials"):
        circuit.set_potentials(circuit.populations[0], np.nan)
    with pytest.raises(InvalidInputError, match="whole numbers"):
        circuit.connect(
            *circuit.populations, Edges(np.array([0.5]), np.array([1])), size=0.1, gain=1.0, delay=1.0
        )  # fmt: skip
    with pytest.raises(InvalidInputError, match="every"):
        next(circuit.run(10.0, every=0.0))
    with pytest.raises(InvalidInputError, match="dt"):
        Circuit(seed=1, dt=float("nan"))
