"""From the scalars of a trace to arrays: which are alike, and how they lie."""
