"""A backward pass as one file of HTML to step through."""
