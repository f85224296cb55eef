"""States for the calibration data, where it has none: those that the model itself comes to.

Sample after sample, each call starts from what the one before ended with, the first from the
states' first values, as an application's calls do. So ranges are those of a long sequence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from rnnlite_pipeline.graph.ir import NUMPY, OPEN, Model, Tensor
from rnnlite_pipeline.graph.variables import State
from rnnlite_pipeline.quantize.calibration import Arrays


class OwnStates:
    """The states from one call to the next.

    Args:
        model: The lowered float graph; its states are inputs and outputs.
        states: Those that the data does not have.
    """

    def __init__(self, model: Model, states: Sequence[State]) -> None:
        signature = model.signatures[0]
        self._outputs = {state.input: signature.outputs[state.output] for state in states}
        self._now: Arrays = {}
        for state in states:
            tensor, first = signature.inputs[state.input], state.initial
            lead = tensor.shape[:1] if tensor.shape is not None else (OPEN,)
            shape = (*(max(rows, 1) for rows in lead), *first.shape[1:])
            self._now[state.input] = np.resize(first, shape).astype(NUMPY[tensor.dtype])

    @property
    def ends(self) -> list[Tensor]:
        """What a call leaves to the next."""
        return list(self._outputs.values())

    def before(self) -> Arrays:
        """What a call starts from, by input."""
        return dict(self._now)

    def after(self, values: Mapping[Tensor, np.ndarray]) -> None:
        """Takes what a call ended with from the values it computed."""
        self._now = {name: values[tensor] for name, tensor in self._outputs.items()}
