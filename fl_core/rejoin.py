"""How a program follows a server that may die and come back."""

import gc
from typing import Callable

from fl_core.errors import LinkClosed, LinkCorrupt
from fl_core.link.base import Channel


def follow_until_finished(
    connect: Callable[[float], Channel],
    follow: Callable[[Channel], None],
    patience_s: float,
    rejoin_s: float,
    cut: Callable[[str], None] = lambda reason: None,
) -> None:
    """Connect within `patience_s` and follow the server to its end; where its line breaks, say so to `cut` and look for
    it again for `rejoin_s`. Raises what `connect` and `follow` raise, a broken line among it where `rejoin_s` is 0."""
    while True:
        try:
            _follow(connect(patience_s), follow)
            return
        except (LinkClosed, LinkCorrupt) as error:
            if not rejoin_s:
                raise
            cut(str(error))
        patience_s = rejoin_s
        gc.collect()  # the broken link kept its error, the error its frames, and these the model of before


def _follow(server: Channel, follow: Callable[[Channel], None]) -> None:
    try:
        follow(server)
    finally:
        server.close()
