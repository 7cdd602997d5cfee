"""Who says what on the data plane. Every kind of message stands here; the payload is noted beside it.

worker -> server: hello {version, client} · ready {samples, label_counts} · rehearsed {} · trained {report, exchanged}
                  · update {} + live tensors
server -> worker: welcome {job} · refused {why} · task {round, task, rehearse, edge} + tensors of the device's part
                  · upload {} · skip {} (the report is not wanted any more) · ack {} · finish {}
edge   -> server: hello {version, edge: address} · ready {} · replica {held, peak_process_bytes}
                  + live tensors of one client's replica, none where it is gone
server -> edge:   welcome {job, shape, classes} · begin {round, stages} + tensors of the edge's part
                  · collect {client} · finish {}
worker -> edge:   hello {client} · open {round, rehearse} · post {meta, channels_last} + tensors · close {}
edge   -> worker: opened {} · answer {meta, channels_last} + tensors

A report is announced first and uploaded when the server asks: it holds few updates at a time, however many clients.
"""

from typing import Any, Dict

from fl_core.rounds import Stage, Task

VERSION = 3


def resolve_edge(edge: str, server: str) -> str:
    """The edge server's address as a worker reaches it: ':port' means on the server's host."""
    return server.rpartition(":")[0] + edge if edge.startswith(":") else edge


def version_mismatch(theirs: Any) -> str:
    """Why a peer of another version is refused."""
    return "it speaks protocol {} of the data plane, the FL server speaks {}: deploy the same code to both".format(
        theirs, VERSION
    )


def task_to_json(task: Task) -> Dict[str, Any]:
    return {"stage": task.stage.to_json(), "settings": dict(task.settings), "deadline_s": task.deadline_s}


def task_from_json(values: Dict[str, Any]) -> Task:
    return Task(Stage.from_json(values["stage"]), values["settings"], values["deadline_s"])
