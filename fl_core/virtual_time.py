"""How long a client's round would take on a board of its class: a latency, two bandwidths and a speed (a model, OURS).

    round_s = latency_s + down_bytes / down_bytes_per_s + samples * work * sample_s + up_bytes / up_bytes_per_s

`work` is the stage's multiply-adds over those of full training of the job's model (`fl_core.ledger.work`). The four
numbers of a class come from measured cells (`harness.simulate.fit`), or are the study's assumption.
"""

from typing import Any, Dict, Mapping, NamedTuple

from fl_core.errors import BadJob


class BoardSpeed(NamedTuple):
    sample_s: float  # per sample, of full training
    down_bytes_per_s: float
    up_bytes_per_s: float
    latency_s: float = 0.0  # of a round, whatever it moves

    def seconds(self, samples: int, work: float, down_bytes: int, up_bytes: int) -> Dict[str, float]:
        """By phase."""
        return {
            "wait": self.latency_s,
            "download": down_bytes / self.down_bytes_per_s,
            "compute": samples * work * self.sample_s,
            "upload": up_bytes / self.up_bytes_per_s,
        }


def speeds_from_json(values: Mapping[str, Mapping[str, Any]]) -> Dict[str, BoardSpeed]:
    """By board class. Raises `BadJob`."""
    try:
        return {name: BoardSpeed(**speed) for name, speed in values.items()}
    except TypeError as error:
        raise BadJob("speeds of board classes: {}; each has {}".format(error, ", ".join(BoardSpeed._fields)))
