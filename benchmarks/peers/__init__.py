"""One training step, written once for each peer: see `worker.py` for what a peer offers."""
