"""One small graph for each pass, whose weights are short fractions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.cells.gate import Gate
from rnnlite_pipeline.cells.lstm import Lstm
from rnnlite_pipeline.cells.recurrence import RECURRENCE, Recurrence
from rnnlite_pipeline.cells.simple_rnn import SimpleRnn
from rnnlite_pipeline.composites.record import Sample, composite, draws, nudged, write_samples
from rnnlite_pipeline.graph.build import Builder, make_op
from rnnlite_pipeline.graph.edit import ensure_signature
from rnnlite_pipeline.graph.ir import OPEN, SPARSITY, Model, Op, Subgraph, Tensor
from rnnlite_pipeline.graph.sparse import encoded
from rnnlite_pipeline.state import Keeping
from tests.graph.op_samples import body_and_condition
from tests.passes.sequences import SWAP, Graph
from tests.passes.test_close_sizes import behind_a_loop
from tests.passes.test_early_shapes import reshaped
from tests.passes.test_fence_copies import dense
from tests.passes.test_own_outputs import named_twice
from tests.passes.test_settle_choices import floored
from tests.passes.test_tensor_lists import looped
from tests.recognise.author import Author
from tests.recognise.spelling import Spelling

F32 = "FLOAT32"
Array = NDArray[Any]


def weights(*shape: int, start: int = 0) -> Array:
    """Quarters from -0.5 to 0.5."""
    return np.asarray((np.arange(np.prod(shape)) + start) % 5 - 2.0).reshape(shape) / 4


def rnn(features: int = 3, units: int = 2) -> SimpleRnn:
    """A plain cell."""
    return SimpleRnn(weights(units, features), weights(units, units), weights(units))


def lstm(features: int = 3, units: int = 2, start: int = 0) -> Lstm:
    """A plain LSTM."""

    def gate(k: int) -> Gate:
        kernel, recurrent = (weights(units, width, start=start + k) for width in (features, units))
        return Gate(kernel, recurrent, weights(units))

    return Lstm(input=gate(0), forget=gate(1), candidate=gate(2), output=gate(3))


def of(graph: Graph, *outputs: Tensor) -> Model:
    """A model with a signature."""
    model = graph.model(*outputs)
    ensure_signature(model)
    return model


def variable() -> Model:
    """A sum that goes on from call to call: READ_VARIABLE, ADD, ASSIGN_VARIABLE."""
    build, x = Builder("sum"), Tensor("x", F32, (1, 2))
    handle = build.op("VAR_HANDLE", [], "RESOURCE", [], container="", shared_name="total")
    before = build.op("READ_VARIABLE", [handle], F32, (1, 2))
    total = build.binary("ADD", before, x)
    build.ops.append(make_op("ASSIGN_VARIABLE", [handle, total], []))
    first = Builder("first")
    again = first.op("VAR_HANDLE", [], "RESOURCE", [], container="", shared_name="total")
    zeros = first.constant("zeros", np.zeros((1, 2), np.float32))
    first.ops.append(make_op("ASSIGN_VARIABLE", [again, zeros], []))
    init = Subgraph("init", ops=first.ops)
    once = make_op("CALL_ONCE", [], [], init_subgraph=init)
    model = Model([Subgraph("main", [x], [total], [once, *build.ops]), init])
    ensure_signature(model)
    return model


def annotated() -> Model:
    """A call of a function annotated as a Keras LSTM, with samples of what it computes."""
    cell, x = lstm(), Tensor("x", F32, (OPEN, OPEN, 3))
    gates = [cell.input, cell.forget, cell.candidate, cell.output]
    known = [g for g in gates if g is not None]
    kernel = np.concatenate([g.kernel for g in known]).T.astype(np.float32)
    recurrent = np.concatenate([g.recurrent for g in known]).T.astype(np.float32)
    bias = np.concatenate([g.bias for g in known]).astype(np.float32)
    states = [Tensor(name, F32, (OPEN, 2)) for name in ("h", "c")]
    given = (("kernel", kernel), ("recurrent", recurrent), ("bias", bias))
    operands = [x, *states, *(Tensor.constant(name, value) for name, value in given)]
    y = Tensor("y", F32, (OPEN, OPEN, 2))
    results = [
        Tensor("last", F32, (OPEN, 2)),
        y,
        *(Tensor(f"{name}_n", F32, (OPEN, 2)) for name in "hc"),
        Tensor("runtime", F32, ()),
    ]

    def computed(values: list[Array | None]) -> tuple[Array, ...]:
        sequence, h, c = (v for v in values[:3] if v is not None)
        whole, h, c = Recurrence("layer", cell, time_major=False).run(sequence, [h, c])
        found = (h, whole, h, c, np.zeros(()))
        return tuple(np.asarray(value, np.float32) for value in found)

    samples = [
        Sample(tuple(values), computed(values), computed(nudged(values)))
        for values in draws(operands)
    ]
    call = composite(Op("PARTITIONED", list(operands), results), 0, "layer", "lstm_1", {})
    model = Model([Subgraph("main", [x, *states], [y], [call])])
    write_samples(model, {0: samples})
    ensure_signature(model)
    return model


def steps() -> Model:
    """An RNN called once a step over three rows."""
    build, x = Builder("steps"), Tensor("x", F32, (2, 3, 3))
    rows = [build.tensor(f"x{k}", F32, (2, 3)) for k in range(3)]
    build.ops.append(make_op("UNPACK", [x], rows, num=3, axis=1))
    state: Tensor | None = None
    found = []
    for k, row in enumerate(rows):
        out = build.tensor(f"y{k}", F32, (2, 1, 2))
        final = build.tensor(f"h{k}", F32, (2, 2))
        options = {"recurrence": Recurrence(f"step_{k}", rnn(), time_major=False)}
        build.ops.append(Op(RECURRENCE, [build.expand_dims(row, 1), state], [out, final], options))
        state = final
        found.append(final)
    y = Tensor("y", F32, (2, 3, 2))
    build.ops.append(make_op("PACK", found, [y], values_count=3, axis=1))
    model = Model([Subgraph("main", [x], [y], build.ops)])
    ensure_signature(model)
    return model


def dropout() -> Model:
    """TensorFlow 1's dropout with a keep_prob of 1."""
    graph = Graph()
    return of(graph, graph.unary("NEG", floored(1.0)(graph, graph.x)))


def loop() -> Model:
    """A simple RNN as TensorFlow writes it: TensorListReserve, WHILE, TensorListStack."""
    return Author([rnn()], Spelling()).model()


def dead() -> Model:
    """An op that nothing reads."""
    graph = Graph()
    graph.unary("TANH", graph.x)
    return of(graph, graph.unary("NEG", graph.x))


def backward() -> Model:
    """Keras' backward layer: reversed before and after."""
    graph = Graph()
    x = graph.reverse(graph.transpose(graph.x, SWAP), 0)
    y = graph.recurrence(x, rnn(), reverse=False)[0]
    return of(graph, graph.transpose(graph.reverse(y, 0), SWAP))


def last_step() -> Model:
    """The last step of y."""
    graph = Graph()
    y = graph.recurrence(graph.transpose(graph.x, SWAP), lstm())[0]
    return of(graph, graph.unary("TANH", graph.step(y, 0, -1)))


def transposes() -> Model:
    """Two transposed operands of a sum that is transposed back."""
    graph = Graph()
    a = graph.transpose(graph.unary("TANH", graph.x), SWAP)
    b = graph.transpose(graph.unary("RELU", graph.x), SWAP)
    return of(graph, graph.unary("NEG", graph.transpose(graph.binary("ADD", a, b), SWAP)))


def both_directions() -> Model:
    """A forward and a backward LSTM of one x."""
    graph = Graph()
    x = graph.transpose(graph.x, SWAP)
    one = graph.recurrence(x, lstm(), "forward")[0]
    two = graph.recurrence(x, lstm(start=1), "backward", reverse=True)[0]
    return of(graph, graph.concatenate([one, two], 2))


def wrapped() -> Model:
    """A time-major layer between transposes."""
    graph = Graph()
    y = graph.recurrence(graph.transpose(graph.x, SWAP), rnn())[0]
    return of(graph, graph.transpose(y, SWAP))


def layer(cell: Lstm | SimpleRnn, batch: int = OPEN) -> Model:
    """A time-major layer, its y returned."""
    build, x = Builder("layer"), Tensor("x", F32, (OPEN, batch, 3))
    y = Tensor("y", F32, (OPEN, batch, cell.states[0]))
    finals = [Tensor(f"final_{k}", F32, (batch, width)) for k, width in enumerate(cell.states)]
    options = {"recurrence": Recurrence("layer", cell)}
    build.ops.append(Op(RECURRENCE, [x, *[None] * len(finals)], [y, *finals], options))
    model = Model([Subgraph("main", [x], [y], build.ops)])
    ensure_signature(model)
    return model


def tensor_list() -> Model:
    """A loop that negates each step of x into a list."""
    model = looped(
        lambda lp: lp.set_item(lp.body.unary("NEG", lp.body.gather(lp.inside, lp.i))), [OPEN, 2]
    )
    ensure_signature(model)
    return model


def renamed() -> tuple[Model, Model]:
    """A graph whose output lost its name, and the source that had it."""
    graph, source = Graph(), Graph()
    one, other = (of(g, g.unary("NEG", g.x)) for g in (graph, source))
    one.main.outputs[0].name = "test/neg"
    return one, other


def product() -> Model:
    """A matrix of 1,024 weights."""
    graph = Graph()
    wide = graph.constant("wide", weights(512, 3).astype(np.float32))
    x = graph.op("FULLY_CONNECTED", [graph.x, wide, None], F32, (OPEN, OPEN, 512))
    narrow = graph.constant("narrow", weights(4, 512).astype(np.float32))
    return of(graph, graph.op("FULLY_CONNECTED", [x, narrow, None], F32, (OPEN, OPEN, 4)))


def in_blocks(units: int, columns: int) -> NDArray[np.float32]:
    """A matrix of which one block of 1 x 4 a row holds more than zeros."""
    matrix = np.zeros((units, columns), np.float32)
    matrix[:, :4] = weights(units, 4)
    return matrix


def stored_sparse() -> Model:
    """A product by a sparse matrix, and one by another that is densified before it."""
    graph = Graph()
    widened = graph.constant("widened", weights(8, 3).astype(np.float32))
    y = graph.op("FULLY_CONNECTED", [graph.x, widened, None], F32, (OPEN, OPEN, 8))
    for version in (8, 1):
        stored = Tensor(f"sparse_{version}", F32, (8, 8))
        stored.data, stored.extra[SPARSITY] = encoded(in_blocks(8, 8), 4)
        whole = stored if version == 8 else graph.op("DENSIFY", [stored], F32, (8, 8))
        y = graph.op("FULLY_CONNECTED", [y, whole, None], F32, (OPEN, OPEN, 8))
        graph.ops[-1].version = version
    return of(graph, y)


def mostly_zeros() -> Model:
    """One row by a matrix of 65,536 weights, of which 31 in 32 are zeros in blocks."""
    x, build = Tensor("x", F32, (1, 128)), Builder("b")
    matrix = build.constant("matrix", in_blocks(512, 128))
    y = build.op("FULLY_CONNECTED", [x, matrix, None], F32, (1, 512), keep_num_dims=True)
    model = Model([Subgraph("main", [x], [y], build.ops)])
    ensure_signature(model)
    return model


def kept() -> tuple[Model, Keeping]:
    """A graph with a state between calls as its input and output."""
    model, keeping = variable(), Keeping("persist")
    keeping.lift(model)
    keeping.expose(model)
    return model, keeping


def crossing() -> Model:
    """Two inputs joined for a product that the default delegate runs, and a second part of it."""
    build, x, z = (
        Builder("b"),
        *(Tensor(name, F32, (OPEN, OPEN, width)) for name, width in (("x", 4), ("z", 3))),
    )
    y = dense(build, build.concatenate([x, z], 2), 5)
    y = build.unary("NEG", build.reverse(y, 1))
    model = Model([Subgraph("main", [x, z], [y], build.ops)])
    ensure_signature(model)
    return model


def measured() -> Model:
    """The batch of a transposed tanh, as a FILL needs it."""
    graph = Graph()
    turned = graph.transpose(graph.unary("TANH", graph.x), SWAP)
    dims = graph.concatenate([graph.dimension(turned, 1), graph.indices([2])], 0)
    zero = graph.constant("zero", np.zeros((), np.float32))
    return of(graph, graph.fill(dims, zero, (OPEN, 2)), turned)


def state_behind_a_late_size() -> Model:
    """A state that is filled behind a SLICE of an open dimension."""
    graph = Graph()
    ends = map(graph.indices, ([0, 0, 0], [-1, -1, -1]))
    late = graph.op("SLICE", [graph.x, *ends], F32, (OPEN, OPEN, 3))
    dims = graph.concatenate([graph.dimension(graph.x, 0), graph.indices([2])], 0)
    zero = graph.constant("zero", np.zeros((), np.float32))
    graph.fill(dims, zero, (OPEN, 2))
    state = graph.ops[-1].outputs[0]
    state.name, state.is_variable = "state", True
    return of(graph, late)


def measured_twice() -> Model:
    """Two FILLs for the batch of an input, which is measured for each of them."""
    graph = Graph()
    zero = graph.constant("zero", np.zeros((), np.float32))
    filled = []
    for _ in range(2):
        dims = graph.concatenate([graph.dimension(graph.x, 0), graph.indices([2])], 0)
        filled.append(graph.fill(dims, zero, (OPEN, 2)))
    return of(graph, *filled)


def counted() -> Model:
    """A loop of three turns that doubles x [2, 3]."""
    x = Tensor("x", F32, (2, 3))
    loop = body_and_condition(x, lambda build, value: build.binary("ADD", value, value))
    graphs = [loop.options["cond_subgraph"], loop.options["body_subgraph"]]
    model = Model([Subgraph("main", [x], loop.outputs[1:], [loop]), *graphs])
    ensure_signature(model)
    return model


#: A graph for each pass that changes graphs, by the name of the pass.
MODELS: dict[str, Callable[[], Model]] = {
    "densify": stored_sparse,
    "lift-states": variable,
    "resolve": annotated,
    "chain-steps": steps,
    "settle-choices": dropout,
    "recognise": loop,
    "prune": dead,
    "fold-reverse": backward,
    "fold-last-step": last_step,
    "fold-transpose": transposes,
    "early-shapes": partial(reshaped, 0),
    "group-bidirectional": both_directions,
    "layout": wrapped,
    "expose-states": partial(layer, lstm(), 1),
    "write-recurrences": partial(layer, lstm()),
    "tensor-lists-to-tensors": tensor_list,
    "close-sizes": behind_a_loop,
    "own-outputs": partial(named_twice, OPEN, 4),
    "keep-output-names": lambda: renamed()[0],
    "share-sizes": measured_twice,
    "quantize": product,
    "conclude-states": lambda: kept()[0],
    "write-out": counted,
    "block-sparse": mostly_zeros,
    "fence-copies": crossing,
    "measure-at-inputs": measured,
    "give-states-room": state_behind_a_late_size,
}
