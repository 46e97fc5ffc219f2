"""`python -m benchmarks`: print the tables of all benchmarks but that of the lab, or of those named."""

from __future__ import annotations

import argparse
from importlib import import_module

BENCHMARKS = ("check", "engine", "explain", "floats", "gpt", "lift", "lifting", "scale")  # these need the extra bench
BY_NAME = ("lab",)  # this needs the extra test and a lab that has been built


def main() -> None:
    """Run what the command line names."""
    known = sorted([*BENCHMARKS, *BY_NAME])
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of: {', '.join(known)} (default: all but lab)")
    parser.add_argument("--quick", action="store_true", help="fewer rounds and smaller sizes: to see that it runs")
    arguments = parser.parse_args()
    for name in arguments.names:
        if name not in known:
            parser.error(f"no benchmark is named {name!r}: choose from {', '.join(known)}")
    for name in arguments.names or BENCHMARKS:
        import_module(f"benchmarks.{name}").report(arguments.quick)


if __name__ == "__main__":
    main()
