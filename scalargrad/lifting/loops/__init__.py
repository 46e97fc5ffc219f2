"""Loops in array programs: what repeats is found after differentiation, and put into the program once."""
