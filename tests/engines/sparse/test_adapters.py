"""Spine sparsity in the loops of other libraries; each test runs where its library is installed."""

import importlib.util
import pickle
import warnings

import pytest

from spinula.core.errors import InvalidInputError, MissingExtraError
from spinula.engines.sparse.rules import RULES

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from spinula.engines.sparse.pytorch import SpineOptimizer, adapters, sparsify  # noqa: E402
from spinula.engines.sparse.pytorch.adapters import SpineLog  # noqa: E402
from spinula.engines.sparse.pytorch.masked import SpineSparsity  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # the other libraries' own


def _library(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(name)


def _net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(12, 24), nn.ReLU(), nn.Linear(24, 3))


def _data(size=64):
    random = torch.Generator().manual_seed(1)
    y = torch.randint(3, (size,), generator=random)
    return torch.randn(size, 12, generator=random) + y[:, None], y


def _make(model):
    return SpineSparsity(model, density=0.25, seed=2, rate=3.0)


def _is_sparse(model, sparsity):
    counts = [int(torch.count_nonzero(m.weight)) for m in model.modules() if isinstance(m, nn.Linear)]
    assert counts == list(sparsity.target.values())
    assert sum(layer.formed for layer in sparsity.layers.values()) > 0


@pytest.mark.parametrize(("name", "library"), [(name, home[0]) for name, home in adapters._HOME.items()])
def test_an_absent_library_is_named(name, library):
    if importlib.util.find_spec(library):
        pytest.skip("it is installed")
    with pytest.raises(MissingExtraError, match=rf"spinula\[{library}\]"):
        getattr(adapters, name)
    with pytest.raises(AttributeError, match="no attribute"):
        adapters.KerasSpines


@pytest.mark.parametrize("masked", [True, False])
def test_the_log_reads_either_kind_of_sparsity(masked):
    model = _net() if masked else sparsify(_net(), 0.25, seed=1)
    log = SpineLog(_make if masked else None)
    if masked:
        optimizer = torch.optim.SGD(model.parameters(), 0.3)
    else:
        optimizer = SpineOptimizer(model, 0.3, law=RULES["spine"].law)
    log.begin(model, [optimizer])
    x, y = _data()
    for _ in range(30):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    values = log.read()
    assert values["spines/connection_density"] == pytest.approx(0.25, abs=0.01)
    assert values["spines/turnover_ratio"] > 0
    assert values["spines/turnover_steps"] == 30
    assert log.read()["spines/turnover_steps"] == 0
    with pytest.raises(InvalidInputError, match="no SpineLinear"):
        SpineLog().begin(_net(), [])


def _lightning_module():
    from lightning.pytorch import LightningModule

    class Module(LightningModule):
        def __init__(self):
            super().__init__()
            self.net = _net()

        def training_step(self, batch, index):
            return nn.functional.cross_entropy(self.net(batch[0]), batch[1])

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), 0.2, momentum=0.9)

    return Module()


def test_lightning(tmp_path):
    _library("lightning")
    from lightning.pytorch import Trainer

    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*_data()), batch_size=16)

    def fit(module, epochs, path=None):
        spines = adapters.LightningSpines(_make)
        trainer = Trainer(
            max_epochs=epochs, callbacks=[spines], accelerator="cpu", logger=False, accumulate_grad_batches=2,
            enable_progress_bar=False, enable_model_summary=False, enable_checkpointing=False,
        )  # fmt: skip
        trainer.fit(module, loader, ckpt_path=path)
        return trainer, spines.spines.sparsity

    whole = _lightning_module()
    trainer, sparsity = fit(whole, 6)
    _is_sparse(whole, sparsity)
    assert sparsity.layers["net.0"].steps == 12  # 4 batches, 2 to a step
    assert trainer.callback_metrics["spines/turnover_ratio"] > 0
    half, _ = fit(_lightning_module(), 3)
    half.save_checkpoint(tmp_path / "half.ckpt")
    cut = _lightning_module()
    fit(cut, 6, tmp_path / "half.ckpt")
    for key, value in whole.state_dict().items():
        assert torch.equal(value, cut.state_dict()[key]), key


class _Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = _net()

    def forward(self, x, labels):
        scores = self.net(x)
        return {"loss": nn.functional.cross_entropy(scores, labels), "logits": scores}


def test_transformers(tmp_path):
    transformers = _library("transformers")
    _library("accelerate")
    x, y = _data()
    rows = [{"x": a, "labels": b} for a, b in zip(x, y, strict=True)]

    def fit(model, resume=None, steps=20):
        settings = transformers.TrainingArguments(
            output_dir=str(tmp_path), max_steps=20, per_device_train_batch_size=16, gradient_accumulation_steps=2,
            logging_steps=5, save_steps=10, learning_rate=0.05, report_to=[], use_cpu=True, disable_tqdm=True,
            weight_decay=0.0, seed=3,
        )  # fmt: skip
        spines = adapters.TrainerSpines(_make)
        trainer = transformers.Trainer(model, settings, train_dataset=rows, callbacks=[spines])
        trainer.train(resume_from_checkpoint=resume)
        return trainer, spines.spines.sparsity

    whole = _Classifier()
    trainer, sparsity = fit(whole)
    _is_sparse(whole, sparsity)
    assert sparsity.layers["net.0"].steps == 20
    logs = [entry for entry in trainer.state.log_history if "loss" in entry]
    assert [entry["spines/turnover_steps"] for entry in logs] == [5] * 4
    assert logs[-1]["spines/connection_density"] == pytest.approx(0.25, abs=0.01)
    cut = _Classifier()
    _, other = fit(cut, str(tmp_path / "checkpoint-10"))
    assert other.layers["net.0"].steps == 20
    for key, value in whole.state_dict().items():
        assert torch.equal(value, cut.state_dict()[key]), key


def test_avalanche():
    _library("avalanche")
    from avalanche.benchmarks.utils import AvalancheDataset
    from avalanche.benchmarks.utils.data_attribute import DataAttribute
    from avalanche.training import Naive

    x, y = _data()

    def experience(number):
        data = torch.utils.data.TensorDataset(x + number, y)
        tasks = DataAttribute([0] * len(y), "targets_task_labels", use_in_getitem=True)
        labels = DataAttribute(y.tolist(), "targets")
        return AvalancheDataset([data], data_attributes=[labels, tasks])

    from avalanche.benchmarks import benchmark_from_datasets

    benchmark = benchmark_from_datasets(train=[experience(0), experience(1)], test=[experience(0)])
    model = _net()
    plugin = adapters.AvalanchePlugin(_make)
    strategy = Naive(
        model=model, optimizer=torch.optim.SGD(model.parameters(), 0.2), criterion=nn.CrossEntropyLoss(),
        train_mb_size=16, train_epochs=3, plugins=[plugin],
    )  # fmt: skip
    for part in benchmark.train_stream:
        strategy.train(part, num_workers=0)
    sparsity = plugin.spines.sparsity
    _is_sparse(model, sparsity)
    assert sparsity.layers["0"].steps == 2 * 3 * 4
    assert strategy.evaluator.last_metric_results["spines/turnover_steps"] == 4


def test_adapters_can_be_pickled():
    _library("lightning")
    assert pickle.loads(pickle.dumps(adapters.LightningSpines())).spines.make is None
