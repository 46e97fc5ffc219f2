"""Programs of arrays: what they consist of, and their derivatives."""
