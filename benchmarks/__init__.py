"""Side by side with peers in one run: ratios and medians, never a pass or a fail."""
