"""Tensors of the conversation between a device and the edge server, as messages of the link."""

from typing import Any, Mapping

from torch import Tensor

from fl_core.link.base import Message
from fl_core.methods.base import Answer
from fl_core.tensors import is_channels_last, own_tensor, to_arrays

LYING, STANDING = (0, 2, 3, 1), (0, 3, 1, 2)  # (n, c, h, w) to (n, h, w, c), and back


def packed(kind: str, tensors: Mapping[str, Tensor], meta: Mapping[str, Any], encoding: str) -> Message:
    """Arrays that share memory with the tensors. Those in channels-last travel as they lie, (n, h, w, c): putting them
    in the usual order and back would cost two copies."""
    lasts = [name for name, tensor in tensors.items() if is_channels_last(tensor)]
    lying = {name: tensor.detach().permute(LYING) if name in lasts else tensor for name, tensor in tensors.items()}
    return Message(kind, {"meta": dict(meta), "channels_last": lasts}, to_arrays(lying), encoding)


def unpacked(message: Message) -> Answer:
    """Tensors of their own, in the layouts that they had."""
    tensors = {name: own_tensor(array) for name, array in message.tensors.items()}
    for name in message.meta["channels_last"]:
        tensors[name] = tensors[name].permute(STANDING)
    return Answer(tensors, message.meta["meta"])
