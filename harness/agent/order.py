"""The one edge where a `start` request becomes data: every mistake is listed at once."""

from numbers import Real
from typing import Any, Dict, List, NamedTuple, Optional

from .errors import Refused


class Order(NamedTuple):
    argv: List[str]
    env: Dict[str, str]
    cwd: str
    out: str
    budget_bytes: Optional[int]
    rate_hz: float
    pss_rate_hz: float
    burst_hz: Optional[float]
    sidecars: List[str]
    sidecar_python: Optional[str]


def parsed(request: Dict[str, Any]) -> Order:
    """Raises Refused with code `bad_request`."""
    order = Order(
        argv=request.get("argv", []),
        env=request.get("env", {}),
        cwd=request.get("cwd", "."),
        out=request.get("out", ""),
        budget_bytes=request.get("budget_bytes"),
        rate_hz=request.get("rate_hz", 10.0),
        pss_rate_hz=request.get("pss_rate_hz", 1.0),
        burst_hz=request.get("burst_hz"),
        sidecars=request.get("sidecars", []),
        sidecar_python=request.get("sidecar_python"),
    )
    checks = (
        (_is_texts(order.argv) and order.argv, "argv: a list of texts, the program first"),
        (isinstance(order.env, dict) and _is_texts(list(order.env.values())), "env: an object of texts"),
        (_is_text(order.cwd), "cwd: a folder"),
        (_is_text(order.out) and order.out, "out: the folder to write to"),
        (
            order.budget_bytes is None or (_is_number(order.budget_bytes, 1) and isinstance(order.budget_bytes, int)),
            "budget_bytes: whole bytes, or null",
        ),
        (_is_number(order.rate_hz, 0.001, 1000), "rate_hz: 0.001 to 1000"),
        (_is_number(order.pss_rate_hz, 0, 1000), "pss_rate_hz: 0 (never) to 1000"),
        (order.burst_hz is None or _is_number(order.burst_hz, 0.001, 1000), "burst_hz: 0.001 to 1000, or null"),
        (_is_texts(order.sidecars), "sidecars: a list of names"),
        (order.sidecar_python is None or _is_text(order.sidecar_python), "sidecar_python: an interpreter, or null"),
    )
    mistakes = [wanted for is_right, wanted in checks if not is_right]
    if mistakes:
        raise Refused("bad_request", "wanted: " + "; ".join(mistakes))
    return order


def number(request: Dict[str, Any], name: str, default: float) -> float:
    """A non-negative number of a request, such as seconds of grace."""
    value = request.get(name, default)
    if not _is_number(value, 0):
        raise Refused("bad_request", f"wanted: {name}: a number, not negative")
    return float(value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and "\0" not in value


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(_is_text(item) for item in value)


def _is_number(value: Any, least: float, most: float = float("inf")) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and least <= float(value) <= most
