"""How many examples a property is tried on: `HYPOTHESIS_PROFILE` chooses."""

import os

from hypothesis import settings

settings.register_profile("ci", derandomize=True, deadline=None, max_examples=60)
settings.register_profile("deep", deadline=None, max_examples=2000, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

collect_ignore = ["user_code"]  # programs, one of them wrong, that `test_user_code.py` runs and has checked
