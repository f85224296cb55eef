"""Fused ops of a file are recurrences: read, and lowered again, they compute the same."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.cells.recurrence import RECURRENCE, Array
from rnnlite_pipeline.graph.build import Builder, make_op
from rnnlite_pipeline.graph.ir import Model, Op, Quantization, Subgraph, Tensor
from rnnlite_pipeline.graph.leaks import stop_leaks
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower import lower
from rnnlite_pipeline.recognise import Finding, recognise
from rnnlite_pipeline.runtimes.interpreter import Runner
from tests.lower.cases import Case, Initial, random_lstm, random_rnn

RNG = np.random.default_rng(0)
LSTM = random_lstm(RNG, 3, 4)
CELLS: dict[str, tuple[Any, ...]] = {
    "lstm": (LSTM,),
    "peephole": (random_lstm(RNG, 3, 4, peephole=True),),
    "coupled": (random_lstm(RNG, 3, 4, coupled=True, peephole=True),),
    "layer-norm": (random_lstm(RNG, 3, 4, layer_norm=True),),
    "projection": (
        random_lstm(RNG, 3, 4, outputs=2, projection_bias=True, cell_clip=0.7, projection_clip=0.4),
    ),
    "relu-rnn": (random_rnn(RNG, 3, 4, "RELU"),),
    "both-lstm": (LSTM, random_lstm(RNG, 3, 4)),
    "both-rnn": (random_rnn(RNG, 3, 4), random_rnn(RNG, 3, 4)),
}


def from_file(model: Model) -> Model:
    """The model as a file holds it: fused ops, and what writes and reads their states."""
    return read_model(write_model(model))


@pytest.mark.parametrize("time_major", [True, False], ids=["time-major", "batch-major"])
@pytest.mark.parametrize("cells", CELLS.values(), ids=CELLS)
def test_every_variant_reads_back(cells: tuple[Any, ...], time_major: bool) -> None:
    """Weights, options, initial and final states are those of the recurrence it was made of."""
    one: Initial = "input"
    given = (one,) * sum(len(c.states) for c in cells)
    case = Case(cells, time_major=time_major, initial=given)
    model = case.model()
    lower(model, "fused")
    model = from_file(model)
    findings = recognise(model)
    read = [recurrence for finding in findings for recurrence in finding.recurrences]
    assert len(read) == len(cells)
    assert Counter(op.code for op in model.ops())[RECURRENCE] == len(cells)
    lower(model)
    case.check(model)


def test_a_clip_is_kept_and_said() -> None:
    """The cell's bound is part of the recurrence, and the finding names it."""
    case = Case((random_lstm(RNG, 3, 4, cell_clip=0.5),))
    model = case.model()
    lower(model, "fused")
    (finding,) = recognise(from_file(model))
    assert finding.recurrences[0].cell.cell_clip == 0.5  # type: ignore[attr-defined]
    assert "clipped at 0.5" in finding.note


# Ops that the lowering never writes, held to the runtime's own kernels ---------------------------


class Author:
    """Makes graphs of one op with random weights.

    Attributes:
        build: Where the constants come from.
    """

    def __init__(self) -> None:
        self.build, self._rng = Builder("m/layer"), np.random.default_rng(1)

    def weight(self, *shape: int) -> Tensor:
        """A random constant."""
        name = f"w{self._rng.integers(1 << 30)}"
        return self.build.constant(name, self._rng.normal(0, 0.5, shape).astype(np.float32))

    def state(self, name: str, width: int) -> Tensor:
        """A variable of batch 2."""
        return Tensor(f"m/layer/{name}", "FLOAT32", (2, width), is_variable=True)

    def lstm(self, features: int, units: int) -> list[Tensor | None]:
        """The 17 weights of one direction."""
        kernels = [self.weight(units, features) for _ in range(4)]
        recurrent = [self.weight(units, units) for _ in range(4)]
        biases = [self.weight(units) for _ in range(4)]
        return [*kernels, *recurrent, None, None, None, *biases, None, None]


def fed(*shapes: tuple[int, ...]) -> list[Tensor]:
    """Graph inputs."""
    return [Tensor(f"x{k}", "FLOAT32", shape) for k, shape in enumerate(shapes)]


def held(model: Model) -> list[Finding]:
    """Reads the ops of a file and holds the rest to the file's first call, twice."""
    content = write_model(model)
    random = np.random.default_rng(2)
    arrays: dict[str, Array] = {
        t.name: random.normal(size=t.shape or ()).astype(np.float32) for t in model.main.inputs
    }
    expected = Runner(content, "reference").run(arrays)
    read = read_model(content)
    stop_leaks(read)
    findings = recognise(read)
    lower(read)
    runner = Runner(write_model(read), "reference")
    for _ in range(2):
        for name, array in runner.run(arrays).items():
            np.testing.assert_allclose(array, expected[name], rtol=0, atol=1e-6)
    return findings


def graph(inputs: list[Tensor], op: Op) -> Model:
    """A model of one op."""
    return Model([Subgraph("main", inputs, list(op.outputs), [op])])


@pytest.mark.parametrize("aux", ["none", "cross-linked", "backward"])
@pytest.mark.parametrize("merged", [True, False], ids=["merged", "two-outputs"])
def test_both_directions(aux: str, merged: bool) -> None:
    """Merged outputs are joined; an auxiliary input is a part of both, or the backward input."""
    author = Author()
    inputs = fed((5, 2, 3)) if aux == "none" else fed((5, 2, 3), (5, 2, 3))
    linked = [author.weight(4, 3) for _ in range(8)] if aux == "cross-linked" else [None] * 8
    states = [author.state(name, 4) for name in ("fh", "fc", "bh", "bc")]
    weights = [*author.lstm(3, 4), *author.lstm(3, 4)]
    operands = [inputs[0], *weights, *states, inputs[1] if aux != "none" else None, *linked]
    shapes = [(5, 2, 8)] if merged else [(5, 2, 4), (5, 2, 4)]
    outputs = [Tensor(f"y{k}", "FLOAT32", shape) for k, shape in enumerate(shapes)]
    options = {"fused_activation_function": "TANH", "time_major": True, "merge_outputs": merged}
    op = make_op("BIDIRECTIONAL_SEQUENCE_LSTM", operands, outputs, **options)
    (finding,) = held(graph(inputs, op))
    assert [r.reverse for r in finding.recurrences] == [False, True]


@pytest.mark.parametrize("linked", [True, False], ids=["cross-linked", "backward"])
def test_both_directions_of_a_simple_cell(linked: bool) -> None:
    """As for LSTMs, the auxiliary input of BIDIRECTIONAL_SEQUENCE_RNN is read."""
    author = Author()
    inputs = fed((5, 2, 3), (5, 2, 3))
    halves = [
        [author.weight(4, 3), author.weight(4, 4), author.weight(4), author.state(name, 4)]
        for name in ("forward", "backward")
    ]
    aux = [author.weight(4, 3), author.weight(4, 3)] if linked else [None, None]
    output = Tensor("y", "FLOAT32", (5, 2, 8))
    options = {"fused_activation_function": "TANH", "time_major": True, "merge_outputs": True}
    operands = [inputs[0], *halves[0], *halves[1], inputs[1], *aux]
    op = make_op("BIDIRECTIONAL_SEQUENCE_RNN", operands, [output], **options)
    (finding,) = held(graph(inputs, op))
    assert len(finding.recurrences) == 2


def test_single_steps_are_sequences_of_one() -> None:
    """LSTM with all its variants, and RNN, over an input [B, F]."""
    author = Author()
    states = [author.state("h", 4), author.state("c", 4)]
    inputs = fed((2, 3))
    operands = [inputs[0], *author.lstm(3, 4), *states]
    y = Tensor("y", "FLOAT32", (2, 4))
    options = {"fused_activation_function": "TANH", "cell_clip": 0.3}
    held(graph(inputs, make_op("LSTM", operands, [y], **options)))
    author = Author()
    weights = [author.weight(4, 3), author.weight(4, 4), author.weight(4), author.state("h", 4)]
    inputs, y = fed((2, 3)), Tensor("y", "FLOAT32", (2, 4))
    simple = make_op("RNN", [inputs[0], *weights], [y], fused_activation_function="RELU")
    held(graph(inputs, simple))


def test_the_basic_lstm_takes_and_gives_its_states() -> None:
    """The kernel of five operands keeps nothing: its states are inputs and outputs."""
    author = Author()
    inputs = fed((2, 3), (2, 4), (2, 4))
    x, h, c = inputs
    operands = [x, h, author.weight(16, 7), author.weight(16), c]
    widths = {"h_out": 4, "c_out": 4, "joined": 7, "gates": 16}
    outputs = [Tensor(name, "FLOAT32", (2, width)) for name, width in widths.items()]
    op = make_op("LSTM", operands, outputs, fused_activation_function="TANH", kernel_type=1)
    model = Model([Subgraph("main", inputs, outputs[:2], [op])])
    (finding,) = held(model)
    assert [r.cell.kind for r in finding.recurrences] == ["LSTM"]


def test_integer_weights_stay() -> None:
    """An op with int8 weights is not read: its kernel rounds what it multiplies."""
    author = Author()
    inputs = fed((5, 2, 3))
    weights = [
        Tensor(
            f"w{k}", "INT8", shape, np.ones(shape, np.int8).tobytes(), Quantization((0.1,), (0,))
        )
        for k, shape in enumerate([(4, 3)] * 4 + [(4, 4)] * 4)
    ]
    biases = [author.weight(4) for _ in range(4)]
    states = [author.state("h", 4), author.state("c", 4)]
    operands = [*inputs, *weights, None, None, None, *biases, None, None, *states, *[None] * 4]
    y = Tensor("y", "FLOAT32", (5, 2, 4))
    options = {"fused_activation_function": "TANH", "time_major": True}
    model = graph(inputs, make_op("UNIDIRECTIONAL_SEQUENCE_LSTM", operands, [y], **options))
    (finding,) = held(model)
    assert (finding.recurrences, finding.stays) == ((), "UNIDIRECTIONAL_SEQUENCE_LSTM")
    assert "integers" in finding.note
