"""The steps of a backward pass, as the sweep makes them, and a cursor over them."""
