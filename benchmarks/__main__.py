"""`python -m benchmarks AREA [PART...]`: measure an area's figures, print them, write them to benchmarks/out/.

With parts, of areas that name them in `PARTS`, only those are measured.
"""

from __future__ import annotations

import importlib
import sys
from itertools import chain
from pathlib import Path

from benchmarks.table import publish


def main() -> int:
    known = sorted(path.parent.name for path in Path(__file__).parent.glob("*/figures.py"))
    if len(sys.argv) < 2 or sys.argv[1] not in known:
        print(f"usage: make figures AREA=<area>; known: {', '.join(known)}", file=sys.stderr)
        return 2
    area, *asked = sys.argv[1:]
    figures = importlib.import_module(f"benchmarks.{area}.figures")
    parts = getattr(figures, "PARTS", {})
    if not set(asked) <= set(parts):
        print(f"parts of {area}: {', '.join(parts) or 'none'}", file=sys.stderr)
        return 2
    rows = []
    try:
        for row in chain.from_iterable(parts[part]() for part in asked) if asked else figures.rows():
            rows.append(row)
            print(f"{row.quantity}: {row.measured}", file=sys.stderr, flush=True)
    finally:
        publish("-".join([area, *asked]), rows)  # what was measured before an interrupt was measured
    return 0


if __name__ == "__main__":
    sys.exit(main())
