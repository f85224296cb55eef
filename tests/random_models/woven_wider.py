"""More of what Keras 3 has of recurrences, woven as `woven.py` weaves them.

Layers around layers (a recurrence for each step, cells and unequal layers in both directions),
convolutional LSTMs, layers that keep their states, masks with everything they may have, cells that
a user writes, and options that change nothing in inference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from rnnlite_pipeline.toolchain import load
from tests.random_models.woven import ACTS, RECURRENT, WovenAuthor

NEW = (
    "nested",
    "convolutional",
    "both_cells",
    "two_ways",
    "masked_both",
    "stateful",
    "own_cell",
    "unrolled",
)

ACTIVATIONS = ("tanh", "relu", "softsign", "elu", "gelu", "softplus", "sigmoid", "silu", "linear")
GATES = ("sigmoid", "sigmoid", "hard_sigmoid", "tanh", "relu6")

#: How a model is converted, besides by its scheme. A browser takes closed shapes alone.
TARGETS = (("litert",), ("litert",), ("litert-compiled",))
LOWERINGS = ("auto", "auto", "loop", "unrolled", "fastest")

#: Cells that a user writes.
OWN = ("minimal", "independent", "peephole", "layer norm", "residual", "two clocks")


@dataclass
class WiderAuthor(WovenAuthor):
    """Writes one model, and how it is converted.

    Attributes:
        keeps_states: Whether a layer keeps its states between calls; each call is to start anew.
    """

    acts: ClassVar[Sequence[str]] = (*ACTS, *NEW, *NEW)
    recurrent: ClassVar[frozenset[str]] = RECURRENT | set(NEW)
    keeps_states: bool = False

    def how(self, scheme: str) -> tuple[Mapping[str, Any], tuple[str, ...]]:
        """The config's `recurrent` and `targets` for the model that was written."""
        lowering = self.choose(LOWERINGS)
        if scheme == "int16x8":
            lowering = "loop"  # LiteRT has no such LSTM
        if lowering == "unrolled" and self.length is None:
            lowering = "auto"
        settings = {
            "lowering": lowering,
            "time_major": self.choose(["keep", True, False]),
            "bidirectional": self.choose(["group", "split"]),
            "state": "reset" if self.keeps_states else "source",
        }
        return settings, self.choose(TARGETS)

    # Acts --------------------------------------------------------------------------------------

    def _nested(self) -> None:
        """A recurrence over some values of each step, at every step."""
        taken = self._any()
        kind, units = self._kind(), self.choose([1, 4])
        both = self.choose([False, True])
        self._noted(f"{kind} both {both}")
        inner = getattr(self.layers, kind)(units)
        inner = self.layers.Bidirectional(inner) if both else inner
        parts = self.layers.Dense(6)(taken.tensor)
        steps = -1 if parts.shape[1] is None else parts.shape[1]
        parts = self.layers.Reshape((steps, 3, 2))(parts)
        self._beside(self.layers.TimeDistributed(inner)(parts), taken)

    def _convolutional(self) -> None:
        """An LSTM whose products are convolutions over the features."""
        taken = self._any()
        filters, kernel = self.choose([1, 3]), self.choose([1, 2, 3])
        width = taken.tensor.shape[-1]
        backwards = self.choose([False, False, True])
        self._noted(f"{filters} filters of {kernel} backwards {backwards}")
        layer = self.layers.ConvLSTM1D(
            filters, kernel, padding="same", return_sequences=True, go_backwards=backwards
        )
        y = layer(self.ops.expand_dims(taken.tensor, -1))
        steps = -1 if y.shape[1] is None else y.shape[1]
        self._beside(self.layers.Reshape((steps, width * filters))(y), taken)

    def _both_cells(self) -> None:
        """Two cells at each step, in both directions."""
        taken = self._any()
        kinds = [self._kind() for _ in range(2)]
        merge = self.choose(["concat", "sum", "ave", "mul"])
        self._noted(f"{kinds} {merge}")
        cells = [getattr(self.layers, f"{kind}Cell")(self.choose([2, 4])) for kind in kinds]
        layer = self.layers.RNN(cells, return_sequences=True)
        self._beside(self.layers.Bidirectional(layer, merge_mode=merge)(taken.tensor), taken)

    def _two_ways(self) -> None:
        """Forward and backward are of different kinds, or activations; Keras has one width."""
        taken = self._any()
        kinds = [self._kind(), self._kind()]
        units, activations = self.choose([1, 4]), [self.choose(ACTIVATIONS) for _ in kinds]
        self._noted(f"{kinds} {activations}")
        one, two = (
            getattr(self.layers, kind)(
                units, activation=name, return_sequences=True, go_backwards=bool(k)
            )
            for k, (kind, name) in enumerate(zip(kinds, activations, strict=True))
        )
        self._beside(self.layers.Bidirectional(one, backward_layer=two)(taken.tensor), taken)

    def _masked_both(self) -> None:
        """Both directions skip steps; in their place stand zeros, or what was before.

        Which ones, the model's input says: computed values that saturate are 0 in one kernel and
        1e-40 in another, so that a mask of them is no property of the model.
        """
        taken = self._any(0)
        kind, units = self._kind(), self.choose([1, 4])
        zeros, merge = self.choose([False, True]), self.choose(["concat", "sum", "mul"])
        padded = self.choose(["anywhere", "behind", "all of an entry"])
        self._noted(f"{kind} zeros {zeros} {merge}, {padded}")
        layer = getattr(self.layers, kind)(
            units, return_sequences=True, return_state=True, zero_output_for_mask=zeros
        )
        x = taken.tensor
        runs = self.ops.max(self.inputs[0], axis=-1) > 0.0
        if padded == "behind":
            runs = self.ops.cumsum(self.ops.cast(~runs, "int32"), axis=1) < 2
        if padded == "all of an entry":
            runs = self.ops.logical_and(runs, runs[:, :1])
        y, *states = self.layers.Bidirectional(layer, merge_mode=merge)(x, mask=runs)
        self.states += states
        self._beside(y, taken)

    def _stateful(self) -> None:
        """A layer that keeps its states, where the batch is closed."""
        taken = self._any()
        keeps = self.batch is not None and taken.tensor.shape[0] is not None
        self.keeps_states = self.keeps_states or keeps
        kind, options = self._kind(), {}
        if self.choose([False, True]):
            options = {"go_backwards": True}
        self._noted(f"{kind} {options} keeps {keeps}")
        layer = getattr(self.layers, kind)(4, return_sequences=True, stateful=keeps, **options)
        self._beside(layer(taken.tensor), taken)

    def _own_cell(self) -> None:
        """A cell that a user writes."""
        taken = self._any()
        kind, units = self.choose(OWN), self.choose([1, 4])
        options = {"go_backwards": self.choose([False, True]), "return_state": True}
        self._noted(f"{kind} {options}")
        cell = own_cell(kind, units)
        y, *states = self.layers.RNN(cell, return_sequences=True, **options)(taken.tensor)
        self.states += states
        self._beside(y, taken)

    def _unrolled(self) -> None:
        """A layer that Keras unrolls, where the length is closed."""
        taken = self._any()
        closed = taken.tensor.shape[1] is not None
        kind = self._kind()
        options = self._options(kind, 4) | {"unroll": closed}
        options["go_backwards"] = self.choose([False, False, True])
        self._noted(f"{kind} {options}")
        y, *states = getattr(self.layers, kind)(**options)(taken.tensor)
        self.states += states
        self._beside(y, taken)

    def _options(self, kind: str, units: int) -> dict[str, Any]:
        """Any activation; dropout changes nothing in inference."""
        options = super()._options(kind, units)
        if self.choose([False, True]):
            options["activation"] = self.choose(ACTIVATIONS)
            options["use_bias"] = self.choose([True, False])
            options["dropout"] = self.choose([0.0, 0.3])
            options["recurrent_dropout"] = self.choose([0.0, 0.3])
            if kind != "SimpleRNN":
                options["recurrent_activation"] = self.choose(GATES)
        return options


def own_cell(kind: str, units: int) -> Any:
    """A cell as users write them, on keras.ops."""
    keras = load("keras")
    ops, layers = keras.ops, keras.layers
    count = {"peephole": 2, "layer norm": 2, "two clocks": 2}.get(kind, 1)

    class OwnCell(layers.Layer):  # type: ignore[misc, name-defined]
        """One step: (x [B, F], states) to (y [B, units], states)."""

        def __init__(self) -> None:
            super().__init__()
            self.state_size = [units] * count if count > 1 else units
            self.output_size = units

        def build(self, shape: Any) -> None:
            """The weights."""
            gates = 4 if kind in ("peephole", "layer norm") else 2
            self.kernel = self.add_weight((shape[-1], gates * units), name="kernel")
            self.recurrent = self.add_weight((units, gates * units), name="recurrent")
            self.bias = self.add_weight((gates * units,), name="bias")
            self.diagonal = self.add_weight((units,), name="diagonal")
            self.built = True

        def call(self, x: Any, states: Any, training: bool = False) -> tuple[Any, list[Any]]:
            """The equations."""
            del training
            h, c = states[0], states[-1]
            if kind == "independent":
                z = ops.matmul(x, self.kernel[:, :units]) + h * self.diagonal
                new = ops.tanh(z + self.bias[:units])
                return new, [new]
            z = ops.matmul(x, self.kernel) + ops.matmul(h, self.recurrent) + self.bias
            if kind == "minimal":
                f = ops.sigmoid(z[:, :units])
                new = (1.0 - f) * h + f * ops.tanh(z[:, units:])
                return new, [new]
            if kind == "residual":
                new = h + 0.5 * ops.tanh(z[:, :units]) * ops.sigmoid(z[:, units:])
                return ops.tanh(new) + self.diagonal, [new]
            if kind == "two clocks":
                fast = ops.tanh(z[:, :units])
                slow = 0.9 * c + 0.1 * ops.tanh(z[:, units:] + fast)
                return fast * slow, [fast, slow]
            i, f, g, o = ops.split(z, 4, axis=-1)
            if kind == "layer norm" and units > 1:
                i, f, g, o = (_normalized(ops, gate) for gate in (i, f, g, o))
            i, f = ops.sigmoid(i + c * self.diagonal), ops.sigmoid(f + 1.0)
            c = f * c + i * ops.tanh(g)
            new = ops.sigmoid(o + (c * self.diagonal if kind == "peephole" else 0.0)) * ops.tanh(c)
            return new, [new, c]

    return OwnCell()


def _normalized(ops: Any, gate: Any) -> Any:
    apart = gate - ops.mean(gate, axis=-1, keepdims=True)
    return apart * ops.rsqrt(ops.mean(ops.square(apart), axis=-1, keepdims=True) + 1e-3)
