import json

import numpy as np
import pytest

from spinula.core.errors import UnknownNameError
from spinula.studies.memory.study import Options, run_case
from spinula.studies.reinforcement.cases import above, below, index, inside, peak_and_half
from spinula.studies.reinforcement.catalogue import STUDIES, study


@pytest.mark.parametrize("name", STUDIES)
def test_cases_are_plain_and_have_one_name_each(name):
    cases = study(name).cases(Options(trial=True))
    assert len({case["name"] for case in cases}) == len(cases)
    assert json.loads(json.dumps(cases)) == cases


def test_a_case_is_a_function_of_itself():
    case = study("discrimination").cases(Options(trial=True))[0] | {"animals": 2}
    one, other = (run_case(study("discrimination"), case, None) for _ in range(2))
    assert one == other
    assert json.loads(json.dumps(one)) == one


def test_peak_and_half_of_a_triangle():
    x = np.linspace(0, 4, 41)
    np.testing.assert_allclose(peak_and_half(x, np.maximum(0, 1 - np.abs(x - 2.0))), [2.0, 1.5, 2.5], atol=1e-9)
    assert np.isnan(peak_and_half(x, x)[2])


def test_judgement_is_by_the_whole_interval():
    values = np.array([0.9, 1.0, 1.1])
    assert above(values, 0.7)
    assert not above(values, 0.9)
    assert below(values, 1.3)
    assert not below(values, 1.1)
    assert inside(values, 1.0, 0.3)
    assert not inside(values, 1.0, 0.1)
    assert not below(np.array([np.nan, 1.0]), 2.0)
    assert not below(np.array([1.0]), 2.0)


def test_the_index_of_silence_is_zero():
    np.testing.assert_array_equal(index(np.array([[0.0, 0.0], [3.0, 1.0], [0.0, 2.0]])), [0.0, 0.5, -1.0])


def test_unknown_studies_are_refused():
    with pytest.raises(UnknownNameError, match="aquisition"):
        study("aquisition")
