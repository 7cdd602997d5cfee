"""`python -m benchmarks AREA`: measure an area's figures, print them, write them to benchmarks/out/<area>.json."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from benchmarks.table import publish


def main() -> int:
    known = sorted(path.parent.name for path in Path(__file__).parent.glob("*/figures.py"))
    if len(sys.argv) != 2 or sys.argv[1] not in known:
        print(f"usage: make figures AREA=<area>; known: {', '.join(known)}", file=sys.stderr)
        return 2
    area = sys.argv[1]
    rows = []
    try:
        for row in importlib.import_module(f"benchmarks.{area}.figures").rows():
            rows.append(row)
            print(f"{row.quantity}: {row.measured}", file=sys.stderr, flush=True)
    finally:
        publish(area, rows)  # what was measured before an interrupt was measured
    return 0


if __name__ == "__main__":
    sys.exit(main())
