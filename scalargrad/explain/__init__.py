"""How did this gradient come about? Drawings, text, steps, a prompt, a page."""

from .steps import Step as Step
from .steps import Steps as Steps
from .steps import steps as steps
