"""How did this gradient come about? Drawings, text, steps, a prompt, a page."""

from .draw import TooLarge as TooLarge
from .draw import draw as draw
from .network import draw_network as draw_network
from .step import Step as Step
from .steps import Steps as Steps
from .steps import steps as steps
from .text import ledger as ledger
from .text import tree as tree
