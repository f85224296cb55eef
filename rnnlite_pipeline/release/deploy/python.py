"""A Python module that runs the model with ai-edge-litert and NumPy, and nothing else."""

from __future__ import annotations

from keyword import iskeyword

from rnnlite_pipeline.graph.variables import Array
from rnnlite_pipeline.release.deploy.deployment import Deployment, Port
from rnnlite_pipeline.release.deploy.text import plain, written


def python_module(deployment: Deployment) -> str:
    """The text of the module."""
    call = ", ".join(
        f"{port.name}={port.identifier}"
        if port.name.isidentifier() and not iskeyword(port.name)
        else f"**{{{plain(port.name)!r}: {port.identifier}}}"
        for port in deployment.inputs
    )
    values = {"model": deployment, "call": call}
    return written("module.py", values, stored=_stored, start=_start)


def _start(first: Array) -> str:
    """An initial state, short where it is one number throughout."""
    numbers = set(first.ravel().tolist())
    if len(numbers) == 1:
        return f"[[{numbers.pop()!r}] * {first.shape[-1]}] * {len(first)}"
    return repr(first.tolist())


def _stored(port: Port) -> tuple[object, ...]:
    """What turns a real value into the one that the model takes."""
    return port.shape, port.dtype, port.scale, port.zero_point, port.mean, port.std
