"""Neurons, layers, networks: a weighted sum and an activation, side by side, one after another.

    neuron   z = w·x + b,  y = activation(z)
    layer    neurons that read the same inputs
    MLP      layers, each reading the outputs of the one before

`Maxout` is a layer whose outputs are each the largest of several weighted sums, `PReLU` an activation with a slope
that is learned, `Dropout` drops numbers at random while a network is trained. `LayerNorm` and `RMSNorm` bring a row
of numbers to one size, and `Embedding` is a table of learned rows.

`Convolution`, `MaxPool` and `AveragePool` read images. `Recurrent`, `LSTM` and `GRU` read a sequence of rows one after
another and remember what was before; `Bidirectional` reads it from both ends. In `Attention` each row of a sequence
looks at the others, and takes a mean of what they offer.

`Sequential` puts modules one after another; `Residual` and `Highway` lead a way around them.

All of it is arithmetic on Values; nothing here knows how to differentiate. Your own networks are subclasses of
`Module`, which finds the parameters in its attributes.
"""

from typing import TYPE_CHECKING

from ..engine.foreign import absent
from . import foreign
from .arguments import activation_name
from .attention import Attention
from .convolution import AveragePool, Convolution, MaxPool
from .dropout import Dropout, Masked
from .embedding import Embedding
from .gated import GRU, LSTM
from .layer import Layer
from .maxout import Maxout
from .mlp import MLP
from .module import Module
from .neuron import Neuron
from .normalisation import LayerNorm, RMSNorm
from .prelu import PReLU
from .recurrent import Recurrent
from .residual import Highway, Residual
from .sequences import Bidirectional, Recurrence
from .sequential import Sequential

__all__ = [
    "GRU",
    "LSTM",
    "MLP",
    "Attention",
    "AveragePool",
    "Bidirectional",
    "Convolution",
    "Dropout",
    "Embedding",
    "Highway",
    "Layer",
    "LayerNorm",
    "Masked",
    "MaxPool",
    "Maxout",
    "Module",
    "Neuron",
    "PReLU",
    "RMSNorm",
    "Recurrence",
    "Recurrent",
    "Residual",
    "Sequential",
    "activation_name",
]

if not TYPE_CHECKING:  # pragma: no branch  # an editor marks the names that are not here, which this would hide from it

    def __getattr__(name: str) -> object:
        raise absent(__name__, name, __all__, foreign.NAMES)
