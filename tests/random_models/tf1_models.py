"""TensorFlow 1 models at random: tf.compat.v1's cells, wrappers and ways to run them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from rnnlite_pipeline.sources.graphdef.session import session_model
from rnnlite_pipeline.sources.model import SourceModel
from rnnlite_pipeline.toolchain import load

KINDS = ("BasicLSTM", "LSTM", "LSTM", "GRU", "BasicRNN")


def rnn_cells() -> Any:
    """tf.compat.v1.nn.rnn_cell as TF_USE_LEGACY_KERAS=1 makes it, without that for the process."""
    return load("tf_keras.api._v1.keras.__internal__.legacy.rnn_cell")


@contextmanager
def graph_of(version: int) -> Iterator[Any]:
    """A new graph whose loops are written in control flow of that version."""
    tf = load("tensorflow")
    v1, before = tf.compat.v1, tf.compat.v1.control_flow_v2_enabled()
    (v1.enable_control_flow_v2 if version == 2 else v1.disable_control_flow_v2)()
    try:
        with tf.Graph().as_default() as graph:
            yield graph
    finally:
        (v1.enable_control_flow_v2 if before else v1.disable_control_flow_v2)()


@dataclass
class Tf1Author:
    """Writes one model in a graph of its own.

    Attributes:
        choose: Draws one of the options.
        time_major: Whether its sequences are [T, B, F].
        story: What was written, a line a layer.
        lengths: Whether a length for each batch entry is given.
        kinds: The cells it chooses from.
    """

    choose: Callable[[Sequence[Any]], Any]
    time_major: bool = False
    story: list[str] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, Any] = field(default_factory=dict)

    def source(self) -> SourceModel:
        """The model, its variables given random values."""
        tf, self.cells = load("tensorflow"), rnn_cells()
        v1, version = tf.compat.v1, self.choose([1, 2])
        self.tf, self.v1 = tf, v1
        self.story.append(f"control flow v{version}")
        with graph_of(version) as graph:
            v1.set_random_seed(self.choose(range(1000)))
            deviation = self.choose([0.3, 0.6])
            initializer = v1.random_normal_initializer(stddev=deviation)
            v1.get_variable_scope().set_initializer(initializer)
            self._write()
            session = v1.Session(graph=graph)
            session.run(v1.global_variables_initializer())
            for variable in v1.global_variables():
                if "bias" in variable.name:
                    session.run(variable.assign(tf.random.normal(variable.shape, stddev=0.4)))
            return session_model(session, self.inputs, self.outputs, {})

    def _write(self) -> None:
        run = self.choose(["dynamic", "dynamic", "dynamic", "static", "both", "static both"])
        self.static = run.startswith("static")
        self.time_major = not self.static and self.choose([False, False, True])
        self.steps = self.choose([1, 2, 4, 6]) if self.static else self.choose([None, None, 5])
        self.features = self.choose([1, 3, 4])
        shape = [None, self.steps, self.features]
        if self.time_major:
            shape = [self.steps, None, self.features]
        x = self._placeholder("x", shape)
        self.lengths = None
        if self.choose([False, False, True]):
            dtype = self.choose(["int32", "int64"])
            self.lengths = self._placeholder("n", [None], dtype)
        self.story.append(f"{run} rnn, x {shape}, lengths {self.lengths}")
        layers = 1 if run.endswith("both") else self.choose([1, 1, 2])
        for layer in range(layers):
            with self.v1.variable_scope(f"layer_{layer}"):
                x = getattr(self, f"_{run.replace(' ', '_')}")(x)
        if self.choose([False, False, True]):
            self.story.append("dense")
            x = self.tf.tensordot(x, self.v1.get_variable("dense", [x.shape[-1], 3]), [[2], [0]])
        self.outputs = {"y": self.tf.identity(x, name="y"), **self.outputs}

    # Ways to run -------------------------------------------------------------------------------

    def _dynamic(self, x: Any) -> Any:
        cell = self._cell(x.shape[-1])
        y, state = self.v1.nn.dynamic_rnn(
            cell, x, self.lengths, time_major=self.time_major, **self._initial(cell, "")
        )
        self._state(state)
        return y

    def _both(self, x: Any) -> Any:
        cells = [self._cell(x.shape[-1]) for _ in range(2)]
        initial = [self._initial(c, side) for c, side in zip(cells, ("_fw", "_bw"), strict=True)]
        ys, states = self.v1.nn.bidirectional_dynamic_rnn(
            *cells,
            x,
            self.lengths,
            time_major=self.time_major,
            dtype=self.tf.float32,
            initial_state_fw=initial[0].get("initial_state"),
            initial_state_bw=initial[1].get("initial_state"),
        )
        self._state(states)
        return self.tf.concat(ys, 2)

    def _static(self, x: Any) -> Any:
        cell = self._cell(x.shape[-1])
        steps = self.tf.unstack(x, self.steps, 1)
        y, state = self.v1.nn.static_rnn(
            cell, steps, sequence_length=self.lengths, **self._initial(cell, "")
        )
        self._state(state)
        return self.tf.stack(y, 1)

    def _static_both(self, x: Any) -> Any:
        cells = [self._cell(x.shape[-1]) for _ in range(2)]
        y, *states = self.v1.nn.static_bidirectional_rnn(
            *cells,
            self.tf.unstack(x, self.steps, 1),
            dtype=self.tf.float32,
            sequence_length=self.lengths,
        )
        self._state(states)
        return self.tf.stack(y, 1)

    # Cells -------------------------------------------------------------------------------------

    def _cell(self, features: int) -> Any:
        count = self.choose([1, 1, 1, 2])
        cells = []
        for _ in range(count):
            cells.append(self._wrapped(self._plain(), features))
            features = cells[-1].output_size
        return cells[0] if count == 1 else self.cells.MultiRNNCell(cells)

    def _plain(self) -> Any:
        kind, units = self.choose(KINDS), self.choose([1, 2, 5])
        options: dict[str, Any] = {}
        if kind != "LSTM":
            activation = self.choose([None, None, "relu", "sigmoid"])
            if activation:
                options["activation"] = getattr(self.tf.nn, activation)
        if kind.endswith("LSTM"):
            options["forget_bias"] = self.choose([1.0, 0.0, 0.7])
        if kind == "LSTM":
            options["use_peepholes"] = self.choose([False, True])
            options["cell_clip"] = self.choose([None, 0.5, 2.0])
            options["num_proj"] = self.choose([None, None, 3])
            if options["num_proj"]:
                options["proj_clip"] = self.choose([None, 0.3])
        if kind == "BasicLSTM":
            options["state_is_tuple"] = self.choose([True, True, True, False])
        self.story.append(f"{kind}({units}, {options})")
        return getattr(self.cells, f"{kind}Cell")(units, **options)

    def _wrapped(self, cell: Any, features: int) -> Any:
        wrapper = self.choose(["none", "none", "none", "dropout", "residual"])
        if wrapper == "dropout":
            self.story.append("dropout")
            keep = self.choose([1.0, self.tf.constant(1.0)])
            return self.cells.DropoutWrapper(cell, output_keep_prob=keep, state_keep_prob=keep)
        if wrapper == "residual" and cell.output_size == features:
            self.story.append("residual")
            return self.cells.ResidualWrapper(cell)
        return cell

    # States ------------------------------------------------------------------------------------

    def _initial(self, cell: Any, side: str) -> dict[str, Any]:
        """An initial state that is fed, or none."""
        if not self.choose([False, False, True]):
            return {"dtype": self.tf.float32}
        self.story.append("initial state")
        nest = self.tf.nest
        fed = [
            self._placeholder(f"initial{side}_{len(self.inputs)}", [None, width])
            for width in nest.flatten(cell.state_size)
        ]
        return {"initial_state": nest.pack_sequence_as(cell.state_size, fed)}

    def _state(self, state: Any) -> None:
        """The final state as outputs: all of it, some, or none."""
        keep = self.choose(["none", "all", "last"])
        tensors = self.tf.nest.flatten(state)
        for tensor in {"none": [], "all": tensors, "last": tensors[-1:]}[keep]:
            name = f"state_{len(self.outputs)}"
            self.outputs[name] = self.tf.identity(tensor, name=name)

    def _placeholder(self, name: str, shape: Sequence[int | None], dtype: str = "float32") -> Any:
        tensor = self.v1.placeholder(dtype, shape, name=name)
        self.inputs[name] = tensor
        return tensor
