"""Exercises with a judge, who says whether an answer is right and, if not, which mistake it is.

>>> from scalargrad import exercise
>>> exercise("rule-of-tanh").judge(lambda out, x: 1 - x**2)
Not right yet: operand for result.
At x = 0.5 your ∂out/∂x is 0.75, and it should be 0.786448.
The formula is right for the result, and you have put the operand in its place.

`exercises()` lists all. The same exercises are in a terminal: `scalargrad exercise`.
"""

from ..misconceptions import Misconception as Misconception
from . import (  # noqa: F401  # the table
    choices,
    codes,
    descending,
    engines,
    generalising,
    images,
    looking,
    losses,
    networks,
    rewards,
    rules,
    sequences,
    trainings,
    very_deep,
    words,
)
from .choices import judge_gradients as judge_gradients
from .declaring import Exercise as Exercise
from .declaring import Exercises as Exercises
from .declaring import close_built_ins
from .declaring import declare as declare
from .declaring import exercise as exercise
from .declaring import exercises as exercises
from .functions import judge_function as judge_function
from .rules import judge_rules as judge_rules
from .verdict import Verdict as Verdict
from .verdict import right as right
from .verdict import wrong as wrong

close_built_ins()
