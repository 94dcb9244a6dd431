"""Fits of the real tables against a second implementation, and what the fitted law predicts of them.

The second implementation shares nothing with the first: a dense covariance per spine, Cholesky, Nelder-Mead.
"""

import numpy as np
import pandas as pd
import pytest
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize

from spinula.core.errors import SpinulaWarning
from spinula.core.table import SpineTable
from spinula.fit.likelihood import fit_log_ou
from spinula.fit.predictive import predict_change


def melander(folder, cell_type):
    frame = pd.read_csv(folder / "melander2021_psd95" / "melander2021_weights_long.csv.gz")
    frame = frame[frame["cell_type"] == cell_type].rename(columns={"synapse_id": "spine_id"})
    size = frame["psd95_norm"]
    columns = ["dendrite", "spine_id", "session", "day"]
    return SpineTable(frame[columns].assign(size=size, present=size > 0, observed=True), "a.u.")


def rr30a(folder):
    frame = pd.read_csv(folder / "mapmanager_rr30a" / "rr30a_spines_long.csv", low_memory=False)
    logs = np.log(frame["ubssSum_ch2"].where(frame["ubssSum_ch2"] > 0))
    logs -= logs.groupby(frame["session"]).transform("mean")
    return SpineTable(
        frame[["session", "day", "spine_id"]].assign(
            animal="rr30a", dendrite=frame["parentID"].astype(str), size=np.exp(logs), present=True, observed=True
        ),
        "a.u.",
    )


def second_implementation(table):
    """Return time constant, SD, noise and mean at the maximum of a likelihood written out spine by spine."""
    spines = []
    for _, group in table.frame[table.frame["size"] > 0].groupby(["dendrite", "spine_id"]):
        day = group["day"].to_numpy()
        spines.append((np.log(group["size"].to_numpy()), np.abs(np.subtract.outer(day, day))))

    def cost(theta):
        (tau, sd, noise), mean, total = np.exp(theta[:3]), theta[3], 0.0
        for logs, lag in spines:
            factor = cho_factor(sd**2 * np.exp(-lag / tau) + noise**2 * np.eye(len(logs)), lower=True)
            away = logs - mean
            total += np.log(np.diag(factor[0])).sum() + 0.5 * away @ cho_solve(factor, away)
        return total

    start = np.array([np.log(60), np.log(0.6), np.log(0.25), -0.2])
    best = minimize(cost, start, method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-5, "maxiter": 600})
    return dict(zip(("time_constant", "log_sd", "log_noise"), np.exp(best.x[:3]), strict=True)) | {
        "log_mean": best.x[3]
    }


# (time constant, SD, noise) of the first-pass fits in the project's notes, which another program made.
FIRST_PASS = {"pyr": (102, 0.98, 0.208), "pv": (175, 0.46, 0.186), "rr30a": (159, 0.53, 0.295)}


def read(name, folder):
    return rr30a(folder) if name == "rr30a" else melander(folder, name)


@pytest.mark.parametrize("name", FIRST_PASS)
def test_fit_agrees_with_the_first_pass_and_says_what_it_rests_on(name, data_dir):
    with pytest.warns(SpinulaWarning) as caught:
        fit = fit_log_ou(read(name, data_dir))
    for key, expected in zip(("time_constant", "log_sd", "log_noise"), FIRST_PASS[name], strict=True):
        assert fit[key].value == pytest.approx(expected, rel=0.05)
    assert "exceeds the recording" in str(caught[0].message)


@pytest.mark.slow
@pytest.mark.parametrize("name", FIRST_PASS)
def test_fit_agrees_with_a_second_implementation(name, data_dir):
    table = read(name, data_dir)
    fit, other = fit_log_ou(table, check=False), second_implementation(table)
    for key, value in other.items():
        assert fit[key].value == pytest.approx(value, rel=0.01), key  # asked for: 5 %


# Bins inside the 95 % band, of six by size. The log law over-predicts the change of the largest synapses and
# under-predicts that of the smallest, in both cell types: a known failure of the law, kept here as it is.
INSIDE = {"pyr": [False, True, True, True, False, False], "pv": [False, True, True, False, False, False]}


@pytest.mark.parametrize("name", INSIDE)
def test_posterior_predictive_change_by_size(name, data_dir):
    table = melander(data_dir, name)
    check = predict_change(table, fit_log_ou(table, check=False), seed=1)
    assert check.bins["inside"].tolist() == INSIDE[name]
    assert check.bins["observed"].iloc[0] > check.bins["high"].iloc[0]
    assert check.bins["observed"].iloc[-1] < check.bins["low"].iloc[-1]
    assert check.chance < 0.05
