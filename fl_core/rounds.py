"""What a round is made of, as plain data: what the server knows of its clients, what it asks of each, what comes back.

Methods (`fl_core.methods`) turn the first into the second; server, edge and workers carry it out, wherever they run.
"""

from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

from torch import Tensor

from fl_core.models.blocks import Part

Region = Tuple[Any, ...]
"""A client's share of one global tensor: an index that `tensor[region]` takes, naming no element twice. Slices for
leading channels, `numpy.ix_` for any set of them."""


class Stage(NamedTuple):
    """One partition of the model between a device and, if the method splits, the edge server.

    Two equal stages have the same model on the device: it is rebuilt when the stage changes, and rehearsed when a
    client meets a new name. `shape` is what else the client half needs to build the model (JSON-able: a width, a cut).
    """

    name: str
    device: Part
    edge: Optional[Part] = None
    shape: Mapping[str, Any] = {}

    @property
    def together(self) -> Part:
        """The path from input to output over both places."""
        if self.edge is None:
            return self.device
        head = self.edge.head or self.device.head
        return Part(self.device.live + self.edge.live, self.device.frozen, self.edge.surrogates, head)

    def to_json(self) -> Dict[str, Any]:
        return {
            "name": self.name,
            "device": self.device._asdict(),
            "edge": self.edge._asdict() if self.edge else None,
            "shape": dict(self.shape),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Stage":
        edge = values["edge"]
        return cls(values["name"], _part(values["device"]), _part(edge) if edge else None, values["shape"])


def _part(values: Mapping[str, Any]) -> Part:
    fields: Dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in values.items()}
    return Part(**fields)


class Task(NamedTuple):
    """What one client is asked to do in one round."""

    stage: Stage
    settings: Mapping[str, Any] = {}  # for the client half, JSON-able; a change of them rebuilds nothing
    deadline_s: Optional[float] = None  # from order to report; None: the job's `round_timeout_s`


class RoundPlan(NamedTuple):
    """One round. The order of `tasks` is the order in which orders go out; the order of arrival changes no bit."""

    name: str  # of the stage, as reports show it
    tasks: Mapping[str, Task]  # by client
    path: Part  # from input to logits: what the server evaluates afterwards
    minimum: int = 1  # reports; with fewer the round changes nothing
    enough: Optional[int] = None  # reports that end the round; who is late is not waited for. None: all
    notes: Mapping[str, Any] = {}  # what the method has to say for the record (JSON-able): emitted with the round


class Report(NamedTuple):
    """What a client said beside its tensors."""

    samples: int  # its weight in the average
    train_loss: float  # mean over its batches
    facts: Mapping[str, Any] = {}  # of the method's client half, JSON-able
    seconds: Mapping[str, float] = {}  # measured by the worker, by phase
    round_s: float = 0.0  # measured by the server, from order to report


class ClientFacts(NamedTuple):
    """What the server knows of a client. None or empty: not known."""

    name: str
    board_class: Optional[str] = None
    memory_budget_bytes: Optional[int] = None
    samples: Optional[int] = None
    label_counts: Optional[List[int]] = None  # only where the method asks for them
    last: Optional[Report] = None
    rounds: int = 0  # reports that were used
    rejected: int = 0  # reports that were refused (not finite, wrong shapes)


class Now(NamedTuple):
    """What a round is planned from."""

    round_index: int  # from 1
    clients: Mapping[str, ClientFacts]  # those that can be asked, in the job's order
    state: Mapping[str, Tensor]  # the global model; not to be changed


class Outcome(NamedTuple):
    """How a round ended."""

    round_index: int
    plan: RoundPlan
    reports: Mapping[str, Report]  # those that were folded in, in the order of the plan
    lost: Mapping[str, str]  # client -> why it has no report
    state: Mapping[str, Tensor]  # the global model after the round; not to be changed
    accuracy: Optional[float]  # 0..1 on the test split, where there is one
