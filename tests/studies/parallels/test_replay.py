"""Replay: the limits in which it is gradient descent, and what each kind of replay does to one network."""

import numpy as np

from spinula.studies.parallels.pairs import replay
from spinula.studies.training.data import load_data


def test_replays_are_gradient_steps_with_weight_decay_to_rest():
    assert replay.decay_gap(4, events=60) < 1e-12


def test_replay_of_everything_is_joint_training():
    assert replay.joint_gap(5, load_data("digits")) < 1e-5


def test_a_circuit_without_replay_forgets_faster_than_with_it():
    none, stored = (replay.forget(kind, 3, 15) for kind in replay.CIRCUITS[:2])
    assert none["contrast"][0] == stored["contrast"][0]
    assert none["contrast"][-1] < stored["contrast"][-1] - 0.2
    shuffled = replay.forget("shuffled patterns", 3, 15)
    assert abs(shuffled["contrast"][-1] - none["contrast"][-1]) < 0.15


def test_generators_and_samples_take_the_same_bytes_and_keep_the_first_task():
    data = load_data("digits")
    found = {
        kind: replay.learn(kind, 0.2, data, epochs=3, seed=1, final=False)
        for kind in ("none", "experience replay", "generative replay", "scrambled replay")
    }
    assert 5100 < found["experience replay"]["bytes"] <= found["generative replay"]["bytes"] == 5200
    first = {kind: np.array(one["matrix"])[-1, 0] for kind, one in found.items()}
    assert min(first["experience replay"], first["generative replay"]) > 0.5
    assert max(first["none"], first["scrambled replay"]) < 0.4
