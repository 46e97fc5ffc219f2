"""`python -m scalargrad` is the command `scalargrad`."""

from .cli import main

if __name__ == "__main__":
    raise SystemExit(main())
