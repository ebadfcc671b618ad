"""Speeds, each beside a floor of the same run: ``python -m tests.bench [--json] [NAME...]``. Exits 1 when a target is missed.

The figures say nothing of the machine, but a machine that does much else makes them jump: run one again before believing it.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from tests.bench import append, commit, idle, incus, lint, plan, regrade
from tests.bench.figures import Figure, show, tell

BENCHES = {
    "commit": commit,
    "plan": plan,
    "lint": lint,
    "append": append,
    "regrade": regrade,
    "incus": incus,
    "idle": idle,
}


def main() -> int:
    """Measure what is named, or everything."""
    parser = argparse.ArgumentParser(prog="./dev bench", description="Speeds, each beside a floor of the same run.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"default: all of {', '.join(BENCHES)}")
    parser.add_argument("--json", action="store_true", help="print JSON for programs")
    asked = parser.parse_args()
    if unknown := sorted(set(asked.names) - BENCHES.keys()):
        parser.error(f"there is no {', '.join(unknown)}; there is {', '.join(BENCHES)}")
    figures: list[Figure] = []
    for name in asked.names or BENCHES:
        tell(f"{name}: {(BENCHES[name].__doc__ or '').strip()}")
        with tempfile.TemporaryDirectory(prefix="reconciler-bench-") as folder:
            figures += BENCHES[name].measure(Path(folder))
    if asked.json:
        sys.stdout.write(json.dumps([figure.document() for figure in figures], indent=1) + "\n")
    else:
        show(figures)
    return int(any(figure.met is False for figure in figures))


sys.exit(main())
