"""h' = activation(W x + R h + b)."""

from __future__ import annotations

from rnnlite_pipeline.algebra.atoms import Apply
from rnnlite_pipeline.algebra.forms import Form
from rnnlite_pipeline.algebra.text import render
from rnnlite_pipeline.cells.recurrence import SimpleRnn
from rnnlite_pipeline.recognise.cells.gates import Inputs, affine
from rnnlite_pipeline.recognise.loop.loop import Loop, Unrecognised
from rnnlite_pipeline.recognise.loop.state import State
from rnnlite_pipeline.recognise.loop.systems import System

#: The op a form ends in, to the activation's name.
ACTIVATION = {
    "TANH": "TANH",
    "RELU": "RELU",
    "RELU6": "RELU6",
    "RELU_N1_TO_1": "RELU_N1_TO_1",
    "LOGISTIC": "SIGMOID",
}


def match(loop: Loop, system: System) -> tuple[SimpleRnn, tuple[State, ...], Inputs]:
    """Reads a system of one state as a simple RNN.

    Raises:
        Unrecognised: It is none.
    """
    if len(system.states) != 1:
        raise Unrecognised(f"it carries {len(system.states)} states, a simple RNN one")
    (h,) = system.states
    name, argument = activation(h.equation)
    inputs = Inputs(loop, system)
    try:
        z = affine(argument, inputs, "step")
    except Unrecognised:
        raise Unrecognised(f"its step is h' = {render(h.equation)}") from None
    if not z.reads_only(h.before):
        raise Unrecognised("its step reads its own new state")
    kernel = z.kernel(inputs.features)
    return SimpleRnn(kernel, z.on(h.before), z.bias, name), (h,), inputs


def activation(form: Form) -> tuple[str, Form]:
    """The outermost activation of a form and what it is applied to; NONE where there is none."""
    atom = form.atom
    if isinstance(atom, Apply) and atom.function in ACTIVATION:
        return ACTIVATION[atom.function], atom.arguments[0]
    return "NONE", form
