"""Real wheels of tiny packages, and an image made of them: what is installed is real, only torch is a stand-in."""

from __future__ import annotations

import ensurepip
import hashlib
import platform
import shutil
import sys
import zipfile
from pathlib import Path

from harness.images import Base, Image, Interpreter, Wheel

TORCH = """
class Tensor(list):
    def __matmul__(self, other):
        return {(0, 0): 64.0}
def ones(rows, columns):
    return Tensor()
"""
ILLEGAL = "import os, signal\nos.kill(os.getpid(), signal.SIGILL)\n"


def make_wheel(folder: Path, name: str, version: str, source: str, tag: str = "py3-none-any") -> Wheel:
    """A wheel with one module of that name."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": source,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    record = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    path = folder / f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for target, text in [*files.items(), (f"{info}/RECORD", record)]:
            archive.writestr(zipfile.ZipInfo(target), text)
    return as_wheel(path)


def as_wheel(path: Path) -> Wheel:
    return Wheel(file=path.name, sha256=hashlib.sha256(path.read_bytes()).hexdigest())


def pip_wheel(folder: Path) -> Wheel:
    """The pip that comes with this Python."""
    (bundled,) = Path(ensurepip.__file__).parent.glob("_bundled/pip-*.whl")
    return as_wheel(Path(shutil.copy(bundled, folder)))


def image(folder: Path, torch: str = TORCH, version: str = "2.5.1") -> Image:
    """For this machine; its wheels lie in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    wheels = (make_wheel(folder, "torch", version, torch), make_wheel(folder, "numpy", "1.0", ""), pip_wheel(folder))
    return Image(
        name="tiny",
        title="for tests",
        base=Base(title="this machine", machine=platform.machine(), libc="glibc", glibc=None, l4t=()),
        interpreter=Interpreter(kind="system", versions=((sys.version_info[0], sys.version_info[1]),)),
        wheels=wheels,
        environment={"OPENBLAS_CORETYPE": "ARMV8"},
        packages=(),
        power_mode=None,
        swap="keep",
        cuda_arch={},
    )
