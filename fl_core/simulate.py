"""A job in one process: the same server, edge and workers, each in a thread, over the in-process link."""

import threading
from typing import Any, Dict, List, NamedTuple

from torch import Tensor

from fl_core.edge import Edge, follow_quietly
from fl_core.errors import LinkError
from fl_core.job import Job
from fl_core.link import in_process
from fl_core.link.base import Channel
from fl_core.server import Server
from fl_core.trace import Trace
from fl_core.worker import Worker

FAREWELL_S = 10.0  # for a worker's last batches


class Simulated(NamedTuple):
    state: Dict[str, Tensor]  # the final global model
    facts: Dict[str, Any]  # rounds done, digest
    events: List[Dict[str, Any]]  # what the server emitted


def simulate(job: Job, data_folder: str) -> Simulated:
    """Run the job to its end. Raises what the server raises."""
    events: List[Dict[str, Any]] = []
    server = Server(job, job.load_data(data_folder), events.append)
    listener = in_process.InProcessListener(server.serve)
    edge = Edge()
    edge_listener = in_process.InProcessListener(edge.serve)
    threads: List[threading.Thread] = []
    try:
        if server.method.edge is not None:
            line = in_process.connect(listener.address)
            threads.append(_thread(follow_quietly, edge, line, edge_listener.address))
        for name in job.clients:
            threads.append(_thread(_work, server, name, in_process.connect(listener.address), data_folder))
        facts = server.run()
    finally:
        listener.close()
        edge_listener.close()
        for thread in threads:  # an interpreter that ends while a thread is inside torch aborts
            thread.join(FAREWELL_S)
    return Simulated(server.state, facts, events)


def _work(server: Server, name: str, channel: Channel, data_folder: str) -> None:
    worker = Worker(name, channel, in_process.connect, data_folder, Trace())
    try:
        worker.run()
    except LinkError:
        pass  # the server is over
    except Exception as error:
        server.gone(name, "{}: {}".format(type(error).__name__, error))
        raise
    finally:
        worker.close()


def _thread(target: Any, *args: Any) -> threading.Thread:
    thread = threading.Thread(target=target, args=args, daemon=True)
    thread.start()
    return thread
