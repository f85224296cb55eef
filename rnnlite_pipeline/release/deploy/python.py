"""A Python module that runs the model with ai-edge-litert and NumPy, and nothing else."""

from __future__ import annotations

from rnnlite_pipeline.graph.variables import Array
from rnnlite_pipeline.release.deploy.deployment import Deployment, Port
from rnnlite_pipeline.release.deploy.text import filled, plain

_MODULE = '''\
"""Runs @NAME@ @VERSION@. Needs ai-edge-litert and numpy.

    from @SNAKE@ import Model

    model = Model("model.tflite")
    outputs = model(@CALL@)

Inputs (? is open):
@INPUTS@
Outputs:
@OUTPUTS@
State: @STATE@. @RESET@
"""

import zipfile

import numpy as np
from ai_edge_litert.interpreter import Interpreter

#: In the model's order: dtype, scale and zero point of a quantized one, mean and std to normalize.
INPUTS = {
@INPUT_TABLE@}

#: In the model's order: scale and zero point of a quantized one, file of labels.
OUTPUTS = {
@OUTPUT_TABLE@}
@STATES@


class Model:
    """The model, ready to be called; one instance a thread."""

    def __init__(self, path="model.tflite", threads=1):
        self._path = path
        self._interpreter = Interpreter(model_path=str(path), num_threads=threads)
        inputs = self._interpreter.get_input_details()
        outputs = self._interpreter.get_output_details()
        self._inputs = {name: detail["index"] for name, detail in zip(INPUTS, inputs)}
        self._outputs = {name: detail["index"] for name, detail in zip(OUTPUTS, outputs)}
        self._shapes = None

    def __call__(self, **inputs):
        """One call: real values by input name, not yet normalized; real values by output name."""
        arrays = {name: _stored(inputs[name], *INPUTS[name]) for name in INPUTS}
        shapes = {name: array.shape for name, array in arrays.items()}
        if shapes != self._shapes:  # only then: to resize plans all memory anew
            for name, shape in shapes.items():
                self._interpreter.resize_tensor_input(self._inputs[name], shape)
            self._interpreter.allocate_tensors()
            self._shapes = shapes
        for name, array in arrays.items():
            self._interpreter.set_tensor(self._inputs[name], array)
        self._interpreter.invoke()
        return {name: self._real(name, index) for name, index in self._outputs.items()}

@METHODS@
    def labels(self, output):
        """The label of each value of an output, from the files packed in the model."""
        with zipfile.ZipFile(self._path) as archive:
            return archive.read(OUTPUTS[output][2]).decode().splitlines()

    def _real(self, name, index):
        scale, zero_point, _ = OUTPUTS[name]
        value = self._interpreter.get_tensor(index)
        return (value.astype(np.float32) - zero_point) * np.float32(scale) if scale else value


def _stored(value, dtype, scale, zero_point, mean, std):
    """A value as the model takes it: normalized, then quantized."""
    value = np.asarray(value)
    if mean:
        value = (value - np.asarray(mean, np.float32)) / np.asarray(std, np.float32)
    if scale:
        bounds = np.iinfo(dtype)
        value = np.clip(np.round(value / scale) + zero_point, bounds.min, bounds.max)
    return np.ascontiguousarray(value, dtype)
'''

_RESET = '''\
    def reset(self):
        """Start a new sequence: forget the state that the calls before left."""
        if self._shapes is not None:
            @HOW@

'''

_STATES = """
#: Each state input: the output that goes on from it, and what a sequence starts from [B, width].
STATES = {
@TABLE@}"""

_EXPLICIT = '''\
    def first(self, batch=1):
        """The states that a sequence starts from: model(x=x, **model.first())."""
        starts = {name: np.asarray(start, np.float32) for name, (_, start) in STATES.items()}
        return {name: np.repeat(s, batch // len(s), axis=0) for name, s in starts.items()}

    def following(self, outputs):
        """The states for the next call, from the outputs of one."""
        return {name: outputs[last] for name, (last, _) in STATES.items()}

'''


def python_module(deployment: Deployment) -> str:
    """The text of the module."""
    fields = {
        "NAME": deployment.name,
        "VERSION": deployment.version,
        "SNAKE": deployment.snake,
        "CALL": ", ".join(
            f"{port.name}={port.identifier}"
            if port.name.isidentifier()
            else f"**{{{plain(port.name)!r}: {port.identifier}}}"
            for port in deployment.inputs
        ),
        "INPUTS": _listed(deployment.inputs),
        "OUTPUTS": _listed(deployment.outputs),
        "STATE": deployment.state,
        "RESET": deployment.reset,
        "INPUT_TABLE": "".join(f"    {p.name!r}: {_input(p)},\n" for p in deployment.inputs),
        "OUTPUT_TABLE": "".join(f"    {p.name!r}: {_output(p)},\n" for p in deployment.outputs),
        "METHODS": _methods(deployment),
        "STATES": _states(deployment),
    }
    return filled(_MODULE, fields)


def _methods(deployment: Deployment) -> str:
    if deployment.state == "explicit":
        return _EXPLICIT
    way = 'get_signature_runner("reset")()' if deployment.resets else "reset_all_variables()"
    reset = filled(_RESET, {"HOW": f"self._interpreter.{way}"})
    return reset if deployment.state == "persist" else ""


def _states(deployment: Deployment) -> str:
    if deployment.state != "explicit":
        return ""
    rows = [f"    {i!r}: ({o!r}, {_start(first)}),\n" for i, o, first in deployment.states]
    return filled(_STATES, {"TABLE": "".join(rows)})


def _start(first: Array) -> str:
    """An initial state, short where it is one number throughout."""
    numbers = set(first.ravel().tolist())
    if len(numbers) == 1:
        return f"[[{numbers.pop()!r}] * {first.shape[-1]}] * {len(first)}"
    return repr(first.tolist())


def _listed(ports: tuple[Port, ...]) -> str:
    return "\n".join(f"    {port.described}" for port in ports)


def _input(port: Port) -> str:
    return repr((port.dtype, port.scale, port.zero_point, port.mean, port.std))


def _output(port: Port) -> str:
    return repr((port.scale, port.zero_point, port.labels))
