"""What each cut of a model costs: the table that SmartSplit's managers and the split optimisers decide from.

Bytes are the planner's (`fl_core.memory.profile`), exact for tensors; multiply-adds are those of convolutions and
matrix products. Needs torch >= 2.1, as the tensor meter does.
"""

from typing import List, Sequence

import torch
from torch import Tensor, nn

from fl_core.ledger.macs import MultiplyAdds
from fl_core.managers.cut import CutCost
from fl_core.managers.on_device import of_piece
from fl_core.managers.remote import remote_cost
from fl_core.memory.chain import chain
from fl_core.memory.modes import EXACT
from fl_core.memory.plan import Planner
from fl_core.memory.profile import Profile, measure, static_bytes
from fl_core.memory.schedule import keep_all, simulate
from fl_core.models.blocks import BlockedModel, ModelSpec, whole


def cut_costs(spec: ModelSpec, batch: int, pieces: int = 1) -> List[CutCost]:
    """Front to back, one for each block but the last, of a batch that is trained in so many micro-batches."""
    with torch.random.fork_rng(devices=[]):
        model = BlockedModel(spec, whole(spec))
        model.set_training()
        inputs = torch.randn(batch, *spec.input_shape).contiguous(memory_format=torch.channels_last)
        macs = _macs(model, inputs)
        chains = [chain(list(model.blocks[name].children())) for name in spec.block_names[:-1]]
        piece = inputs.chunk(pieces)[0]
        profile = measure([unit for units in chains for unit in units], piece, EXACT, repeats=0)
    rest_bytes = (inputs.numel() - piece.numel()) * inputs.element_size()
    costs = []
    for after, cut in enumerate(spec.block_names[:-1], start=1):
        units = [unit for some in chains[:after] for unit in some]
        smashed = profile.units[len(units) - 1].output_bytes
        part = Profile(
            static_bytes(nn.ModuleList(units), piece, momentum=True),
            (*profile.units[: len(units)], remote_cost(smashed, EXACT)),
        )
        costs.append(
            CutCost(
                cut,
                simulate(part, keep_all(len(part.units))).peak_bytes + rest_bytes,
                Planner(of_piece(part, rest_bytes, pieces > 1), EXACT).smallest().peak_bytes,
                smashed * len(inputs) // len(piece),
                _bytes(units),
                sum(macs[:after]),
                sum(macs[after:]),
            )
        )
    return costs


def _macs(model: BlockedModel, inputs: Tensor) -> List[int]:
    """Of each block and the head, for this batch."""
    hidden, found = inputs[:1], []
    model.eval()  # one sample is enough, and norms of one sample need no statistics of their own
    with torch.no_grad():
        for stage in [*(model.blocks[name] for name in model.spec.block_names), model.head]:
            with MultiplyAdds() as counted:
                hidden = stage(hidden)
            found.append(counted.forward * len(inputs))
    model.set_training()
    return found


def _bytes(units: Sequence[nn.Module]) -> int:
    return sum(t.numel() * t.element_size() for unit in units for t in unit.state_dict().values())
