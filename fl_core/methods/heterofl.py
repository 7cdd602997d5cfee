"""HeteroFL (Diao et al., ICLR 2021): clients train nested narrow models, the first channels of the full one.

Every scalar of the global model is averaged over the clients that hold it; cross-entropy is masked to the classes that
a client has (section 3). Left out: the scaler, which changes nothing in front of batch norm in train mode, as all
convolutions of these models are; and static batch norm (OURS: running statistics are averaged like weights).
"""

from fl_core.methods.base import Method
from fl_core.methods.narrow import DEFAULTS, Client, Narrower


class Server(Narrower):
    def shift(self, round_index: int) -> int:
        return 0


METHOD = Method("heterofl", Server, Client, defaults=DEFAULTS, wants_labels=True)
