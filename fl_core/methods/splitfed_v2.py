"""SplitFed v2 (Thapa et al., AAAI 2022): as `split`, but all devices train one and the same part on the edge server.

The edge server holds one model however many devices there are, and nothing of it is averaged. It takes batches in the
order in which they arrive, so that two runs with several devices differ.
"""

from fl_core.methods import split


class Edge(split.Edge):
    shared = True


METHOD = split.METHOD._replace(name="splitfed-v2", edge=Edge)
