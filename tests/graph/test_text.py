"""A graph as text: what a line says, and that a change shows where it is and nowhere else."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Quantization, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.text import Text, text
from tests.graph.test_check import model as looping

F32 = "FLOAT32"


def line_of(*ops: Op) -> str:
    """The lines of the last op, which stand above the closing brace of the main graph."""
    lines = text(Model([Subgraph("main", [], [], list(ops))])).splitlines()
    return lines[-2].strip()


def test_a_whole_graph() -> None:
    """Signature, types, constants, options that are not defaults, and a loop below its op."""
    assert text(looping()).splitlines() == [
        "signature serve of main: (x = %x) -> (y = %concatenation)",
        "",
        'graph main(%x: f32[?,4]) -> (%concatenation "main/concatenation": f32[4,?]) {',
        "  %tanh: f32[?,4] = TANH(%x)",
        "  %transpose: f32[4,?] = TRANSPOSE(%tanh, i32[2](1, 0))",
        "  %mul: f32[4,?] = MUL(%transpose, f32[1](2.0))",
        "  %split: f32[2,?], %main.split: f32[2,?] = SPLIT(i32(0), %mul) {num_splits=2}",
        "  %concatenation: f32[4,?] = CONCATENATION(%split, %main.split)",
        "  %fully_connected: f32[?,3] = FULLY_CONNECTED(%x, f32[3,4](all 0.0), -)",
        "  %out: i32 = WHILE(i32(0)) {",
        "    cond cond(%i: i32) -> (%less: bool) {",
        "      %less: bool = LESS(%i, i32(3))",
        "    }",
        "    body body(%k: i32) -> (%add: i32) {",
        "      %add: i32 = ADD(%k, i32(1))",
        "    }",
        "  }",
        "}",
    ]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (np.int32(3), "i32(3)"),
        (np.array([0.1, -0.0], np.float32), "f32[2](0.1, -0.0)"),
        (np.zeros((0,), np.int32), "i32[0]()"),
        (np.full((3, 4), -1, np.int8), "i8[3,4](all -1)"),
        (np.full(9, np.inf, np.float32), "f32[9](all inf)"),
        (np.arange(9, dtype=np.float32), "f32[9]#eb5e38fa"),
        (np.bool_(True), "bool(True)"),
    ],
)
def test_a_constant(value: NDArray[Any], shown: str) -> None:
    """Few values are shown, many equal ones once, many different ones by their digest."""
    out = Tensor("y", F32, None)
    constant = Tensor.constant("c", np.asarray(value))
    assert line_of(make_op("NEG", [constant], [out])) == f"%y: f32[*] = NEG({shown})"


def test_two_zeros_are_not_all_equal() -> None:
    """0.0 and -0.0 differ, so a constant that holds both has a digest."""
    mixed = np.zeros(16, np.float32)
    mixed[3] = -0.0
    op = make_op("NEG", [Tensor.constant("c", mixed)], [Tensor("y", F32, (16,))])
    assert "#" in line_of(op)


def test_quantization() -> None:
    """One scale is shown with its zero point, several by their axis, number and digest."""
    one = Tensor("x", "INT8", (2,), quantization=Quantization((0.5,), (-3,)))
    many = Tensor("y", "INT8", (2,), quantization=Quantization((0.5, 0.25), (0, 0), axis=0))
    other = Tensor("z", "INT8", (2,), quantization=Quantization((0.5, 0.125), (0, 0), axis=0))
    lines = [line_of(make_op("NEG", [one], [out])) for out in (many, other)]
    assert lines[0].startswith("%y: i8[2] q(axis 0: 2 scales #")
    assert lines[0].split("#")[1] != lines[1].split("#")[1]
    assert line_of(make_op("NEG", [many], [one])).startswith("%x: i8[2] q(0.5, -3) = NEG(%y)")


@dataclass(frozen=True)
class Part:
    """A nested value of a pseudo op's options."""

    weights: NDArray[Any]
    clip: float = 0.0


@dataclass(frozen=True)
class Whole:
    """A value of a pseudo op's options."""

    name: str
    part: Part
    other: Part | None = None
    turned: bool = False
    rest: tuple[int, ...] = field(default=())


def test_a_pseudo_op() -> None:
    """A dataclass among the options stands below its op, without what is as usual."""
    whole = Whole("lstm", Part(np.zeros((2, 16), np.float32), 1.5), turned=True)
    op = Op("PSEUDO", [None], [Tensor("y", F32, ())], {"whole": whole})
    lines = text(Model([Subgraph("main", [], [], [op])])).splitlines()
    assert lines[1:-1] == [
        "  %y: f32 = PSEUDO(-)",
        "      whole: Whole(name=lstm, turned=True)",
        "        part: Part(weights=f32[2,16](all 0.0), clip=1.5)",
    ]


def test_a_long_line_is_one_value_a_line() -> None:
    """Operands left out one after the other stay on one line."""
    inputs = [Tensor(f"a_long_name_{k}", F32, (OPEN, 100)) for k in range(8)]
    given = [*inputs[:4], None, None, *inputs[4:]]
    outs = [Tensor(f"a_long_result_{k}", F32, (OPEN, 100)) for k in range(2)]
    op = make_op("UNIDIRECTIONAL_SEQUENCE_LSTM", given, outs, time_major=True)
    lines = text(Model([Subgraph("main", inputs, [], [op])])).splitlines()
    assert lines[-13:-1] == [
        "  %a_long_result_0: f32[?,100],",
        "  %a_long_result_1: f32[?,100] = UNIDIRECTIONAL_SEQUENCE_LSTM(",
        *(f"    %a_long_name_{k}," for k in range(4)),
        "    -, -,",
        *(f"    %a_long_name_{k}," for k in range(4, 8)),
        "  ) {time_major=True}",
    ]


def test_equal_names_are_told_apart() -> None:
    """As many parts of the long name as are needed, then a number."""
    names = ["a/add", "b/add", "b/add", "while/add;other/add", "StatefulPartitionedCall:0", "//"]
    named = Text()
    assert [named.name(Tensor(name, F32, ())) for name in names] == [
        "%add", "%b.add", "%add.2", "%while.add", "%StatefulPartitionedCall", "%value",
    ]  # fmt: skip


def test_a_change_shows_where_it_is() -> None:
    """One writer names a value alike before and after: one op taken out is one line less."""
    model, writer = looping(), Text()
    before = writer.of(model)
    mul = next(op for op in model.main.ops if op.code == "MUL")
    split = next(op for op in model.main.ops if op.code == "SPLIT")
    split.inputs[1] = mul.inputs[0]
    model.main.ops.remove(mul)
    after = writer.of(model)
    changed = [x for x in difflib.ndiff(before.splitlines(), after.splitlines()) if x[0] in "+-"]
    assert changed == [
        "-   %mul: f32[4,?] = MUL(%transpose, f32[1](2.0))",
        "-   %split: f32[2,?], %main.split: f32[2,?] = SPLIT(i32(0), %mul) {num_splits=2}",
        "+   %split: f32[2,?], %main.split: f32[2,?] = SPLIT(i32(0), %transpose) {num_splits=2}",
    ]


def test_a_graph_that_two_ops_run_is_written_once() -> None:
    """The second time its name stands for it."""
    model = looping()
    loop = next(op for op in model.main.ops if op.code == "WHILE")
    again = Tensor("again", "INT32", ())
    model.main.ops.append(Op("WHILE", loop.inputs, [again], loop.options, loop.options_type))
    written = text(model)
    assert written.count("%less: bool = LESS") == 1
    assert "    cond cond: as above\n    body body: as above\n" in written


def test_a_graph_that_nothing_runs_is_named() -> None:
    """Its ops are of no interest: the pass `prune` takes it away."""
    model = looping()
    model.main.ops = [op for op in model.main.ops if op.code != "WHILE"]
    told = text(model).splitlines()[-2:]
    assert told == ["graph cond: nothing runs it", "graph body: nothing runs it"]


def test_custom_options_that_are_text_are_shown() -> None:
    """Such as the annotation that an op carries as JSON."""
    op = Op("Other", [], [Tensor("y", F32, ())], custom=True, custom_options=b'{"a": 1}')
    assert line_of(op) == r'%y: f32 = Other() {custom_options="{\"a\": 1}"}'


def test_what_else_a_model_holds() -> None:
    """Description, metadata, variables, custom options and version are told."""
    state = Tensor("state", F32, (1, 2), is_variable=True)
    op = Op("FlexNeg", [state], [Tensor("y", F32, ())], custom=True, custom_options=b"a\0c")
    op.version = 2
    main = Subgraph("main", [], [], [op])
    model = Model([main], [Signature("s", main, {}, {})], {"m": b"x"}, 'says "so"')
    assert text(model).splitlines() == [
        r'description "says \"so\""',
        "signature s of main: () -> ()",
        "",
        "graph main() -> () {",
        "  variable %state: f32[1,2]",
        "  %y: f32 = FlexNeg(%state) {version=2, custom_options=3 bytes #b179f492}",
        "}",
        'metadata "m": 1 bytes #2d711642',
    ]
