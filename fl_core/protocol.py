"""Who says what on the data plane. Every kind of message stands here; the payload is noted beside it.

worker -> server: hello {client} · rehearsed {} · update {samples, train_loss} + live tensors
server -> worker: welcome {job} · refused {why} · task {round, rehearse, edge} + tensors of the device's part · ack {}
                  · finish {}
edge   -> server: hello {edge: address} · ready {} · replica {} + live tensors of one client's replica
server -> edge:   welcome {job, shape, classes} · begin {round} + tensors of the edge's part · collect {client}
                  · finish {}
worker -> edge:   hello {client} · open {round} · smashed {channels_last} + data, labels
edge   -> worker: opened {} · gradient {loss} + gradient
"""

VERSION = 1


def resolve_edge(edge: str, server: str) -> str:
    """The edge server's address as a worker reaches it: ':port' means on the server's host."""
    return server.rpartition(":")[0] + edge if edge.startswith(":") else edge
