"""`group_vars/` and `host_vars/` beside the inventory: a file of that name, or a folder of files, each a YAML mapping.

These files are shared with Ansible's playbooks: keys that are not ours pass, unless they look like a slip in one of
ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness.errors import BadInput
from harness.load.document import VAULT_HEADER, read_text, read_yaml
from harness.load.fields import as_mapping
from harness.load.tree import Given, Tree

_SUFFIXES = (".yml", ".yaml", ".json")


def read_vars_files(folder: Path, tree: Tree) -> None:
    """Adds what the files say to the groups and hosts that `tree` has."""
    for name, group in tree.groups.items():
        group.in_folder += list(_read(folder / "group_vars", name, tree))
    for name, host in tree.hosts.items():
        host.in_folder += list(_read(folder / "host_vars", name, tree))


def _read(folder: Path, name: str, tree: Tree) -> Iterator[Given]:
    for path in _files(folder, name):
        place = path.relative_to(folder.parent).as_posix()
        try:
            text = read_text(path)
            if text.startswith(VAULT_HEADER) or not text.strip():
                continue  # encrypted: Ansible's business, and no key of ours is a secret
            yield tree.given(as_mapping(read_yaml(path), place, tree.problems), place, shared=True)
        except BadInput as error:
            tree.problems += [problem.at(place) for problem in error.problems]


def _files(folder: Path, name: str) -> list[Path]:
    """As Ansible finds them: the folder or the bare name first, and only the first that is there."""
    for path in (folder / name, *(folder / f"{name}{suffix}" for suffix in _SUFFIXES)):
        if path.is_dir():
            found = [each for each in sorted(path.rglob("*")) if each.is_file() and each.suffix in ("", *_SUFFIXES)]
            return [each for each in found if not each.name.startswith(".")]
        if path.is_file():
            return [path]
    return []
