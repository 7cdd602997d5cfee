"""One job: what server, edge and workers of a cell have in common. Plain data, carried as JSON."""

from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from fl_core.catalogue import DATASETS, METHODS, MODELS, resolve
from fl_core.data.dataset import Dataset
from fl_core.errors import BadJob
from fl_core.link.encoding import ENCODINGS
from fl_core.methods.base import Method, Setup
from fl_core.models.blocks import ModelSpec

FORMAT = 1


class Job(NamedTuple):
    """See `harness.study.Cell` for the meaning of each field that it shares; `clients` are names."""

    method: str
    model: str
    dataset: str
    partition: Dict[str, Any]
    clients: List[str]
    batch: int
    rounds: int
    learning_rate: float
    seed: int
    options: Dict[str, Any] = {}
    train_samples: Optional[int] = None  # of the data set, from its beginning; None: all
    test_samples: Optional[int] = None
    batches_per_round: Optional[int] = None
    local_epochs: int = 1
    momentum: float = 0.0
    weight_decay: float = 0.0
    threads: int = 1
    rehearse_batches: int = 2  # before the first round of a stage, under the tensor meter; its result is thrown away
    client_facts: Dict[str, Dict[str, Any]] = {}  # by client: board_class, memory_budget_bytes, where known
    cohort: Optional[int] = None  # clients whose reports a round needs; None: all
    spare: int = 0  # clients asked beyond the cohort: the round ends with the cohort's size of reports
    minimum_reports: int = 1  # with fewer, a round changes nothing
    wire_model: str = "float32"  # how models and updates travel: `fl_core.link.encoding`
    wire_smashed: str = "float32"  # how a split's tensors travel between device and edge server
    edge_replicas: Optional[int] = None  # at a time on the edge server; further devices wait their turn. None: all
    join_timeout_s: float = 120.0
    rejoin_timeout_s: float = 0.0  # how long a round without any client waits for one to come (back)
    round_timeout_s: float = 600.0  # of each client, from order to report; who is late is not waited for

    @classmethod
    def from_json(cls, values: Dict[str, Any]) -> "Job":
        """Raises `BadJob` naming what is unknown or missing."""
        values = dict(values)
        version = values.pop("format", None)
        if version != FORMAT:
            raise BadJob("job format {!r}; this core reads {}".format(version, FORMAT))
        unknown = sorted(set(values) - set(cls._fields))
        if unknown:
            raise BadJob("unknown job fields: {}".format(", ".join(unknown)))
        try:
            job = cls(**values)
        except TypeError as error:
            raise BadJob("incomplete job: {}".format(error))
        for name in (job.wire_model, job.wire_smashed):
            if name not in ENCODINGS:
                raise BadJob("unknown encoding {!r}; known: {}".format(name, ", ".join(sorted(ENCODINGS))))
        return job

    def to_json(self) -> Dict[str, Any]:
        return {"format": FORMAT, **self._asdict()}

    def load_data(self, folder: str) -> Dataset:
        data: Dataset = resolve("data set", DATASETS, self.dataset)(folder, self.seed)
        return data.first(self.train_samples, self.test_samples)

    def build_spec(self, shape: Tuple[int, int, int], classes: int) -> ModelSpec:
        """The model for images of this shape (channels, height, width)."""
        return resolve("model", MODELS, self.model)(shape, classes)

    def find_method(self) -> Method:
        return resolve("method", METHODS, self.method)

    def setup(self, spec: ModelSpec) -> Setup:
        """What the method's halves are built from. Raises `BadJob` for an option that it does not have."""
        method = self.find_method()
        options = method.checked(self.options)
        return Setup(
            spec=method.spec(spec, options),
            options=options,
            rounds=self.rounds,
            seed=self.seed,
            cohort=self.cohort,
            spare=self.spare,
            minimum_reports=self.minimum_reports,
            learning_rate=self.learning_rate,
            momentum=self.momentum,
            weight_decay=self.weight_decay,
            batch=self.batch,
            budgets_bytes={
                client: facts["memory_budget_bytes"]
                for client, facts in self.client_facts.items()
                if facts.get("memory_budget_bytes") is not None
            },
        )

    def round_seed(self, round_index: int, client: str) -> int:
        """Seed of a client's batches in a round: the same wherever the client runs."""
        return (self.seed * 1000003 + round_index * 1009 + self.clients.index(client)) % (2**32)
