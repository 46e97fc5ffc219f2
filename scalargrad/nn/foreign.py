"""Names from other libraries, and what to write instead: an error for one of them says it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..engine import foreign

_TRANSFORMER = "a Module of your own that calls Attention(width, heads, causal=True) and an MLP for each row"
NAMES = {
    "Linear": "Layer(n_inputs, n_outputs, activation=None)",
    "Dense": "Layer(n_inputs, n_outputs, activation)",
    "Conv2d": "Convolution(n_channels, n_filters, kernel, stride, padding, activation=None)",
    "Conv1d": "Convolution(n_channels, n_filters, (1, length), activation=None); a sequence is an image of one row",
    "Conv2D": "Convolution(n_channels, n_filters, kernel, stride, padding, activation)",
    "MaxPool2d": "MaxPool(size, stride)",
    "AvgPool2d": "AveragePool(size, stride)",
    "MaxPool1d": "MaxPool((1, size))",
    "AvgPool1d": "AveragePool((1, size))",
    "MaxPooling2D": "MaxPool(size, stride)",
    "AveragePooling2D": "AveragePool(size, stride)",
    "Flatten": "scalargrad.flatten, which is a function",
    "Identity": "lambda x: x",
    "ModuleList": "a list, in which a Module finds its parameters",
    "ModuleDict": "a dict, in which a Module finds its parameters",
    "MultiheadAttention": "Attention(width, heads), which is called on a list of rows",
    "Transformer": _TRANSFORMER,
    "TransformerEncoder": _TRANSFORMER,
    "TransformerEncoderLayer": _TRANSFORMER,
    "TransformerDecoder": _TRANSFORMER,
    "TransformerDecoderLayer": _TRANSFORMER,
    "RNN": "Recurrent(n_inputs, n_hidden)",
    "SimpleRNN": "Recurrent(n_inputs, n_hidden)",
    "RNNCell": "Recurrent(n_inputs, n_hidden), whose method step reads a single row",
    "LSTMCell": "LSTM(n_inputs, n_hidden), whose method step reads a single row",
    "GRUCell": "GRU(n_inputs, n_hidden), whose method step reads a single row",
    "Parameter": "Value(number): a Module trains each leaf Value in its attributes",
    "functional": "scalargrad.functional",
    "init": 'initial="scaled", initial="uniform", or a function of a random.Random and the number of inputs',
    "MSELoss": "scalargrad.square_error(outputs, targets), divided by the number of outputs",
    "CrossEntropyLoss": "scalargrad.cross_entropy(scores, target), which has the softmax in it",
    "BCELoss": "scalargrad.binary_cross_entropy(scores, targets), which has the sigmoid in it",
    "BCEWithLogitsLoss": "scalargrad.binary_cross_entropy(scores, targets)",
    "NLLLoss": "scalargrad.cross_entropy(scores, target), which has the log_softmax in it",
    "HingeEmbeddingLoss": "scalargrad.hinge(score, label)",
}
NAMES |= {
    f"BatchNorm{kind}": "LayerNorm(n_inputs), which normalises a row of one example and needs no batch"
    for kind in ("", "1d", "2d", "3d", "alization")
}
_ACTIVATIONS = ("ReLU", "Tanh", "Sigmoid", "Softmax", "GELU", "SiLU", "ELU", "LeakyReLU", "Softplus", "LogSoftmax")
_SPELLED = {"LeakyReLU": "leaky_relu", "LogSoftmax": "log_softmax"}
NAMES |= {
    name: f'activation="{_SPELLED.get(name, name.lower())}" of a Neuron, a Layer or an MLP' for name in _ACTIVATIONS
}

_DEVICE = 'scalargrad.lift(f, parameters, target="jax") makes a program for accelerators'
_DIGITS = 'every Value is a Python float; scalargrad.lift(f, parameters, dtype="float32") computes with fewer digits'
_PARTS = "they are its attributes, and named_parameters() has the path to each parameter"
_ASSIGNED = "assign it to self in __init__"
ATTRIBUTES = {  # of a Module
    "forward": "call the module itself",
    "fit": "write scalargrad.optim.train(loss, model.parameters(), data)",
    "to": _DEVICE,
    "cuda": _DEVICE,
    "cpu": _DEVICE,
    "double": _DIGITS,
    "float": _DIGITS,
    "half": _DIGITS,
    "modules": _PARTS,
    "children": _PARTS,
    "named_modules": _PARTS,
    "named_children": _PARTS,
    "register_buffer": f"{_ASSIGNED}, as a Constant, which is not trained",
    "register_parameter": f"{_ASSIGNED}, as a Value",
    "add_module": _ASSIGNED,
    "requires_grad_": "give an optimizer only the parameters to train; a Constant never takes a gradient",
    "apply": "write a loop over parameters(), or named_parameters()",
}

ARGUMENTS = {
    "nonlin": "activation=None for a linear neuron, or the name of an activation",
    "nonlinearity": "activation",
    "act": "activation",
    "seed": "rng=0, which takes a seed",
    "random_state": "rng=0, which takes a seed",
    "nin": "n_inputs",
    "nout": "n_outputs",
    "nouts": "sizes",
    "p": "the probability of a Dropout by itself: Dropout(0.5)",
    "in_features": "n_inputs",
    "out_features": "n_outputs",
    "input_size": "n_inputs",
    "hidden_size": "n_hidden",
    "units": "n_hidden",
    "num_layers": "a module for each layer: Sequential(LSTM(3, 8), LSTM(8, 8))",
    "bidirectional": "Bidirectional(forward, backward), of two modules",
    "batch_first": "code for one sequence; lift makes a program for a batch of it",
    "hidden_layer_sizes": "sizes, with the number of outputs as its last",
    "init": "initial",
    "in_channels": "n_channels",
    "out_channels": "n_filters",
    "filters": "n_filters",
    "kernel_size": "kernel of a Convolution, or size of a pool",
    "pool_size": "size",
    "num_embeddings": "n_rows",
    "embedding_dim": "n_outputs",
    "normalized_shape": "n_inputs",
    "eps": "epsilon",
    "elementwise_affine": "learned",
    "bias": "biases that are Constants, which stay as they are: Layer(2, 3, biases=[Constant(0.0)] * 3)",
    "use_bias": "biases that are Constants, which stay as they are: Layer(2, 3, biases=[Constant(0.0)] * 3)",
    "dilation": "weights with Constant(0.0) in the gaps",
    "groups": "a Convolution for each group of channels",
    "embed_dim": "width",
    "num_heads": "heads",
    "n_head": "heads",
    "n_heads": "heads",
    "is_causal": "causal",
    "kdim": "context_width",
    "vdim": "context_width",
    "lr": "the rate of an optimizer: optim.GradientDescent(model.parameters(), rate=0.1)",
    "learning_rate": "the rate of an optimizer: optim.GradientDescent(model.parameters(), rate=0.1)",
}


def refuse_arguments(function: str, unknown: dict[str, Any], known: Sequence[str]) -> None:
    """Raise for the first argument that a function does not have.

    >>> refuse_arguments("Neuron", {"nonlin": True}, ["n_inputs", "activation"])
    Traceback (most recent call last):
        ...
    TypeError: Neuron has no argument nonlin: write activation=None for a linear neuron, or the name of an activation

    Raises:
        TypeError: when there is one.
    """
    if unknown:
        foreign.refuse_arguments(function, unknown, known, {name: f"write {ours}" for name, ours in ARGUMENTS.items()})
