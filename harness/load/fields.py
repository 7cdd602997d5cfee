"""What pydantic does for us: checks one mapping against a model. Its own messages never leave this module.

Each field of a model carries a `description` that completes "X is not ...", and one example for the remedy.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StrictStr, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from harness.errors import Problem, nearest

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")  # of boards and groups: they become folders, and commas separate them


_WHAT = {"missing": "missing", "extra_forbidden": "unknown key"}


class Bad:
    """Stands where a value was refused, so that later checks do not report it again as missing."""

    def __repr__(self) -> str:
        return "BAD"


BAD = Bad()


class Keys(BaseModel):
    """Base of all models: a key that is not a field is a mistake."""

    model_config = ConfigDict(extra="forbid")


def field(description: str, example: Any) -> Any:
    """An optional field; null is as good as not given."""
    return Field(default=None, description=description, examples=[example])


def one_of(kind: str, known: Iterable[str]) -> AfterValidator:
    """Refuses a name that the registry `known` does not have."""
    names = list(known)

    def check(name: str) -> str:
        if name not in names:
            raise PydanticCustomError("unknown_name", "{kind}", {"kind": kind, "known": names})
        return name

    return AfterValidator(check)


def no_template(value: Any) -> Any:
    """Ansible would evaluate `{{ ... }}`; nothing here does."""
    if isinstance(value, str) and "{{" in value:
        raise PydanticCustomError("template", "template")
    return value


def no_bool(value: Any) -> Any:
    """YAML's `yes` must not count as the number 1."""
    if isinstance(value, bool):
        raise PydanticCustomError("bool", "bool")
    return value


Text = Annotated[StrictStr, Field(min_length=1), BeforeValidator(no_template)]
Whole = Annotated[int, BeforeValidator(no_bool), BeforeValidator(no_template)]
Number = Annotated[float, Field(allow_inf_nan=False), BeforeValidator(no_bool), BeforeValidator(no_template)]
Count = Annotated[Whole, Field(ge=1)]
Seconds = Annotated[Number, Field(gt=0)]
BudgetMb = Annotated[Whole, Field(ge=64)]  # below this, not even the interpreter starts


def checked(model: type[Keys], raw: Mapping[str, Any], path: str) -> tuple[dict[str, Any], list[Problem]]:
    """The fields that `raw` sets, with `BAD` for refused ones, and one `Problem` for each mistake."""
    try:
        return model.model_validate(raw).model_dump(exclude_unset=True), []
    except ValidationError as error:
        mistakes = error.errors(include_url=False, include_context=True)
    refused = {str(mistake["loc"][0]) for mistake in mistakes}
    good, _ = checked(model, {key: value for key, value in raw.items() if key not in refused}, path)
    bad = {key: BAD for key in refused if key in model.model_fields}
    return {**good, **bad}, [_problem(model, raw, path, mistake) for mistake in mistakes]


def as_mapping(raw: Any, path: str, problems: list[Problem]) -> dict[str, Any]:
    """`raw` as a mapping with text keys; null is an empty one, anything else a mistake."""
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        what, remedy = f"{_show(raw)} is not a mapping", "write `name:` lines below it, each with a colon at its end"
        problems.append(Problem(path=path, what=what, remedy=remedy))
        return {}
    for key in raw:
        if not isinstance(key, str):
            where = f"{path}.{key}" if path else str(key)
            problems.append(Problem(path=where, what="a name must be text", remedy=f'write "{key}" in quotes'))
    return {key: value for key, value in raw.items() if isinstance(key, str)}


def unknown_keys(raw: Mapping[str, Any], known: Sequence[str], path: str) -> list[Problem]:
    """A mistake for each key that is not known, with the nearest one that is."""
    return [
        Problem(path=f"{path}.{key}" if path else key, what="unknown key", remedy=nearest(key, sorted(known)))
        for key in raw
        if key not in known
    ]


def _problem(model: type[Keys], raw: Mapping[str, Any], path: str, mistake: ErrorDetails) -> Problem:
    where, key = _place(raw, path, mistake["loc"]), str(mistake["loc"][0])
    context = mistake.get("ctx", {})
    if mistake["type"] == "extra_forbidden" and len(mistake["loc"]) == 1:
        return Problem(path=where, what="unknown key", remedy=nearest(key, sorted(model.model_fields)))
    if mistake["type"] == "unknown_name":
        given = context.get("given", mistake["input"])
        what = f"unknown {context['kind']} {_show(given)}"
        return Problem(path=where, what=what, remedy=nearest(str(given), sorted(context["known"])))
    if mistake["type"] == "template":
        return Problem(path=where, what="templates and vaults are not evaluated here", remedy="write the value itself")
    info = model.model_fields[key]
    what = _WHAT.get(mistake["type"], f"{_show(mistake['input'])} is not {info.description}")
    return Problem(path=where, what=what, remedy=f"for example `{key}: {(info.examples or [''])[0]}`")


def _place(raw: Any, path: str, loc: tuple[int | str, ...]) -> str:
    """The mistake's path as the file spells it: steps that only the model has are left out."""
    for step in loc:
        if isinstance(raw, dict):
            path, raw = f"{path}.{step}" if path else str(step), raw.get(step)
        elif isinstance(raw, list) and isinstance(step, int):
            path, raw = f"{path}[{step}]", raw[step]
    return path


def _show(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
