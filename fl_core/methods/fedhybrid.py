"""FedHybrid's training on the device (SenSys 2024, arXiv 2510.11400): recomputation and compression in one plan.

What travels is FedAvg's. What is learned is not, bit for bit: compressed activations are right on average only
(`fl_core.memory.compress`). The paper's optimiser picks by memory saved per second; ours is the exact planner over the
same choices, with `fl_core.memory.greedy` as the rule's stand-in in the figures. The client selector is not built yet.
"""

from fl_core.methods import recompute
from fl_core.methods.base import Method


class Client(recompute.Client):
    modes = ("keep", "rebuild", "compress")


METHOD = Method("fedhybrid", recompute.Server, Client, defaults=recompute.DEFAULTS)
