"""`python -m website`: build the site, or say what is wrong with its pages."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main() -> int:
    """Build what the command line names, and return the status of the process."""
    parser = argparse.ArgumentParser(prog="python -m website", description=__doc__)
    parser.add_argument("--docs", type=Path, default=ROOT / "docs", help="the folder with the pages (default: docs)")
    parser.add_argument("--output", type=Path, default=ROOT / "site", help="the folder to write (default: site)")
    arguments = parser.parse_args()
    try:
        from .build import build
        from .errors import SiteError
    except ModuleNotFoundError as error:
        parser.error(f"{error}: pip install --editable '.[docs]'")
    try:
        build(arguments.docs, arguments.output)
    except SiteError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"wrote {arguments.output}: open {arguments.output / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
