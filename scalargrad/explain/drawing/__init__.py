"""A graph as a picture: what is drawn, how it looks, and how it becomes a file."""
