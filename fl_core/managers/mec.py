"""SmartSplit's MEC manager: cuts move by the time-evolving statistical importance, and stragglers are dealt with.

The paper (arXiv 2410.11577) says that split points are fine-tuned from it and that stragglers are guarded against; the
importance's formula and the rule are not known, so all of this is OURS. The edge server sees every batch's losses, the
FL server applies the decision, since it is there that parts of the model are handed out.
"""

import math
import statistics
from typing import Dict, Mapping, NamedTuple, Optional, Sequence

REMEMBERED = 0.5  # share of the importance so far in the new one
SLACK = 1.5  # times the median round: who takes longer is a straggler


class Member(NamedTuple):
    """One device of the last round."""

    cut: str
    round_s: float  # measured
    seconds: Mapping[str, float]  # predicted, by each cut that its budget holds, front to back


def importance(before: Optional[float], samples: int, mean_square_loss: Optional[float]) -> float:
    """|D_i| sqrt(mean squared loss), Oort's statistical utility, averaged over rounds with fading memory."""
    if mean_square_loss is None:
        return float(samples) if before is None else before
    now = samples * math.sqrt(mean_square_loss)
    return now if before is None else REMEMBERED * before + (1 - REMEMBERED) * now


def refined(members: Mapping[str, Member], importances: Mapping[str, float]) -> Dict[str, str]:
    """Cuts of the next round: one step to the front for an important straggler, which is then worth waiting for; one
    to the back for a device that stays below the median there, so that the edge server has less to do."""
    median_s = statistics.median(member.round_s for member in members.values())
    cuts = {}
    for name, member in members.items():
        held = list(member.seconds)
        at = held.index(member.cut)
        if is_straggler(member, median_s) and important(name, importances, list(members)) and at > 0:
            at -= 1
        elif at + 1 < len(held) and member.round_s + member.seconds[held[at + 1]] - member.seconds[held[at]] < median_s:
            at += 1
        cuts[name] = held[at]
    return cuts


def deadlines_s(members: Mapping[str, Member], importances: Mapping[str, float]) -> Dict[str, float]:
    """Of stragglers that are not worth waiting for; the others have none."""
    median_s = statistics.median(member.round_s for member in members.values())
    return {
        name: SLACK * median_s
        for name, member in members.items()
        if is_straggler(member, median_s) and not important(name, importances, list(members))
    }


def is_straggler(member: Member, median_s: float) -> bool:
    return member.round_s > SLACK * median_s


def important(name: str, importances: Mapping[str, float], among: Sequence[str]) -> bool:
    """Whether in the upper half."""
    return importances[name] >= statistics.median(importances[other] for other in among)
