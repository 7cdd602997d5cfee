"""A controller to be killed: starts a rack and some work on it, tells the pids as JSON, then waits."""

import json
import sys
from pathlib import Path

from harness.connect import connect
from harness.load import load_inventory
from harness.virtual.embedded import EmbeddedRack

inventory = load_inventory(sys.argv[1])
with EmbeddedRack(inventory.boards, Path(sys.argv[2])) as rack:
    connection = connect(rack.resolve(inventory.boards)[0])
    stream = connection.open("echo $$; sleep 600 & echo $!; setsid sleep 600 & echo $!; wait")
    pids = [int(stream.read_line(10) or 0) for _ in range(3)]
    assert rack._server is not None
    print(json.dumps([rack._server.pid, *pids]), flush=True)
    sys.stdin.read()
