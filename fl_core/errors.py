"""The core's error tree. Messages name the object and what to do; `fl_core.worker` turns them into an exit."""


class CoreError(Exception):
    """Base class of everything the core raises on purpose."""


class UnknownName(CoreError):
    """No registry answers to this name."""


class BadJob(CoreError):
    """The job description cannot be used."""


class BudgetTooSmall(CoreError):
    """No plan fits the memory budget; the message names the smallest that works."""


class DataMissing(CoreError):
    """A data set's files are not where they should be."""


class NeedsNewerTorch(CoreError):
    """This torch lacks what the caller asked for; the message names both versions."""


class LinkError(CoreError):
    """The data plane failed."""


class LinkClosed(LinkError):
    """The other side is gone."""


class LinkTimeout(LinkError):
    """Nothing arrived within the deadline."""


class LinkCorrupt(LinkError):
    """What arrived is not a message of ours, or not the one its header declares."""


class ProtocolError(LinkError):
    """A well-formed message that has no place here."""


class BadUpdate(CoreError):
    """What a client sent cannot be averaged: not finite, or not the tensors that were asked for."""


class BadCheckpoint(CoreError):
    """A checkpoint that cannot be gone on from."""


class EdgeLost(CoreError):
    """The edge server is gone: the method cannot go on."""


class NobodyLeft(CoreError):
    """No client is left to train."""
