"""`python -m benchmarks`: print the tables of all benchmarks, or of those named."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from benchmarks import check, engine, explain, lift, lifting

BENCHMARKS: dict[str, Callable[[bool], None]] = {
    "check": check.report,
    "engine": engine.report,
    "explain": explain.report,
    "lift": lift.report,
    "lifting": lifting.report,
}


def main() -> None:
    """Run what the command line names."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of: {', '.join(BENCHMARKS)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="fewer rounds and smaller sizes: to see that it runs")
    arguments = parser.parse_args()
    for name in arguments.names:
        if name not in BENCHMARKS:
            parser.error(f"no benchmark is named {name!r}: choose from {', '.join(BENCHMARKS)}")
    for name in arguments.names or BENCHMARKS:
        BENCHMARKS[name](arguments.quick)


if __name__ == "__main__":
    main()
