"""A model is an ordered list of named blocks and a head; a `Part` says what of it lives in one place.

Split, freezing, progressive growth and recomputation are uses of this partition, never forks of a model.
Each block is a sequence of *units* (a residual unit, a conv-norm-relu), the grain of recomputation.

Names in a state dict: `blocks.<block>.<unit>...`, `surrogates.<block>...`, `head...`.
"""

from typing import Callable, Dict, List, NamedTuple, Tuple

import torch
from torch import Tensor, nn


class BlockSpec(NamedTuple):
    """One block: how to build its units, and what it does to the shape of its input."""

    name: str
    build: Callable[[], nn.Sequential]
    in_channels: int
    out_channels: int
    stride: int  # height and width of the output are those of the input divided by this


class ModelSpec(NamedTuple):
    """A whole model before anything of it is built."""

    name: str
    input_shape: Tuple[int, int, int]  # channels, height, width
    classes: int
    blocks: Tuple[BlockSpec, ...]
    head: Callable[[], nn.Module]

    @property
    def block_names(self) -> Tuple[str, ...]:
        return tuple(block.name for block in self.blocks)


class Part(NamedTuple):
    """What of a model lives in one place, and what of it is trained there.

    Blocks run in the model's order: frozen ones first, then live ones, then the surrogates that stand for
    blocks that are elsewhere (the output module of SmartFreeze and ProFL), then the head.
    """

    live: Tuple[str, ...] = ()
    frozen: Tuple[str, ...] = ()
    surrogates: Tuple[str, ...] = ()
    head: bool = False

    def trained(self, key: str) -> bool:
        """Whether the tensor of this state-dict key is trained in this part."""
        place, _, rest = key.partition(".")
        name = rest.partition(".")[0]
        return (
            (place == "blocks" and name in self.live)
            or (place == "surrogates" and name in self.surrogates)
            or (place == "head" and self.head)
        )

    def holds(self, key: str) -> bool:
        """Whether the tensor of this state-dict key lives in this part at all."""
        place, _, rest = key.partition(".")
        return self.trained(key) or (place == "blocks" and rest.partition(".")[0] in self.frozen)


def surrogate(block: BlockSpec) -> nn.Module:
    """Stand-in for a block that is not here: one 3x3 convolution with the block's stride and channels.

    ProFL's published code: no bias, no norm, no activation (papers.md 3.2; SmartFreeze says the same in words).
    """
    return nn.Conv2d(block.in_channels, block.out_channels, 3, stride=block.stride, padding=1, bias=False)


class BlockedModel(nn.Module):
    """The blocks, surrogates and head of one `Part`. Nothing that lives elsewhere is built.

    Shapes: input (batch, *spec.input_shape); output (batch, classes) with a head, else the last block's maps.
    """

    def __init__(self, spec: ModelSpec, part: Part) -> None:
        super().__init__()
        self.spec = spec
        self.part = part
        present = set(part.live) | set(part.frozen)
        self.blocks = nn.ModuleDict({b.name: b.build() for b in spec.blocks if b.name in present})
        self.surrogates = nn.ModuleDict({b.name: surrogate(b) for b in spec.blocks if b.name in part.surrogates})
        self.head = spec.head() if part.head else nn.Identity()

    def frozen_prefix(self, inputs: Tensor) -> Tensor:
        """Run the frozen blocks without saving any activation. Detached output."""
        with torch.no_grad():
            for name in self.part.frozen:
                inputs = self.blocks[name](inputs)
        return inputs

    def live_units(self) -> List[nn.Module]:
        """Everything that is trained here, in the order of computation."""
        units = [unit for name in self.part.live for unit in self.blocks[name].children()]
        units.extend(self.surrogates[name] for name in self.part.surrogates)
        if self.part.head:
            units.append(self.head)
        return units

    def forward(self, inputs: Tensor) -> Tensor:
        hidden = self.frozen_prefix(inputs)
        for unit in self.live_units():
            hidden = unit(hidden)
        return hidden

    def set_training(self) -> None:
        """Train mode for what is live; frozen batch norm keeps its statistics (eval mode).

        Weights lie as channels last, like inputs (`fl_core.tensors.own_tensor` says why): gradients then need no copy.
        """
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.train()
        for name in self.part.frozen:
            self.blocks[name].eval()
        for key, parameter in self.named_parameters():
            parameter.requires_grad_(self.part.trained(key))

    def trained_parameters(self) -> List[nn.Parameter]:
        return [p for key, p in self.named_parameters() if self.part.trained(key)]

    def tensors(self) -> Dict[str, Tensor]:
        """State dict (parameters and buffers), sharing memory with the model."""
        return {key: value.detach() for key, value in self.state_dict().items()}

    def load(self, tensors: Dict[str, Tensor]) -> None:
        """Copy values into the model in place; keys that are not given stay as they are."""
        own = self.state_dict()
        with torch.no_grad():
            for key, value in tensors.items():
                own[key].copy_(value)


def whole(spec: ModelSpec, surrogates: bool = False) -> Part:
    """The part that holds everything: what the server keeps."""
    names = spec.block_names
    return Part(live=names, surrogates=names[1:] if surrogates else (), head=True)
