"""ProFL's published memory per stage (arXiv 2404.13349, the authors' device assignment) and what explains it.

The code names megabytes and no rule. The rule below is OURS, found by arithmetic: for a batch of 64 in fp32, every
operator's output is counted twice (activation and gradient), weights are not counted. Outputs are six per basic unit
(two each of convolution, norm and ReLU), one for a projection, three for the stem, one for each surrogate. In MiB it
gives the surrogates and block 2 exactly, the full model and block 1 within half a percent, block 3 within four. Block
4 it does not give: its 100 is also the smallest memory that the authors deal to a client, so that everybody can train.
Its maps and the whole model's weights together come to 99.2 decimal MB, but counted so the full model takes 930.
"""

from typing import NamedTuple, Tuple

BATCH = 64
MIB = 2**20
COPIES = 2  # activation and gradient
STAGES = ((64, 32), (128, 16), (256, 8), (512, 4))  # ResNet18 on 32x32 images: channels and rows of each block's maps
UNITS = 2
PER_UNIT, PER_PROJECTION, PER_STEM = 6, 1, 3
SMALLEST_CLIENT_MB = 100


class Entry(NamedTuple):
    target: str
    published_mb: int
    ours_mib: float

    @property
    def error(self) -> float:
        """Relative to the published figure."""
        return self.ours_mib / self.published_mb - 1


def map_mib(stage: int) -> float:
    """One output of the stage's shape for a batch, activation and gradient."""
    channels, rows = STAGES[stage]
    return COPIES * BATCH * channels * rows * rows * 4 / MIB


def block_mib(stage: int) -> float:
    """All outputs of a block."""
    extra = PER_STEM if stage == 0 else PER_PROJECTION
    return (UNITS * PER_UNIT + extra) * map_mib(stage)


def surrogates_mib(stage: int) -> float:
    """The output module behind a block: one map per missing block."""
    return sum(map_mib(later) for later in range(stage + 1, len(STAGES)))


def weighed_mb(maps_mib: float, weights: int) -> float:
    """The other count: maps and fp32 weights once, in decimal MB."""
    return (maps_mib * MIB + 4 * weights) / 1e6


def entries() -> Tuple[Entry, ...]:
    published_blocks, published_surrogates = (478, 208, 108, 100), (28, 12, 4)
    return (
        Entry("full model", 840, sum(block_mib(stage) for stage in range(len(STAGES)))),
        *(Entry("block {}".format(i + 1), mb, block_mib(i)) for i, mb in enumerate(published_blocks)),
        *(
            Entry("surrogates of block {}".format(i + 1), mb, surrogates_mib(i))
            for i, mb in enumerate(published_surrogates)
        ),
    )
