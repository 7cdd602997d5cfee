"""The worker's Python and its packages: copied as wheels, installed without any network, proved, marked.

The environment lies under the digest of all that decides it, and `env/current` points to it. The marker goes first
and comes last, so that a board cut off anywhere in between counts as not provisioned, and the next pass repairs it.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator

from harness.facts.install import FINGERPRINT, MARKER, MARKER_FORMAT
from harness.images import Container
from harness.provision.container import is_there, launcher
from harness.provision.desired import Desired
from harness.provision.steps import INSTALL_S, PROOF_S, Push, Run, Step
from harness.provision.survey import Survey

_PROOF = """
import sys, torch
assert float((torch.ones(64, 64) @ torch.ones(64, 64))[0, 0]) == 64.0, "a product of matrices came out wrong"
arch = sys.argv[1] if len(sys.argv) > 1 else ""
have = torch.cuda.get_arch_list() if arch else []
if arch not in ["", *have]:
    sys.exit("torch %s has no kernels for %s, only for %s" % (torch.__version__, arch, have))
"""


def environment(desired: Desired, survey: Survey) -> Iterator[Step]:
    """Nothing, where the marker and what is there both say that all is done."""
    installed = survey.install
    if installed.digest == desired.digest and installed.kept == installed.fingerprint:
        return
    changed = installed.digest == desired.digest
    why = "its packages are not those that were installed" if changed else "not provisioned until the last step"
    if installed.digest is not None:
        yield Run(command=f"rm -f {MARKER}", why=why)
    if desired.image.interpreter.kind == "termux":
        names = " ".join(desired.image.interpreter.packages)
        yield Run(command=f"pkg install -y {names}", why="Termux's own builds run on bionic", deadline_s=INSTALL_S)
    if desired.image.interpreter.container is not None:
        yield from _in_container(desired, desired.image.interpreter.container)
    if desired.wheels:
        yield from _files(desired, survey)
        yield from _base(desired)
        yield from _packages(desired)
    yield _proof(desired)
    yield _marker(desired)


def _files(desired: Desired, survey: Survey) -> Iterator[Step]:
    archive = desired.image.interpreter.archive
    wanted = [(wheel.file, wheel.sha256, wheel.url) for wheel in desired.wheels]
    wanted += [(archive.file, archive.sha256, archive.url)] if archive else []
    for file, sha256, url in wanted:
        if file not in survey.install.files:
            assert sha256 is not None, "a wheel without a hash is refused before"
            yield Push(file=file, sha256=sha256, url=url, why="the board does not have it")


def _base(desired: Desired) -> Iterator[Step]:
    archive = desired.image.interpreter.archive
    if archive is None:
        return
    folder = desired.base_python.split("/python/bin")[0]
    file = shlex.quote(f"wheels/{archive.file}")
    check = f"echo {archive.sha256}  {file} | sha256sum -c --quiet"
    unpack = f"rm -rf {folder} && mkdir -p {folder} && tar -xzf {file} -C {folder}"
    yield Run(command=f"{check} && {unpack}", why="the image brings its own Python", deadline_s=INSTALL_S)


def _packages(desired: Desired) -> Iterator[Step]:
    folder = f"env/{desired.digest}"
    pip = next(wheel.file for wheel in desired.wheels if wheel.name == "pip")
    lock = "".join(f"{w.name}=={w.version} --hash=sha256:{w.sha256}\n" for w in desired.wheels if w.name != "pip")
    make = f"{shlex.quote(desired.base_python)} -m venv --without-pip {folder}"
    yield Run(
        command=f"rm -rf {folder} && {make} && printf %s {shlex.quote(lock)} > {folder}/lock.txt",
        why="an environment of our own; pip comes as a wheel, so that neither ensurepip nor apt is needed",
        remedy="does this Python have the venv module? (Debian: python3-venv)",
    )
    options = "--no-index --no-deps --no-cache-dir --disable-pip-version-check --require-hashes --find-links wheels"
    yield Run(
        command=f"{folder}/bin/python wheels/{pip}/pip install --quiet {options} -r {folder}/lock.txt",
        why=f"{len(desired.wheels) - 1} packages from the copied wheels, without network, each hash compared",
        deadline_s=INSTALL_S,
        remedy="a wheel that differs was cut off or replaced on the board: remove it from wheels/ there, and run again",
    )
    yield _current(desired)


def _in_container(desired: Desired, container: Container) -> Iterator[Step]:
    yield Run(
        command=is_there(container),
        why="a board fetches nothing: its container image must be there",
        remedy=f"`{container.program} save` it where there is a network, and `{container.program} load` it there",
    )
    folder = f"env/{desired.digest}/bin"
    script = f"printf %s {shlex.quote(launcher(container))} > {folder}/python && chmod 755 {folder}/python"
    yield Run(command=f"mkdir -p {folder} && {script}", why="agent and worker are started inside the container")
    yield _current(desired)


def _current(desired: Desired) -> Run:
    others = f"for e in env/*; do [ $e = env/{desired.digest} ] || [ $e = env/current ] || rm -rf $e; done"
    return Run(
        command=f"ln -sfn {desired.digest} env/current && {{ {others}; }}",
        why="the worker starts what env/current points to; older environments only take up space",
    )


def _proof(desired: Desired) -> Run:
    arch = desired.image.cuda_arch.get(desired.spec.board_class, "")
    variables = " ".join(f"{name}={shlex.quote(value)}" for name, value in desired.image.environment.items())
    command = f"{shlex.quote(desired.python)} -c {shlex.quote(_PROOF)} {arch}".strip()
    why = "a product of matrices in a process of its own" + (f", and kernels for {arch}" if arch else "")
    return Run(command=f"{variables} {command}".strip(), why=why, deadline_s=PROOF_S, proof=True)


def _marker(desired: Desired) -> Run:
    """Written beside its place and renamed: it is there whole or not at all."""
    marker = {"format": MARKER_FORMAT, "image": desired.image.name, "digest": desired.digest, "python": desired.python}
    text = json.dumps({**marker, "fingerprint": "@"})
    fill = f'f=$({FINGERPRINT}); printf %s {shlex.quote(text)} | sed "s/@/$f/" > {MARKER}.new'
    return Run(command=f"{fill} && mv {MARKER}.new {MARKER}", why="all is done")
