"""A model run as an application runs it: on real numbers, with its states kept between calls.

It imports little, since the process of `interpreters.py` starts with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from rnnlite_pipeline.graph.affine import from_integers, to_integers
from rnnlite_pipeline.graph.ir import Model, Tensor
from rnnlite_pipeline.runtimes.compiled_runner import CompiledRunner
from rnnlite_pipeline.runtimes.interpreter import Runner
from rnnlite_pipeline.runtimes.micro import MicroRunner
from rnnlite_pipeline.runtimes.partition import PartitionedRunner
from rnnlite_pipeline.runtimes.web import WebRunner
from rnnlite_pipeline.sources.model import Array
from rnnlite_pipeline.state import Description

#: A model on one set of kernels.
AnyRunner = Runner | PartitionedRunner | MicroRunner | CompiledRunner | WebRunner

Outputs = dict[str, Array]


class RealRunner:
    """Runs a model with an integer interface on real numbers, as an application does.

    Integers are fed as they are: a source that takes some has them in its data.

    Args:
        runner: The model on some kernels.
        model: The same model's graph, for the scales.
        plain: Whether results stay as the model stores them.

    Attributes:
        kernels: Which kernels run it.
        on_tensorflow: The ops that TensorFlow runs, because LiteRT lacks them.
        stood_in: The ops that nobody here can run, each with the reason.
    """

    def __init__(
        self,
        runner: AnyRunner,
        model: Model,
        *,
        plain: bool = False,
    ) -> None:
        self._runner = runner
        self.kernels: str = runner.kernels
        self.note = runner.note
        parted = runner if isinstance(runner, PartitionedRunner) else None
        self.on_tensorflow = parted.on_tensorflow if parted else ()
        self.stood_in = parted.stood_in if parted else {}
        signature = model.signatures[0]
        self._inputs = _integers(signature.inputs)
        self._outputs = {} if plain else _integers(signature.outputs)

    @property
    def arena_bytes(self) -> int:
        """What TFLM's tensors took; 0 on LiteRT."""
        return self._runner.arena_bytes if isinstance(self._runner, MicroRunner) else 0

    def reset(self) -> None:
        """Gives the states that the model keeps their first values."""
        self._runner.reset()

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Real arrays in and out, whatever the model's own types."""
        feed = dict(inputs)
        for name, tensor in self._inputs.items():
            if inputs[name].dtype.kind == "f":
                feed[name] = to_integers(inputs[name], tensor)
        results = self._runner.run(feed)
        for name, tensor in self._outputs.items():
            results[name] = from_integers(results[name], tensor)
        return results


class Runs(Protocol):
    """A model on some kernels."""

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """One call."""
        ...

    def reset(self) -> None:
        """Gives the states that the model keeps their first values."""
        ...


class Started:
    """A model together with its states, which are kept as an application keeps them.

    Args:
        runner: The model.
        states: What it says of its states.
    """

    def __init__(self, runner: Runs, states: Description) -> None:
        self._runner, self._states = runner, states
        self._now: Outputs = {}

    def run(self, inputs: Mapping[str, Array]) -> Outputs:
        """A call that starts from the first states."""
        self._now = {}
        if self._states.policy == "persist":
            self._runner.reset()
        return self.resume(inputs)

    def resume(self, inputs: Mapping[str, Array]) -> Outputs:
        """A call that starts from the states that the one before left."""
        if self._states.policy != "explicit":
            return self._runner.run(inputs)
        results = self._runner.run({**inputs, **first_states(inputs, self._states), **self._now})
        self._now = {s.input: results.pop(s.output) for s in self._states.states}
        return results


def first_states(inputs: Mapping[str, Array], states: Description) -> Outputs:
    """What the first call starts from, by the name of a state's input.

    Args:
        inputs: The other inputs of the call.
        states: What the model says of its states.
    """
    batch = batch_of(inputs, states)
    return {
        s.input: np.resize(s.initial, (max(batch, len(s.initial)), *s.initial.shape[1:]))
        for s in states.states
    }


def batch_of(inputs: Mapping[str, Array], states: Description) -> int:
    """The size of the batch axis: the first, or the second where the first is time."""
    for name, axis in states.time.items():
        return int(inputs[name].shape[1 if axis == 0 else 0])
    return next((a.shape[0] for a in inputs.values() if a.ndim), 1)


def _integers(named: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {n: t for n, t in named.items() if t.quantization and t.quantization.scale}
