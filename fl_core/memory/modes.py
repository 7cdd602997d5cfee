"""The ways to keep what a unit's backward needs: from a name to the context that its forward runs in.

What is not here needs no mode: keeping the input alone (recomputation) is what a plan does around recorded units.
"""

from contextlib import contextmanager
from typing import Dict, Iterator

from torch import nn

from fl_core.memory.compress import Compressed
from fl_core.memory.page import Paged
from fl_core.memory.rebuild import Rebuilt
from fl_core.memory.tape import Keep


@contextmanager
def kept(unit: nn.Module) -> Iterator[None]:
    """As autograd does it."""
    yield


MODES: Dict[str, Keep] = {"keep": kept, "rebuild": Rebuilt, "compress": Compressed, "page": Paged}
EXACT = ("keep", "rebuild")  # same gradients, bit for bit, at no other cost than time
