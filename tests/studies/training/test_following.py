"""A network that is followed: rows, the checkpoint, texts, and models that need PyTorch."""

import numpy as np
import pytest

from spinula.core.errors import InvalidInputError, UnknownNameError
from spinula.engines.sparse.rules import RULES
from spinula.studies.training import Data, Plan, train
from spinula.studies.training.data import Text, load_text
from spinula.studies.training.following import Journal, fingerprint
from spinula.studies.training.torch_models import ModelPlan, model_rule, train_model


def _images(count=320):
    random = np.random.default_rng(0)
    images = random.normal(size=(count, 36)).astype(np.float32)
    labels = (images[:, :18].sum(1) > images[:, 18:].sum(1)).astype(np.int64)
    return Data("halves", images, labels, images[:64], labels[:64], images[:64], labels[:64])


def _text(letters=4000):
    # Words of three letters and a space: predictable, but not from frequencies.
    codes = np.resize(np.array([0, 1, 2, 3, 2, 1, 0, 3]), letters).astype(np.int64)
    return Text("words", "abc ", codes, codes[:500])


def _plans():
    yield train, Plan(RULES["deep_r"], 0.3, (16,), epochs=4, batch=32), _images()
    cnn = ModelPlan("cnn", model_rule("spine", "cnn"), 0.3, epochs=4, batch=32, hidden=16)
    yield train_model, cnn, _images()
    sizes = {"context": 16, "width": 16, "depth": 1}
    yield train_model, ModelPlan("transformer", model_rule("deep_r", "transformer"), 0.3, epochs=4, **sizes), _text()


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_run_that_was_cut_goes_on_to_the_same_end(tmp_path, number):
    if number:
        pytest.importorskip("torch")
    run, plan, data = list(_plans())[number]
    *rows, (last, whole) = run(plan, data, record=True)
    begun = run(plan, data, record=True, journal=Journal(tmp_path, "mark"))
    next(begun)
    next(begun)
    begun.close()
    journal = Journal(tmp_path, "mark", resume=True)
    *again, (end, cut) = run(plan, data, record=True, journal=journal)
    assert journal.restored == 2
    assert ([row for row, _ in again], end) == ([row for row, _ in rows], last)
    assert cut.table.frame.equals(whole.table.frame)
    for one, other in zip(whole.layers, cut.layers, strict=True):
        assert np.array_equal(one.cols, other.cols)
        assert np.array_equal(one.weights, other.weights)
    journal.close()
    assert not any(tmp_path.iterdir())


def test_the_part_of_another_run_is_refused_or_removed(tmp_path):
    plan, data = Plan(RULES["static"], 0.3, (16,), epochs=2, batch=32), _images()
    next(train(plan, data, journal=Journal(tmp_path, "one")))
    with pytest.raises(InvalidInputError, match="another run"):
        Journal(tmp_path, "two", resume=True)
    journal = Journal(tmp_path, "two")
    list(train(plan, data, journal=journal))
    assert journal.restored == 0
    marks = {fingerprint(plan.as_dict(), data.labels), fingerprint(plan.as_dict(), data.labels[::-1]),
             fingerprint({**plan.as_dict(), "seed": 1}, data.labels)}  # fmt: skip
    assert len(marks) == 3


def test_rows_say_what_came_and_went():
    *_, (_, trained) = train(Plan(RULES["soft_deep_r"], 0.3, (16,), epochs=4, batch=32), _images())
    history = trained.history
    before = np.concatenate([[history["connections"].iloc[0] - history["formed"].iloc[0]
                              + history["eliminated"].iloc[0]], history["connections"][:-1]])  # fmt: skip
    assert (history["connections"] - before == history["formed"] - history["eliminated"]).all()
    assert (history["formed"] != history["eliminated"]).any()
    assert (history["size_low"] < history["size_median"]).all()
    assert (history["size_formed"] < history["size_high"]).all()
    *_, (_, still) = train(Plan(RULES["static"], 0.3, (16,), epochs=2, batch=32), _images())
    assert still.history["formed"].sum() == 0
    assert still.history["size_formed"].isna().all()


def test_a_transformer_reads_and_a_reader_of_frequencies_does_not():
    pytest.importorskip("torch")
    text = _text()
    plan = ModelPlan("transformer", model_rule("spine", "transformer"), 0.4, epochs=12, context=16, width=16, depth=1)
    *_, (last, trained) = train_model(plan, text)
    assert text.entropy == pytest.approx(2.0, abs=0.01)
    assert last["bits"] < 1.2
    assert last["bits"] == pytest.approx(last["held_out_loss"] / np.log(2))
    assert len(trained.layers) == 4
    *_, (dense, full) = train_model(ModelPlan("transformer", model_rule("dense", "transformer"), epochs=2, context=16,
                                              width=16, depth=1), text)  # fmt: skip
    assert full.layers == []
    assert "connections" not in dense


@pytest.mark.slow
def test_docstrings_are_the_same_text_every_time_and_what_is_held_out_is_apart():
    one, two = load_text(), load_text()
    assert one.alphabet == two.alphabet
    assert np.array_equal(one.codes, two.codes)
    assert len(one.codes) > 300_000
    assert 0.05 < len(one.held_out) / len(one.codes) < 0.4
    assert 3.0 < one.entropy < 6.0
    learnt, held_out = ("".join(one.alphabet[code] for code in part) for part in (one.codes, one.held_out))
    assert learnt.count("Return") > 100
    assert held_out[1000:1200] not in learnt


def test_a_text_from_a_file(tmp_path):
    path = tmp_path / "a.txt"
    letters = [chr(0x4E00 + k) for k in range(300)]
    path.write_text("".join(letters[k * k % 300 if k % 3 else k % 40] for k in range(20_000)), encoding="utf-8")
    text = load_text(path)
    assert len(text.codes) == 18_000
    assert len(text.held_out) == 2_000
    assert len(text.alphabet) <= 256
    assert text.alphabet.endswith("\ufffd")
    path.write_bytes(b"\xff\xfe" * 10_000)
    with pytest.raises(InvalidInputError, match="not a text in UTF-8"):
        load_text(path)
    path.write_text("too short")
    with pytest.raises(InvalidInputError, match="wanted at least 10000"):
        load_text(path)


def test_what_a_model_does_not_have_is_refused():
    with pytest.raises(InvalidInputError, match="it has spine, deep_r, static, dense"):
        model_rule("rigl", "cnn")
    with pytest.raises(UnknownNameError, match="transformer"):
        model_rule("spine", "transformr")
    with pytest.raises(InvalidInputError, match="learns images"):
        next(train_model(ModelPlan("cnn", model_rule("spine", "cnn")), _text()))
    with pytest.raises(InvalidInputError, match="learns a text"):
        next(train_model(ModelPlan("transformer", model_rule("spine", "transformer")), _images()))
