"""One GET with one deadline: straight to the meter, through no proxy, and following no redirect."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import IO, Any

from harness.meters.base import MeterFault
from harness.meters.in_time import in_time

_LARGEST_ANSWER = 1 << 20


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, req: Any, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str) -> None:
        return None


_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)


def get_json(url: str, timeout_s: float) -> Any:
    """The answer as data. Raises `MeterFault`.

    In a thread, because urllib's timeout starts over with each byte that drips in; one left behind ends by itself.
    """

    def fetch() -> bytes:
        with _OPENER.open(url, timeout=timeout_s) as answer:
            content: bytes = answer.read(_LARGEST_ANSWER)
            return content

    try:
        result = in_time(fetch, timeout_s)
    except MeterFault:
        raise
    except Exception as error:
        raise MeterFault(_sentence(error, timeout_s)) from None
    try:
        return json.loads(result)
    except (ValueError, RecursionError):
        raise MeterFault(f"not JSON: {result[:60]!r}") from None


def _sentence(error: Exception, timeout_s: float) -> str:
    if isinstance(error, urllib.error.HTTPError):
        error.close()
        hint = ": it wants a password, which FedRack does not send" if error.code == 401 else ""
        return f"HTTP {error.code}{hint}"
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, TimeoutError):
        return f"no answer within {timeout_s:g} s"
    if isinstance(reason, OSError):
        return reason.strerror or str(reason)
    if isinstance(reason, HTTPException):
        return f"not HTTP: {type(reason).__name__}"
    return str(reason)
