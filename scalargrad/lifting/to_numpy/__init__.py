"""The target numpy: an array program as the text that a person would write, and how it runs."""
