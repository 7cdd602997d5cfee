"""Keep activations in few bits: per channel a scale and an offset, a width by the channel's range, unbiased rounding.

The channel-wise mixed compression that FedHybrid's abstract names (SenSys 2024, arXiv 2510.11400); its quantiser is not
known to us. Ours follows ActNN (Chen et al., ICML 2021): stochastic rounding makes the decompressed tensor, and so the
gradient, right on average. OURS: how many channels get how many bits.
"""

from typing import Any, Dict, List, Tuple

import torch
from torch import Tensor, nn

from fl_core.memory.saving import Saving, Slot

WIDE_SHARE = 0.2  # OURS: this share of the channels, those of the widest range, has 8 bits; the others have 4
WIDE_LEVELS, NARROW_LEVELS = 255, 15
CHUNK = 1 << 18  # elements that are turned into numbers at a time: bounds the workspace


class Quantised(Slot):
    """(n, c) or (n, c, h, w) or (n, t, c) in about 5 bits per number."""

    __slots__ = ("code", "low", "order", "shape", "step", "wide")

    def __init__(self, tensor: Tensor, noise: torch.Generator) -> None:
        super().__init__()
        with torch.no_grad():
            self._pack(tensor.detach(), noise)

    def _pack(self, tensor: Tensor, noise: torch.Generator) -> None:
        rows = _rows(tensor)
        self.shape = tensor.shape
        low, high = rows.min(0)[0], rows.max(0)[0]
        channels = len(low)
        self.order = (high - low).argsort(descending=True)
        self.wide = channels - int(channels * (1 - WIDE_SHARE)) // 2 * 2  # an even number of narrow ones
        levels = torch.full((channels,), float(NARROW_LEVELS))
        levels[: self.wide] = WIDE_LEVELS
        self.low = low[self.order]
        self.step = ((high - low)[self.order] / levels).clamp_(min=1e-30)
        self.code = torch.empty((len(rows), self.wide + (channels - self.wide) // 2), dtype=torch.uint8)
        for start, end in _pieces(len(rows), channels):
            piece = rows[start:end].index_select(1, self.order).sub_(self.low).div_(self.step)
            piece.add_(torch.rand(piece.shape, generator=noise)).floor_()
            numbers = torch.min(piece, levels).to(torch.uint8)
            self.code[start:end, : self.wide] = numbers[:, : self.wide]
            narrow = numbers[:, self.wide :]
            self.code[start:end, self.wide :] = narrow[:, 0::2] + narrow[:, 1::2] * 16

    def make(self) -> Tensor:
        channels = len(self.low)
        flat = torch.empty((len(self.code), channels))
        back = self.order.argsort()
        for start, end in _pieces(len(flat), channels):
            code = self.code[start:end]
            numbers = torch.empty((end - start, channels))
            numbers[:, : self.wide] = code[:, : self.wide]
            numbers[:, self.wide :: 2] = code[:, self.wide :] % 16
            numbers[:, self.wide + 1 :: 2] = code[:, self.wide :] // 16
            flat[start:end] = numbers.mul_(self.step).add_(self.low).index_select(1, back)
        if len(self.shape) != 4:
            return flat.view(self.shape)
        samples, _, height, width = self.shape
        return flat.view(samples, height, width, channels).permute(0, 3, 1, 2)


class Compressed(Saving):
    """Activations made within the unit are quantised; its input, weights and indices are kept as they are."""

    noise = torch.Generator()  # its own: dropout's random numbers stay what they are

    def __init__(self, unit: nn.Module) -> None:
        super().__init__(unit)
        self._slots: Dict[Any, Slot] = {}

    def slot(self, tensor: Tensor) -> Slot:
        if tensor.grad_fn is None or not tensor.is_floating_point() or tensor.dim() < 2:
            return Slot(tensor)
        key = (tensor.grad_fn, tensor.shape)
        if key not in self._slots:
            self._slots[key] = Quantised(tensor, self.noise)
        return self._slots[key]

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        self._slots.clear()


def _rows(tensor: Tensor) -> Tensor:
    """(samples and places, channels); a view where the layout is channels last."""
    if tensor.dim() == 4:
        tensor = tensor.permute(0, 2, 3, 1)
    return tensor.reshape(-1, tensor.shape[-1])


def _pieces(rows: int, channels: int) -> List[Tuple[int, int]]:
    size = max(1, CHUNK // channels)
    return [(start, min(start + size, rows)) for start in range(0, rows, size)]
