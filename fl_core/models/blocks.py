"""A model is an ordered list of named blocks and a head; a `Part` says what of it lives in one place.

Split, freezing, progressive growth and recomputation are uses of this partition, never forks of a model.
Each block is a sequence of *units* (a residual unit, a conv-norm-relu), the grain of recomputation.

Names in a state dict: `blocks.<block>.<unit>...`, `surrogates.<block>...`, `exits.<block>...`, `head...`; output
modules that belong to one stage alone begin with `own.<stage>.`.
"""

import math
from typing import Callable, Dict, List, NamedTuple, Optional, Tuple

import torch
from torch import Tensor, nn

NORM_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


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

    @property
    def feature_shape(self) -> Tuple[int, int, int]:
        """Of one sample before the head: channels, height, width."""
        scale = 1
        for block in self.blocks:
            scale *= block.stride
        return self.blocks[-1].out_channels, self.input_shape[1] // scale, self.input_shape[2] // scale


class Part(NamedTuple):
    """What of a model lives in one place, and what of it is trained there.

    Blocks run in the model's order: frozen ones first, then live ones, then the surrogates that stand for
    blocks that are elsewhere (the output module of SmartFreeze and ProFL), then the head. An exit is a pooled linear
    classifier behind its block: it stands in for surrogates and head (the FC-only output module), or beside them
    (DepthFL).
    """

    live: Tuple[str, ...] = ()
    frozen: Tuple[str, ...] = ()
    surrogates: Tuple[str, ...] = ()
    head: bool = False
    exits: Tuple[str, ...] = ()
    tuned: Tuple[str, ...] = ()  # beginnings of keys inside frozen blocks that are trained all the same (NeuLite)
    fixed: Tuple[str, ...] = ()  # beginnings of keys outside frozen blocks that are not trained (ProFL's mapping)
    moving_norm: bool = False  # batch norm of frozen blocks in train mode, as in ProFL's published code
    owner: str = ""  # the stage whose own surrogates, exits and head these are; "": the ones that all stages share

    def trained(self, key: str) -> bool:
        """Whether the tensor of this state-dict key changes in training here, and so travels in every round."""
        if self._frozen(key):
            return key.startswith(self.tuned) or (self.moving_norm and key.endswith(NORM_STATISTICS))
        return self._live(key) and not key.startswith(self.fixed)

    def holds(self, key: str) -> bool:
        """Whether the tensor of this state-dict key lives in this part at all."""
        return self._frozen(key) or self._live(key)

    def named(self, key: str) -> str:
        """The key of a tensor of this part's model in the global state: output modules carry their owner's name."""
        return key if not self.owner or key.startswith("blocks.") else "own.{}.{}".format(self.owner, key)

    def _frozen(self, key: str) -> bool:
        place, _, rest = key.partition(".")
        return place == "blocks" and rest.partition(".")[0] in self.frozen

    def _live(self, key: str) -> bool:
        if self.owner and not key.startswith("blocks."):
            begin = "own.{}.".format(self.owner)
            if not key.startswith(begin):
                return False
            key = key[len(begin) :]
        place, _, rest = key.partition(".")
        name = rest.partition(".")[0]
        return (
            (place == "blocks" and name in self.live)
            or (place == "surrogates" and name in self.surrogates)
            or (place == "exits" and name in self.exits)
            or (place == "head" and self.head)
        )


def scaled(channels: int, width: float) -> int:
    """Channels of a model of relative `width`: rounded up, as in HeteroFL's published code."""
    return math.ceil(channels * width)


def pooled_head(channels: int, classes: int) -> nn.Module:
    """(batch, channels, h, w) -> (batch, classes)."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))


def surrogate(block: BlockSpec) -> nn.Module:
    """Stand-in for a block that is not here: one 3x3 convolution with the block's stride and channels.

    ProFL's published code: no bias, no norm, no activation (papers.md 3.2; SmartFreeze says the same in words).
    """
    return nn.Conv2d(block.in_channels, block.out_channels, 3, stride=block.stride, padding=1, bias=False)


class BlockedModel(nn.Module):
    """The blocks, surrogates, exits and head of one `Part`. Nothing that lives elsewhere is built.

    Shapes: input (batch, *spec.input_shape); output (batch, classes) with a head or exit, else the last maps.
    """

    def __init__(self, spec: ModelSpec, part: Part) -> None:
        super().__init__()
        self.spec = spec
        self.part = part
        present = set(part.live) | set(part.frozen)
        self.blocks = nn.ModuleDict({b.name: b.build() for b in spec.blocks if b.name in present})
        self.surrogates = nn.ModuleDict({b.name: surrogate(b) for b in spec.blocks if b.name in part.surrogates})
        self.exits = nn.ModuleDict(
            {b.name: pooled_head(b.out_channels, spec.classes) for b in spec.blocks if b.name in part.exits}
        )
        self.head = spec.head() if part.head else nn.Identity()

    def _split_frozen(self) -> Tuple[List[nn.Module], List[nn.Module]]:
        """Units of the frozen blocks: those before the first that has a tuned parameter, and the rest."""
        units = [
            (unit, any(self.part.trained("blocks.{}.{}.{}".format(name, i, key)) for key, _ in unit.named_parameters()))
            for name in self.part.frozen
            for i, unit in self.blocks[name].named_children()
        ]
        tuned = [index for index, (_, has_tuned) in enumerate(units) if has_tuned]
        cut = tuned[0] if tuned else len(units)
        return [unit for unit, _ in units[:cut]], [unit for unit, _ in units[cut:]]

    def frozen_prefix(self, inputs: Tensor, micro_batch: Optional[int] = None) -> Tensor:
        """Run the frozen units without saving any activation. Detached output.

        In micro-batches only one of them is spread out at a time, and the output is written in place.
        """
        units, _ = self._split_frozen()
        if not units:
            return inputs
        with torch.no_grad():
            if micro_batch is None or micro_batch >= len(inputs):
                return _through(units, inputs)
            output: Optional[Tensor] = None
            for start in range(0, len(inputs), micro_batch):
                piece = _through(units, inputs[start : start + micro_batch])
                if output is None:
                    output = _like_maps(piece, len(inputs))
                output[start : start + micro_batch] = piece
        assert output is not None
        return output

    def live_units(self) -> List[nn.Module]:
        """Everything that runs under autograd here on the way to the deepest output, in the order of computation."""
        units = self._split_frozen()[1]
        units.extend(unit for name in self.part.live for unit in self.blocks[name].children())
        units.extend(self.surrogates[name] for name in self.part.surrogates)
        if self.part.head:
            units.append(self.head)
        elif self.part.exits:
            units.append(self.exits[self.part.exits[-1]])
        return units

    def forward(self, inputs: Tensor) -> Tensor:
        return _through(self.live_units(), self.frozen_prefix(inputs))

    def beginning(self, inputs: Tensor) -> Tensor:
        """The live blocks without the head, where others lie between them (a U-shaped split)."""
        return _through([self.blocks[name] for name in self.part.live], inputs)

    def all_logits(self, inputs: Tensor) -> List[Tensor]:
        """Logits of every exit, then of the head: (batch, classes) each, shallow to deep."""
        logits: List[Tensor] = []
        hidden = inputs
        for name in self.part.live:
            hidden = self.blocks[name](hidden)
            if name in self.part.exits:
                logits.append(self.exits[name](hidden))
        if self.part.head:
            logits.append(self.head(hidden))
        return logits

    def set_training(self) -> None:
        """Train mode for what is live; frozen batch norm keeps its statistics (eval mode) unless the part moves it.

        Weights lie as channels last, like inputs (`fl_core.tensors.own_tensor` says why): gradients then need no copy.
        """
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.train()
        if not self.part.moving_norm:
            for name in self.part.frozen:
                self.blocks[name].eval()
        for key, parameter in self.named_parameters():
            parameter.requires_grad_(self.part.trained(self.part.named(key)))

    def trained_parameters(self) -> List[nn.Parameter]:
        return [p for key, p in self.named_parameters() if self.part.trained(self.part.named(key))]

    def tensors(self) -> Dict[str, Tensor]:
        """Parameters and buffers by their names in the global state, sharing memory with the model."""
        return {self.part.named(key): value.detach() for key, value in self.state_dict().items()}

    def load(self, tensors: Dict[str, Tensor]) -> None:
        """Copy values into the model in place; keys that are not given stay as they are."""
        own = {self.part.named(key): value for key, value in self.state_dict().items()}
        with torch.no_grad():
            for key, value in tensors.items():
                own[key].copy_(value)


def _through(units: List[nn.Module], hidden: Tensor) -> Tensor:
    for unit in units:
        hidden = unit(hidden)
    return hidden


def _like_maps(piece: Tensor, count: int) -> Tensor:
    """An empty tensor of `count` samples in the layout of `piece`."""
    last = piece.dim() == 4 and piece.is_contiguous(memory_format=torch.channels_last)
    layout = torch.channels_last if last else torch.contiguous_format
    return torch.empty((count, *piece.shape[1:]), dtype=piece.dtype, memory_format=layout)


def whole(spec: ModelSpec, surrogates: bool = False, exits: bool = False) -> Part:
    """The part that holds everything: what the server keeps."""
    names = spec.block_names
    return Part(live=names, surrogates=names[1:] if surrogates else (), head=True, exits=names[:-1] if exits else ())
