"""TiFL-like tiers (Chai et al., HPDC 2020): FedAvg among clients of similar speed (`fl_core.selection.tiers`)."""

from fl_core.methods.base import Method
from fl_core.methods.exclusivefl import Server
from fl_core.methods.learner import Learner
from fl_core.methods.memory_aware import DEFAULTS

METHOD = Method("tifl", Server, Learner, defaults={**DEFAULTS, "selection": "tiers"})
