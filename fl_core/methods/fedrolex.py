"""FedRolex (Alam et al., NeurIPS 2022): HeteroFL whose window of channels moves on by one in every round.

So every channel of the full model is trained in turn even where no client holds them all (section 3.2, overlap one).
"""

from fl_core.methods.base import Method
from fl_core.methods.narrow import DEFAULTS, Client, Narrower


class Server(Narrower):
    def shift(self, round_index: int) -> int:
        return round_index - 1


METHOD = Method("fedrolex", Server, Client, defaults=DEFAULTS, wants_labels=True)
