"""Is this gradient right? A checker that names the culprit, and laws that users can have tried."""

from .gradcheck import assert_gradients as assert_gradients
from .gradcheck import gradcheck as gradcheck
from .report import GradientMismatch as GradientMismatch
from .report import Report as Report
