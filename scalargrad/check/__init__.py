"""Is this gradient right? A checker that names the culprit, and laws that users can have tried.

`scalargrad.check.strategies` and `scalargrad.check.laws` need Hypothesis, and are imported when asked for.
"""

from ..expressions.recorded import Expression as Expression
from .check import assert_gradients as assert_gradients
from .check import gradcheck as gradcheck
from .detects import Detections as Detections
from .detects import assert_detects as assert_detects
from .report import GradientMismatch as GradientMismatch
from .report import Report as Report
