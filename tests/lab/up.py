"""`python up.py NAME PLAN INVENTORY`: `fedrack lab up` without the command line, which takes a second to start."""

import sys
from pathlib import Path

from harness.lab.build import build

build(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
