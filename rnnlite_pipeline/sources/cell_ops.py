"""TensorFlow's ops for whole cells, and for clipping, as the plain ops that they stand for.

LiteRT has none of them. Each becomes a call of a function that computes the same, which is inlined
when the graph is converted, so that the loop, or the step, is read as any other. Formulas:
tensorflow/core/ops/rnn_ops.cc and kernels/rnn/{lstm_ops,gru_ops}.cc.

1. LSTMBlockCell, one step, and BlockLSTM and BlockLSTMV2, all steps: gates in the order input,
   candidate, forget, output (V2: input, forget, candidate, output) over [x, h]. Of the seven
   outputs the cell states and h are made; a graph that reads another one keeps the op.
2. BlockLSTM puts out zeros from seq_len_max on; where that is the length of x nothing is cut off.
3. GRUBlockCell: the reset gate before the product; gates in the order reset, update.
4. ClipByValue is a minimum and a maximum.
5. CudnnRNN, whole stacks, runs on a GPU alone (cudnn_op.py): a graph is rid of it before it is run.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.sources.cudnn_op import cudnn_layers, cudnn_vector, why_not_cudnn
from rnnlite_pipeline.sources.graphdef.graph_edit import rewritten
from rnnlite_pipeline.toolchain import load

Tensors = list[Any]

#: The places of cs and h among the outputs of an LSTM's block ops.
_CELL, _HIDDEN, _OUTPUTS = 1, 6, 7

#: What the functions of a changed graph are called besides: those of the graph as it was are there.
_SUFFIX = "_of_plain_ops"


def cell_ops_to_plain(function: Any) -> Any:
    """A concrete function without these ops; itself where it has none."""
    definition = function.graph.as_graph_def()
    graphs = [
        _Graph(
            definition.node,
            function.graph.get_operation_by_name,
            returned={t.name.removesuffix(":0") for t in function.outputs},
        ),
        *(_Graph(f.node_def, body=f) for f in definition.library.function),
    ]
    found = [
        (graph, node)
        for graph in graphs
        for node in list(graph.nodes)
        if node.op in _CELLS or node.op == "ClipByValue"
    ]
    own = [f.signature.name for f in definition.library.function]
    replaced = [
        graph.unclip(node) if node.op == "ClipByValue" else graph.replace(node, definition.library)
        for graph, node in found
    ]
    if not any(replaced):
        return function
    return rewritten(definition, function, _SUFFIX, own)


def rid_of_cudnn(definition: Any) -> bool:
    """Replaces cuDNN's ops in a GraphDef by what they compute, in place; whether there were any.

    1. CudnnRNN is its layers.
    2. CudnnRNNCanonicalToParams, by which a checkpoint of separate weights is restored, joins them.
    3. The others, with what reads them, are left out: they initialize, save or train. A session
       refuses a graph with an op that this processor has not, whatever is asked of it.

    Raises:
        NotConvertible: A CudnnRNN is of a kind that is not known.
    """
    if not any(node.op.startswith("CudnnRNN") for node in definition.node):
        return False
    tf = load("tensorflow")
    with tf.Graph().as_default() as graph:
        tf.graph_util.import_graph_def(definition, name="")
    own = _Graph(definition.node, graph.get_operation_by_name)
    for node in [node for node in definition.node if node.op in _CUDNN]:
        reason = why_not_cudnn(node, *graph.get_operation_by_name(node.name).inputs[:2])
        if reason or not own.replace(node, definition.library):
            raise NotConvertible(
                f'The op {node.op} "{node.name}" runs only on a GPU and cannot be read: '
                f"{reason or 'an output that training uses is read'}.",
                "Rebuild the graph with CudnnCompatibleLSTMCell or CudnnCompatibleGRUCell.",
            )
    for node in [node for node in definition.node if node.op in _JOINING]:
        own.replace(node, definition.library)
    _leave_out(definition, {n.name for n in definition.node if n.op.startswith("CudnnRNN")})
    return True


def _leave_out(definition: Any, names: set[str]) -> None:
    """Removes ops and all that depends on them, in place; what waited for them waits no more."""
    gone, grown = set(names), True
    while grown:
        more = {
            node.name
            for node in definition.node
            if any(each.partition(":")[0] in gone for each in node.input)
        }
        grown, gone = not more <= gone, gone | more
    kept = [node for node in definition.node if node.name not in gone]
    for node in kept:
        node.input[:] = [each for each in node.input if each.removeprefix("^") not in gone]
    definition.node.clear()
    definition.node.extend(kept)


class _Graph:
    """The nodes of the main graph or of a function.

    Args:
        nodes: The nodes.
        operation: Finds an op of the graph, for the shapes of what it reads.
        body: The function.
        returned: What the main graph returns, as a node's input names it.
    """

    def __init__(
        self,
        nodes: Any,
        operation: Callable[[str], Any] | None = None,
        body: Any = None,
        returned: Collection[str] = (),
    ) -> None:
        self.nodes, self._operation, self._body = nodes, operation, body
        self._returned = set(body.ret.values() if body is not None else returned)

    def replace(self, node: Any, library: Any) -> bool:
        """Makes a call of a node, if nothing reads an output that the function does not make."""
        tf = load("tensorflow")
        registry = load("tensorflow.python.framework.op_def_registry")
        names = [each.name for each in registry.get(node.op).output_arg]
        make, made = {**_CELLS, **_CUDNN, **_JOINING}[node.op]
        if any(k not in made and self._is_read(node.name, k, n) for k, n in enumerate(names)):
            return False
        specs = self._specs(node)
        compute = make(node, self._whole(node))
        traced = tf.function(compute, autograph=False).get_concrete_function(*specs)
        inner = traced.graph.as_graph_def().library.function
        known = {each.signature.name for each in library.function}
        new = [traced.function_def, *inner]
        library.function.extend(each for each in new if each.signature.name not in known)
        if self._body is not None:
            reads = {f"{node.name}:{n}:0": f"{node.name}:output:{k}" for k, n in enumerate(names)}
            self._rename(reads)
        _to_call(node, traced, len(names))
        return True

    def unclip(self, node: Any) -> bool:
        """Rule 4, without a call: constants inside loops of control flow v1 stay in their frame."""
        x, low, high, *control = node.input
        upper = self.nodes.add()
        upper.name, upper.op = f"{node.name}/upper", "Minimum"
        upper.input.extend([x, high])
        upper.attr["T"].CopyFrom(node.attr["T"])
        node.op = "Maximum"
        node.input[:] = [upper.name if self._body is None else f"{upper.name}:z:0", low, *control]
        if self._body is not None:
            self._rename({f"{node.name}:output:0": f"{node.name}:z:0"})
        return True

    def _is_read(self, name: str, position: int, output: str) -> bool:
        if self._body is None:
            wanted = {f"{name}:{position}"} | ({name} if not position else set())
        else:
            wanted = {f"{name}:{output}:0"}
        read = {each for node in self.nodes for each in node.input}
        return bool(wanted & (read | self._returned))

    def _specs(self, node: Any) -> Tensors:
        tf, types = load("tensorflow"), _input_types(node)
        if self._operation is None:
            return [tf.TensorSpec(None, dtype) for dtype in types]
        taken = self._operation(node.name).inputs
        return [tf.TensorSpec(t.shape, t.dtype.base_dtype) for t in taken]

    def _whole(self, node: Any) -> bool:
        """Rule 2: whether seq_len_max is the length of x."""
        if self._operation is None or not node.op.startswith("BlockLSTM"):
            return False
        length, x = self._operation(node.name).inputs[:2]
        static = load("tensorflow").get_static_value(length)
        if static is not None and x.shape.rank is not None and x.shape[0] is not None:
            return bool(static >= x.shape[0])
        op = length.op
        while op.type in ("Cast", "Identity", "Enter"):
            op = op.inputs[0].op
        if op.type != "StridedSlice" or op.inputs[0].op.type != "Shape":
            return False
        begin = load("tensorflow").get_static_value(op.inputs[1])
        return begin is not None and not begin.any() and op.inputs[0].op.inputs[0] is x

    def _rename(self, new: Mapping[str, str]) -> None:
        """Reads an output under its new name: a function names outputs by the op's arguments."""
        for node in self.nodes:
            node.input[:] = [new.get(each, each) for each in node.input]
        for key, value in list(self._body.ret.items()):
            self._body.ret[key] = new.get(value, value)


def _input_types(node: Any) -> Tensors:
    """The dtypes of a cell op's operands: T, but for seq_len_max."""
    tf = load("tensorflow")
    dtype = tf.as_dtype(node.attr["T"].type)
    count = sum(not each.startswith("^") for each in node.input)
    first = [tf.int64] if node.op.startswith("BlockLSTM") else []
    return [*first, *[dtype] * (count - len(first))]


def _to_call(node: Any, traced: Any, outputs: int) -> None:
    dtype = node.attr["T"].type
    taken = [spec.dtype.as_datatype_enum for spec in traced.inputs]
    node.op = "PartitionedCall"
    node.attr.clear()
    node.attr["Tin"].list.type.extend(taken)
    node.attr["Tout"].list.type.extend([dtype] * outputs)
    node.attr["f"].func.name = traced.function_def.signature.name


# The functions ------------------------------------------------------------------------------------

Compute = Callable[..., Tensors]


def _gru_step(node: Any, _: bool) -> Compute:
    tf = load("tensorflow")
    del node

    def compute(x: Any, h: Any, *weights: Any) -> Tensors:
        w_ru, w_c, b_ru, b_c = weights
        gates = tf.sigmoid(tf.matmul(tf.concat([x, h], 1), w_ru) + b_ru)
        r, u = tf.split(gates, 2, axis=1)
        c = tf.tanh(tf.matmul(tf.concat([x, r * h], 1), w_c) + b_c)
        return [r, u, c, u * h + (1.0 - u) * c]

    return compute


def _lstm_step(node: Any, _: bool) -> Compute:
    cell = _Lstm(node)

    def compute(x: Any, c: Any, h: Any, w: Any, *rest: Any) -> Tensors:
        c, h = cell.step(x, c, h, (w, *rest))
        return _placed(c, h)

    return compute


def _lstm_steps(node: Any, whole: bool) -> Compute:
    tf, cell = load("tensorflow"), _Lstm(node)

    def compute(length: Any, x: Any, c: Any, h: Any, *weights: Any) -> Tensors:
        steps, units = tf.shape(x)[0], weights[-1].shape[-1]
        units = None if units is None else units // 4
        element = (None, units)
        inputs = tf.TensorArray(tf.float32, steps, element_shape=x.shape[1:]).unstack(x)
        cells, hidden = (tf.TensorArray(tf.float32, steps, element_shape=element) for _ in "ch")

        def body(t: Any, c: Any, h: Any, cells: Any, hidden: Any) -> Any:
            c, h = cell.step(inputs.read(t), c, h, weights)
            return t + 1, c, h, cells.write(t, c), hidden.write(t, h)

        state = (tf.constant(0), c, h, cells, hidden)
        shapes = (tf.TensorShape([]), c.shape, h.shape, tf.TensorShape(None), tf.TensorShape(None))
        ended = tf.while_loop(lambda t, *_: t < steps, body, state, shape_invariants=shapes)
        all_c, all_h = (array.stack() for array in ended[3:])
        if not whole:
            kept = tf.cast(tf.range(steps), tf.int64) < length
            kept = tf.reshape(kept, [-1, 1, 1])
            all_c, all_h = (tf.where(kept, each, 0.0) for each in (all_c, all_h))
        return _placed(all_c, all_h)

    return compute


def _placed(c: Any, h: Any) -> Tensors:
    """Seven outputs; what stands for those that nothing reads does not matter."""
    outputs = [c] * _OUTPUTS
    outputs[_HIDDEN] = h
    return outputs


class _Lstm:
    """Rule 1: the step of a block op.

    Args:
        node: The op.
    """

    def __init__(self, node: Any) -> None:
        self._second = node.op == "BlockLSTMV2"
        self._forget_bias = 0.0 if self._second else node.attr["forget_bias"].f
        self._clip, self._peephole = node.attr["cell_clip"].f, node.attr["use_peephole"].b

    def step(self, x: Any, c: Any, h: Any, weights: Sequence[Any]) -> tuple[Any, Any]:
        """x [B, F], c and h [B, U] to the next c and h."""
        tf = load("tensorflow")
        w, wci, wcf, wco, b = weights
        gates = tf.split(tf.matmul(tf.concat([x, h], 1), w) + b, 4, axis=1)
        i, f, g, o = gates if self._second else (gates[0], gates[2], gates[1], gates[3])
        f = f + self._forget_bias if self._forget_bias else f
        if self._peephole:
            i, f = i + c * wci, f + c * wcf
        c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
        if self._clip > 0:
            c = tf.maximum(tf.minimum(c, self._clip), -self._clip)
        o = o + c * wco if self._peephole else o
        return c, tf.sigmoid(o) * tf.tanh(c)


#: For each op, what makes the function of a node, and which outputs it makes.
_CELLS: dict[str, tuple[Callable[[Any, bool], Compute], tuple[int, ...]]] = {
    "GRUBlockCell": (_gru_step, (0, 1, 2, 3)),
    "LSTMBlockCell": (_lstm_step, (_CELL, _HIDDEN)),
    "BlockLSTM": (_lstm_steps, (_CELL, _HIDDEN)),
    "BlockLSTMV2": (_lstm_steps, (_CELL, _HIDDEN)),
}

#: Likewise, of ops that no CPU runs: y and the final states.
_CUDNN: dict[str, tuple[Callable[[Any, bool], Compute], tuple[int, ...]]] = dict.fromkeys(
    ("CudnnRNN", "CudnnRNNV2", "CudnnRNNV3"), (cudnn_layers, (0, 1, 2))
)

#: Likewise, of ops that join weights to cuDNN's vector.
_JOINING: dict[str, tuple[Callable[[Any, bool], Compute], tuple[int, ...]]] = dict.fromkeys(
    ("CudnnRNNCanonicalToParams", "CudnnRNNCanonicalToParamsV2"), (cudnn_vector, (0,))
)
