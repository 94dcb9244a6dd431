"""Known protections of a dense network: against forgetting (EWC, SI), and against loss of plasticity (CBP)."""

from __future__ import annotations

import numpy as np

from spinula.core.streams import Streams
from spinula.engines.continual.dense import DensePerceptron

_FISHER_SAMPLES = 2000


class ElasticConsolidation:
    """EWC: after each task, its Fisher information anchors the parameters where they are.

    Loss + strength/2 * sum over tasks of F_k*(theta - theta_k)^2. The sum over tasks is one parabola, so that two
    vectors (sum of F_k, sum of F_k*theta_k) keep all tasks exactly. The pull is taken implicitly, which is stable for
    any strength: theta <- (theta + rate*strength*pull)/(1 + rate*strength*stiffness).

    Source
    ------
    [kirkpatrick2017] eq. 3. The diagonal Fisher information is exact over labels, on 2,000 samples of the task.
    """

    def __init__(self, strength: float) -> None:
        self.strength = strength
        self.stiffness = self.pull = np.zeros(0, np.float32)

    def stepped(self, net: DensePerceptron, gradient: np.ndarray, features: list[np.ndarray]) -> None:
        """Pull the parameters towards their anchors."""
        if len(self.stiffness):
            strength = np.float32(net.rate * self.strength)
            net.theta += strength * self.pull
            net.theta /= 1 + strength * self.stiffness

    def finished(self, net: DensePerceptron, images: np.ndarray, labels: np.ndarray) -> None:
        """Anchor what the task needs."""
        fisher = fisher_information(net, images[:_FISHER_SAMPLES], labels[:_FISHER_SAMPLES])
        if not len(self.stiffness):
            self.stiffness, self.pull = np.zeros_like(net.theta), np.zeros_like(net.theta)
        self.stiffness += fisher
        self.pull += fisher * net.theta

    def copies(self) -> int:
        """Return 2."""
        return 2


def fisher_information(net: DensePerceptron, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the mean over samples of sum_c p_c*(d log p_c/d theta)^2, by parameter.

    Source
    ------
    [kirkpatrick2017]: the diagonal, with labels drawn from the model; here their expectation.
    """
    features = net.forward(images)
    chances = net.chances(features[-1], labels)
    made = np.zeros_like(net.theta)
    weights, biases = net.parts(made)
    for chosen in range(net.widths[-1]):
        slope = chances.copy()
        slope[:, chosen] -= 1.0
        share = chances[:, chosen, None] / len(labels)
        for number, dy in enumerate(net.backward(features, slope)):
            # The gradient of one sample is an outer product, and so is its square.
            weighted = share * dy**2
            weights[number] += (features[number] ** 2).T @ weighted
            biases[number] += weighted.sum(axis=0)
    return made


class SynapticIntelligence:
    """SI: what a parameter did for the loss along its path is how stiff it is afterwards.

    Path w += -gradient*change at every step; at the end of a task stiffness += max(w, 0)/(way^2 + damping). Loss +
    strength*sum of stiffness*(theta - anchor)^2, its pull taken implicitly as in :class:`ElasticConsolidation`.

    Source
    ------
    [zenke2017] eqs. 3 to 5. Negative contributions are cut off, as in the authors' code.
    """

    def __init__(self, strength: float, *, damping: float = 0.1) -> None:
        self.strength, self.damping = strength, damping
        self.anchor = self.stiffness = self.path = np.zeros(0, np.float32)

    def stepped(self, net: DensePerceptron, gradient: np.ndarray, features: list[np.ndarray]) -> None:
        """Pull the parameters towards their anchors, and book what the step did."""
        if not len(self.path):
            # The first step was made already: take it back to find where the task began.
            self.anchor = net.theta + net.rate * gradient
            self.stiffness, self.path = np.zeros_like(net.theta), np.zeros_like(net.theta)
        before = net.theta + net.rate * gradient
        strength = np.float32(2 * net.rate * self.strength)
        net.theta += strength * self.stiffness * self.anchor
        net.theta /= 1 + strength * self.stiffness
        self.path -= gradient * (net.theta - before)

    def finished(self, net: DensePerceptron, images: np.ndarray, labels: np.ndarray) -> None:
        """Turn the path into stiffness, and begin a new one here."""
        self.stiffness += np.maximum(self.path, 0) / ((net.theta - self.anchor) ** 2 + np.float32(self.damping))
        self.anchor, self.path = net.theta.copy(), np.zeros_like(net.theta)

    def copies(self) -> int:
        """Return 3."""
        return 3


class ContinualBackprop:
    """CBP: at every step a small share of the mature hidden units, the least useful ones, begin anew.

    Utility of a unit: a running mean of |output| times the sum of its outgoing |weights|. A unit that begins anew has
    fresh incoming weights and outgoing weights of 0, and is safe until it is mature.

    Parameters
    ----------
    share : float, of a layer's mature units per step
    maturity : int, steps
    memory : float, of the running mean, per step

    Source
    ------
    [dohare2024] algorithm 1.
    """

    def __init__(self, share: float, *, seed: int, maturity: int = 100, memory: float = 0.99) -> None:
        self.share, self.maturity, self.memory = share, maturity, memory
        self.utility: list[np.ndarray] = []
        self.age: list[np.ndarray] = []
        self.due: list[float] = []
        self.replaced = 0
        self._generator = Streams(seed).generator("continual backprop")

    def stepped(self, net: DensePerceptron, gradient: np.ndarray, features: list[np.ndarray]) -> None:
        """Update utilities, and let units begin anew where they are due."""
        if not self.utility:
            self.utility = [np.zeros(width, np.float32) for width in net.widths[1:-1]]
            self.age, self.due = [np.zeros(width, np.int64) for width in net.widths[1:-1]], [0.0] * len(self.utility)
        for layer, utility in enumerate(self.utility):
            out, age = net.weights[layer + 1], self.age[layer]
            age += 1
            utility *= self.memory
            # Outputs of a rectifier are their own magnitude.
            utility += (1 - self.memory) * features[layer + 1].mean(axis=0) * np.abs(out).sum(axis=1)
            mature = age > self.maturity
            self.due[layer] += self.share * mature.sum()
            while self.due[layer] >= 1.0 and mature.any():
                self._renew(net, layer, int(np.where(mature, utility, np.inf).argmin()))
                mature = age > self.maturity
                self.due[layer] -= 1.0

    def _renew(self, net: DensePerceptron, layer: int, unit: int) -> None:
        weight = net.weights[layer]
        weight[:, unit] = self._generator.standard_normal(len(weight)) * np.sqrt(2.0 / len(weight))
        net.biases[layer][unit], net.weights[layer + 1][unit] = 0.0, 0.0
        self.utility[layer][unit], self.age[layer][unit] = 0.0, 0
        self.replaced += 1

    def finished(self, net: DensePerceptron, images: np.ndarray, labels: np.ndarray) -> None:
        """Do nothing: it knows no tasks."""

    def copies(self) -> int:
        """Return 0: it keeps two numbers per unit."""
        return 0
