"""The server's state after a round in one file: a message of the link's codec, so that a damaged file is found out."""

import os
import struct
from typing import Any, Dict, Mapping, NamedTuple, Optional

from torch import Tensor

from fl_core.errors import BadCheckpoint, LinkCorrupt
from fl_core.job import Job
from fl_core.link.base import Message
from fl_core.link.codec import Assembler, chunks
from fl_core.rounds import ClientFacts, Report
from fl_core.tensors import to_arrays, to_tensors

FORMAT = 1
KIND = "checkpoint"
LENGTH_BYTES = 4  # in front of each chunk


class Checkpoint(NamedTuple):
    """What a server needs to go on after round `round_index` as if it had never stopped."""

    round_index: int
    state: Mapping[str, Tensor]
    memory: Mapping[str, Any]  # of the method's server half
    kept: Mapping[str, Tensor]  # likewise
    facts: Mapping[str, ClientFacts]


def save(path: str, job: Job, checkpoint: Checkpoint) -> None:
    """Replace the file at once: a reader sees the round before or this one, whenever we are killed."""
    meta = {
        "format": FORMAT,
        "job": job.to_json(),
        "round": checkpoint.round_index,
        "memory": checkpoint.memory,
        "facts": {name: _facts_to_json(facts) for name, facts in checkpoint.facts.items()},
    }
    tensors = {"state/" + key: value for key, value in checkpoint.state.items()}
    tensors.update({"kept/" + key: value for key, value in checkpoint.kept.items()})
    with open(path + ".new", "wb") as file:
        for chunk in chunks(Message(KIND, meta, to_arrays(tensors))):
            file.write(struct.pack("<I", len(chunk)) + chunk)
        file.flush()
        os.fsync(file.fileno())
    os.replace(path + ".new", path)


def load(path: str, job: Job) -> Optional[Checkpoint]:
    """The checkpoint of this job; None where there is no file. Raises `BadCheckpoint`."""
    if not os.path.exists(path):
        return None
    message = _read(path)
    meta = message.meta
    if meta.get("format") != FORMAT:
        raise BadCheckpoint("{}: format {!r}; this core reads {}".format(path, meta.get("format"), FORMAT))
    if Job.from_json(meta["job"]) != job:
        raise BadCheckpoint("{} belongs to another job; remove it or name another file".format(path))
    tensors = to_tensors(message.tensors)
    return Checkpoint(
        meta["round"],
        _below("state/", tensors),
        meta["memory"],
        _below("kept/", tensors),
        {name: _facts_from_json(values) for name, values in meta["facts"].items()},
    )


def _read(path: str) -> Message:
    assembler = Assembler()
    try:
        with open(path, "rb") as file:
            message = None
            while message is None:
                length = file.read(LENGTH_BYTES)
                if len(length) < LENGTH_BYTES:
                    raise LinkCorrupt("it is cut off")
                message = assembler.feed(file.read(struct.unpack("<I", length)[0]))
    except LinkCorrupt as error:
        raise BadCheckpoint("{} is damaged: {}; remove it to begin again".format(path, error))
    return message


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> Dict[str, Tensor]:
    return {key[len(prefix) :]: value.clone() for key, value in tensors.items() if key.startswith(prefix)}


def _facts_to_json(facts: ClientFacts) -> Dict[str, Any]:
    return {**facts._asdict(), "last": facts.last._asdict() if facts.last else None}


def _facts_from_json(values: Mapping[str, Any]) -> ClientFacts:
    last = values["last"]
    return ClientFacts(**{**values, "last": Report(**last) if last else None})
