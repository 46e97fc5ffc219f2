"""The target Python: a program of single numbers for the standard library alone."""
