"""Vanilla split learning (Gupta and Raskar 2018): devices take turns, each going on from the weights of the one before.

A round here is one client's turn: its part of the model comes from the client before it by way of the server, the edge
server trains the one other part. `cohort` and stragglers have no place in it. OURS: momentum starts at zero in every
turn, on both sides.
"""

from fl_core.methods import split
from fl_core.rounds import Now, RoundPlan, Task


class Server(split.Server):
    def plan(self, now: Now) -> RoundPlan:
        names = list(now.clients)
        client = names[(now.round_index - 1) % len(names)]
        stage = self.stage(self.cut_of(client))
        return self.round("split", {client: Task(stage)}, stage.together)


METHOD = split.METHOD._replace(name="split-vanilla", server=Server)
