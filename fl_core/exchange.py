"""Tensors of the conversation between a device and the edge server, as messages of the link."""

from typing import Any, Dict, Mapping

from torch import Tensor

from fl_core.link.base import Message
from fl_core.methods.base import Answer
from fl_core.tensors import is_channels_last, own_tensor


def packed(kind: str, tensors: Mapping[str, Tensor], meta: Mapping[str, Any], encoding: str) -> Message:
    """Arrays that share memory with the tensors; layouts are noted so that the other side restores them."""
    lasts = [name for name, tensor in tensors.items() if is_channels_last(tensor)]
    arrays = {name: tensor.detach().numpy() for name, tensor in tensors.items()}
    return Message(kind, {"meta": dict(meta), "channels_last": lasts}, arrays, encoding)


def unpacked(message: Message) -> Answer:
    """Tensors of their own, in the layouts that they had."""
    lasts = set(message.meta["channels_last"])
    tensors: Dict[str, Tensor] = {
        name: own_tensor(array, channels_last=name in lasts) for name, array in message.tensors.items()
    }
    return Answer(tensors, message.meta["meta"])
