"""The Kalman filter over a whole panel, with its exact gradient, compiled.

    x = sum of Ornstein-Uhlenbeck processes (stationary SD sds[k], rate rates[k]);  y = mean + x + noise * normal

A process with rate 0 is a fixed difference between spines. Spines that were imaged on the same days share the gains of
the filter, and the filter is linear in the data: that is why the rows may be compressed (see ``patterns``).
"""

from __future__ import annotations

from math import log, pi
from typing import NamedTuple

import numpy as np
from numba import njit

from spinula.law.logsize import log_step_factors

_step_factors = njit(inline="always")(log_step_factors)


class Law(NamedTuple):
    """The parameters: rates (1/day) and stationary SDs of the processes (arrays), noise and mean."""

    rates: np.ndarray
    sds: np.ndarray
    noise: float
    mean: float


@njit(cache=True, error_model="numpy")
def filter_panel(rows, law):
    """Return the log-likelihood, the score of each group and the information of the whole panel.

    With innovation v and its variance F, each size adds -[log(2 pi F) + v^2/F]/2. The derivatives of v and F run along
    with the filter. Their order is: log rates, log sds, log noise, mean.

    Parameters
    ----------
    rows : Rows, see :class:`spinula.fit.kalman.patterns.Rows`
    law : Law

    Returns
    -------
    float, Array of shape (groups, derivatives), Array of shape (derivatives, derivatives)
        The information is the sum of dF dF'/(2 F^2) + dv dv'/F: positive, and the expected one in the mean.

    Source
    ------
    [kalman1960]; derivatives by differentiating the recursion.
    """
    processes = law.rates.size
    derivatives = 2 * processes + 2
    total = 0.0
    score = np.zeros((rows.length.size, derivatives))
    information = np.zeros((derivatives, derivatives))
    cov, dcov = np.zeros((processes, processes)), np.zeros((derivatives - 1, processes, processes))
    kept, bend = np.zeros(processes), np.zeros(processes)
    gain, dgain = np.zeros(processes), np.zeros((derivatives, processes))
    dspread, dmiss = np.zeros(derivatives), np.zeros(derivatives)
    widest = np.max(rows.first_row[1:] - rows.first_row[:-1])
    state, dstate = np.zeros((widest, processes)), np.zeros((widest, derivatives, processes))
    for group in range(rows.length.size):
        begin, spines, count = (
            rows.first_row[group],
            rows.first_row[group + 1] - rows.first_row[group],
            rows.spines[group],
        )
        state[:spines], dstate[:spines] = 0.0, 0.0
        start_covariance(cov, dcov, law.sds)
        for session in range(rows.length[group]):
            if session > 0:
                predict(cov, dcov, kept, bend, law, rows.gap[group, session])
                carry(state[:spines], dstate[:spines], kept, bend)
            spread = update(cov, dcov, gain, dgain, dspread, law.noise)
            total -= 0.5 * count * log(2 * pi * spread)
            for a in range(derivatives):
                score[group, a] -= 0.5 * count * dspread[a] / spread
                for b in range(a + 1):
                    information[a, b] += 0.5 * count * dspread[a] * dspread[b] / (spread * spread)
            for row in range(spines):
                one = rows.ones[begin + row]
                miss = rows.values[begin + row, session] - law.mean * one
                for a in range(derivatives):
                    dmiss[a] = 0.0
                dmiss[derivatives - 1] = -one
                for k in range(processes):
                    miss -= state[row, k]
                    for a in range(derivatives):
                        dmiss[a] -= dstate[row, a, k]
                scaled = miss / spread
                total -= 0.5 * miss * scaled
                for a in range(derivatives):
                    score[group, a] += 0.5 * scaled * scaled * dspread[a] - scaled * dmiss[a]
                    share = dmiss[a] / spread
                    for b in range(a + 1):
                        information[a, b] += share * dmiss[b]
                    for k in range(processes):
                        dstate[row, a, k] += dgain[a, k] * miss + gain[k] * dmiss[a]
                for k in range(processes):
                    state[row, k] += gain[k] * miss
    for a in range(derivatives):
        for b in range(a):
            information[b, a] = information[a, b]
    return total, score, information


@njit(inline="always", error_model="numpy")
def start_covariance(cov, dcov, sds):
    """Set the covariance of the state, and its derivatives, to those of the stationary law."""
    processes = sds.size
    cov[:], dcov[:] = 0.0, 0.0
    for k in range(processes):
        cov[k, k] = sds[k] * sds[k]
        dcov[processes + k, k, k] = 2 * cov[k, k]


@njit(inline="always", error_model="numpy")
def predict(cov, dcov, kept, bend, law, gap):
    """Carry the covariance over a gap; ``kept`` becomes exp(-rate*gap), ``bend`` its logarithm's derivative."""
    processes = law.rates.size
    for k in range(processes):
        kept[k], _ = _step_factors(law.sds[k], law.rates[k], gap)
        bend[k] = -law.rates[k] * gap
    for k in range(processes):
        for m in range(processes):
            both = kept[k] * kept[m]
            for a in range(dcov.shape[0]):
                dcov[a, k, m] *= both
            cov[k, m] *= both
            dcov[k, k, m] += bend[k] * cov[k, m]
            dcov[m, k, m] += bend[m] * cov[k, m]
    for k in range(processes):
        _, scatter = _step_factors(law.sds[k], law.rates[k], gap)
        cov[k, k] += scatter * scatter
        dcov[k, k, k] -= 2 * bend[k] * (law.sds[k] * kept[k]) ** 2
        dcov[processes + k, k, k] += 2 * scatter * scatter


@njit(inline="always", error_model="numpy")
def carry(state, dstate, kept, bend):
    """Carry the state of every row, and its derivatives, over a gap."""
    for row in range(state.shape[0]):
        for k in range(kept.size):
            state[row, k] *= kept[k]
            for a in range(dstate.shape[1]):
                dstate[row, a, k] *= kept[k]
            dstate[row, k, k] += bend[k] * state[row, k]


@njit(inline="always", error_model="numpy")
def update(cov, dcov, gain, dgain, dspread, noise):
    """Take one measurement in: set the gain and condition the covariance; return the innovation's variance."""
    processes = gain.size
    noisy = 2 * processes
    spread = noise * noise
    dspread[:] = 0.0
    dspread[noisy] = 2 * noise * noise
    for k in range(processes):
        gain[k] = 0.0
        for m in range(processes):
            gain[k] += cov[k, m]
        spread += gain[k]
        for a in range(noisy + 1):
            dgain[a, k] = 0.0
            for m in range(processes):
                dgain[a, k] += dcov[a, k, m]
            dspread[a] += dgain[a, k]
    # gain and dgain hold cov*H and its derivative here; divide after they conditioned the covariance.
    for k in range(processes):
        for m in range(processes):
            share = gain[k] * gain[m] / spread
            cov[k, m] -= share
            for a in range(noisy + 1):
                cross = dgain[a, k] * gain[m] + gain[k] * dgain[a, m]
                dcov[a, k, m] -= (cross - share * dspread[a]) / spread
    for k in range(processes):
        gain[k] /= spread
        for a in range(noisy + 1):
            dgain[a, k] = (dgain[a, k] - gain[k] * dspread[a]) / spread
    return spread
