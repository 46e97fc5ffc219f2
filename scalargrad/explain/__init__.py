"""How did this gradient come about? Drawings, text, steps, a prompt, a page."""

from .drawing.network import draw_network as draw_network
from .drawing.picture import TooLarge as TooLarge
from .drawing.picture import draw as draw
from .text import ledger as ledger
from .text import tree as tree
from .walk.step import Step as Step
from .walk.steps import Steps as Steps
from .walk.steps import steps as steps
