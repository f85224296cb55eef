"""A source whose caller carries its states, called as a model that keeps them itself is.

The source is fed by hand: zeros in the first call, and what it gave in the ones after. So the model
is held to the source's own states, call after call.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from rnnlite_pipeline.sources.model import Array, SourceModel, TensorSpec
from rnnlite_pipeline.state import Description
from rnnlite_pipeline.verify.application import batch_of

Arrays = Mapping[str, Array]


def fed_by_hand(source: SourceModel, states: Description) -> SourceModel:
    """The source without the inputs and outputs that the model has not (`Description.carried`).

    Args:
        source: The source, with all of its inputs and outputs.
        states: What the model says of its states.
    """
    if not states.carried:
        return source
    by_hand = _ByHand(source, states)
    first = {state.name: state.initial for state in states.states}
    own = [(n, first[n]) for pair in states.carried for n in pair.states if n in first]
    on = source.on
    return dataclasses.replace(
        source,
        inputs=tuple(inputs_left(source.inputs, states)),
        outputs=tuple(outputs_left(source.outputs, states)),
        run=by_hand.run,
        resume=by_hand.resume if states.policy == "persist" else source.resume,
        states=(*source.states, *own),
        on=(lambda kernels: fed_by_hand(on(kernels), states)) if on else None,
    )


def inputs_left(inputs: Sequence[TensorSpec], states: Description) -> list[TensorSpec]:
    """The inputs of a source that its model has too."""
    gone = {pair.input for pair in states.carried}
    return [spec for spec in inputs if spec.name not in gone]


def outputs_left(outputs: Sequence[TensorSpec], states: Description) -> list[TensorSpec]:
    """The outputs of a source that its model has too."""
    gone = {pair.output for pair in states.carried}
    return [spec for spec in outputs if spec.name not in gone]


class _ByHand:
    """Feeds the source's states from call to call.

    Args:
        source: The source.
        states: The states of the model.
    """

    def __init__(self, source: SourceModel, states: Description) -> None:
        self._source, self._states = source, states
        self._outputs = {pair.input: pair.output for pair in states.carried}
        self._specs = [spec for spec in source.inputs if spec.name in self._outputs]
        self._now: dict[str, Array] = {}

    def run(self, inputs: Arrays) -> dict[str, Array]:
        """A call that starts from zeros."""
        batch = batch_of(inputs, self._states)
        zeros = {spec.name: _zeros(spec, batch) for spec in self._specs}
        return self._kept(self._source.run({**inputs, **zeros}))

    def resume(self, inputs: Arrays) -> dict[str, Array]:
        """A call that starts from what the one before gave."""
        call = self._source.resume or self._source.run
        return self._kept(call({**inputs, **self._now}))

    def _kept(self, results: dict[str, Array]) -> dict[str, Array]:
        self._now = {name: results[output] for name, output in self._outputs.items()}
        gone = set(self._outputs.values())
        return {name: array for name, array in results.items() if name not in gone}


def _zeros(spec: TensorSpec, batch: int) -> Array:
    return np.zeros([batch if d is None else d for d in spec.shape], spec.dtype)
