"""How to install what the core does without."""


def how_to_install(extra: str) -> str:
    """Return the command that installs an extra, for a wheel and for a clone.

    >>> how_to_install("draw")
    "pip install 'scalargrad-engine[draw]', or in a clone pip install --editable '.[draw]'"
    """
    return f"pip install 'scalargrad-engine[{extra}]', or in a clone pip install --editable '.[{extra}]'"
