"""A YAML file as plain data, or its mistakes with line and column."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from harness.errors import BadInput, Problem, nearest

# What Ansible would decrypt or evaluate, and we do not; `fields.no_template` refuses it where one of our keys needs it.
VAULTED = "{{ vault }}"
VAULT_HEADER = "$ANSIBLE_VAULT"  # how a file begins that is encrypted as a whole


class _Loader(yaml.SafeLoader):
    """SafeLoader that notes keys given twice: YAML would silently keep the last one."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self.repeated: list[Problem] = []

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        first: dict[tuple[str, str], int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.value == "<<":
                continue
            line = first.setdefault((key.tag, key.value), key.start_mark.line + 1)
            if line != key.start_mark.line + 1:
                self.repeated.append(
                    Problem(
                        path=_place(key.start_mark),
                        what=f"{key.value!r} is given twice, first in line {line}",
                        remedy="keep one of them",
                    )
                )
        return node


_Loader.add_constructor("!vault", lambda loader, node: VAULTED)
_Loader.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))  # type: ignore[arg-type]


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping that the file holds. Raises `BadInput`."""
    loader = _Loader(read_text(path))
    try:
        data = loader.get_single_data()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = " ".join(filter(None, (error.context, error.problem)))
        raise _bad(path, _place(mark), f"not YAML: {what}", "check indentation, colons and quotes there") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _bad(path, "file", f"not YAML: {str(error).splitlines()[0]}", "check the file") from None
    if loader.repeated:
        raise BadInput(str(path), loader.repeated)
    if not isinstance(data, dict):
        what = "the file is empty" if data is None else "the file does not hold `key: value` lines"
        raise _bad(path, "file", what, "start from a file that works and change it")
    return data


def read_text(path: Path) -> str:
    """The file's text. Raises `BadInput`, with the nearest name where there is no such file."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        there = sorted(p.name for p in path.parent.glob("*.y*ml"))
        remedy = nearest(path.name, there) if there else f"there is no YAML file in {path.parent}; check the path"
        raise _bad(path, "file", "no such file", remedy) from None
    except OSError as error:
        raise _bad(path, "file", f"cannot be read: {error.strerror}", "check the path and its permissions") from None
    except UnicodeDecodeError as error:
        raise _bad(path, "file", f"not UTF-8 text (byte {error.start})", "save it as UTF-8") from None


def _place(mark: yaml.Mark | None) -> str:
    return f"line {mark.line + 1}, column {mark.column + 1}" if mark else "file"


def _bad(path: Path, where: str, what: str, remedy: str) -> BadInput:
    return BadInput(str(path), [Problem(path=where, what=what, remedy=remedy)])
