"""Explain how a gradient was computed: functions of one form, `tree`, `ledger`, `draw`, `page`, `quiz` and `prompt`.

Each takes a Value, a list of Values, or the steps of a backward pass.
"""

from .console.debugger import prompt as prompt
from .drawing.network import draw_network as draw_network
from .drawing.picture import TooLarge as TooLarge
from .drawing.picture import draw as draw
from .html.document import page as page
from .labs import open_in_lab as open_in_lab
from .notebook import load_ipython_extension as load_ipython_extension
from .quizzes import quiz as quiz
from .text import ledger as ledger
from .text import tree as tree
from .walk.data import page_data as page_data
from .walk.questions import quiz_data as quiz_data
from .walk.step import Step as Step
from .walk.steps import Steps as Steps
from .walk.steps import steps as steps
