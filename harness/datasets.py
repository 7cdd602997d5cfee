"""Where the controller finds the files of a data set; boards get them as a payload, the FL server reads them here."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from harness.errors import FedRackError, UnknownName

DATA_ENV = "FEDRACK_DATA"  # a folder with one folder per data set: <FEDRACK_DATA>/cifar10/data_batch_1.bin

FASHION_MNIST_URL = "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/"
FASHION_MNIST_MD5 = {  # as published in the data set's README, of the gzipped files
    "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
    "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
    "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
}
DEBIAN_FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")  # dpkg -L dataset-fashion-mnist
CIFAR10_FILES = [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]
CIFAR100_FILES = ["train.bin", "test.bin"]


@dataclass(frozen=True, kw_only=True)
class DataFiles:
    """A data set on the controller: its folder and the files in it. Synthetic sets have none."""

    name: str
    folder: Path
    files: dict[str, Path]


def find(name: str) -> DataFiles:
    """Locate a data set's files, downloading where the set allows. Raises `FedRackError` with the way to get them."""
    if name not in _FINDERS:
        raise UnknownName("data set", name, _FINDERS)
    return _FINDERS[name]()


def _own_folder(name: str) -> Path:
    root = os.environ.get(DATA_ENV)
    return (Path(root) if root else Path.home() / ".cache" / "fedrack" / "data") / name


def _digits() -> DataFiles:
    spec = importlib.util.find_spec("sklearn")  # finds the package without importing it
    if spec is None or not spec.submodule_search_locations:
        raise FedRackError("the digits data set ships with scikit-learn, which is missing", remedy="run: make setup")
    folder = Path(next(iter(spec.submodule_search_locations))) / "datasets" / "data"
    return _complete("digits", folder, ["digits.csv.gz"], "reinstall scikit-learn")


def _fashion_mnist() -> DataFiles:
    plain = [name.removesuffix(".gz") for name in FASHION_MNIST_MD5]
    own = _own_folder("fashion-mnist")
    for folder in (own, DEBIAN_FASHION_MNIST):
        if all(_present(folder, name) for name in plain):
            return _complete("fashion-mnist", folder, plain, "")
    _download(own)
    return _complete("fashion-mnist", own, plain, "")


def _download(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, md5 in FASHION_MNIST_MD5.items():
        try:
            with urllib.request.urlopen(FASHION_MNIST_URL + name, timeout=60) as response:
                content = response.read()
        except (OSError, HTTPException) as error:
            raise FedRackError(
                f"fashion-mnist is not on this machine and could not be downloaded ({error})",
                remedy=f"apt-get install dataset-fashion-mnist, or put the four IDX files into {folder}",
            ) from error
        if hashlib.md5(content, usedforsecurity=False).hexdigest() != md5:
            raise FedRackError(f"fashion-mnist: {name} arrived with a wrong checksum", remedy="try again, or use apt")
        partial = folder / f"{name}.part"
        partial.write_bytes(content)
        partial.replace(folder / name)


def _cifar(name: str, files: list[str]) -> Callable[[], DataFiles]:
    def locate() -> DataFiles:
        folder = _own_folder(name)
        return _complete(name, folder, files, f"unpack the binary version of {name} there, or set {DATA_ENV}")

    return locate


def _synthetic() -> DataFiles:
    return DataFiles(name="synthetic-cifar", folder=Path("."), files={})


def _present(folder: Path, name: str) -> Path | None:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    return None


def _complete(name: str, folder: Path, wanted: list[str], remedy: str) -> DataFiles:
    found = {file: _present(folder, file) for file in wanted}
    missing = [file for file, path in found.items() if path is None]
    if missing:
        raise FedRackError(f"{name}: {', '.join(missing)} missing in {folder}", remedy=remedy)
    return DataFiles(name=name, folder=folder, files={path.name: path for path in found.values() if path})


_FINDERS: dict[str, Callable[[], DataFiles]] = {
    "cifar10": _cifar("cifar10", CIFAR10_FILES),
    "cifar100": _cifar("cifar100", CIFAR100_FILES),
    "digits": _digits,
    "fashion-mnist": _fashion_mnist,
    "synthetic-cifar": _synthetic,
}
