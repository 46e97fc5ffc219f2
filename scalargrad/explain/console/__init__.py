"""A prompt to walk through the steps of a backward pass, with the commands of a debugger."""
