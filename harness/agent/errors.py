"""The one exception that becomes an answer instead of a stack trace."""

from typing import Any


class Refused(Exception):
    """A request that is not carried out: `code` for programs, `detail` (one sentence) for people."""

    def __init__(self, code: str, detail: str, **extra: Any) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.extra = extra
