"""The common road: a concrete function to one canonical TFLite file, its loops intact.

Rules:
    1. Variables become constants, inside loop bodies too; those that the model assigns
       (assigned.py) become variables of the runtime.
    2. No loop is lowered, no tensor list rewritten, nothing optimized or quantized: a recurrence
       stands as FlexTensorListReserve, WHILE, FlexTensorListStack, and open dimensions stay open.
    3. The main graph's inputs and outputs, the signature `serving_default` and their tensors'
       names are the source's, in its order.
    4. The same source gives the same bytes: a loop's subgraphs are named after the loop, not by a
       counter of the process, and the NodeDef that a Flex op carries is written in one order.
    5. Loops of control flow v1, and calls of functions, leave no trace in the names of ops.
    6. An op that TFLite lacks stays, for `inspect` to name and `convert` to refuse or keep: as a
       Flex op, or where that is asked for as a custom op of TensorFlow's name, with the attributes
       as TensorFlow's converter writes them for one (flatbuffer_export.cc).
    7. Slices with new axes are builtin ops (slices.py).
    8. Products of integer matrices are computed in float32 (integer_products.py).
    9. Ops for whole cells, and clips, are the plain ops that they stand for (cell_ops.py).
    10. A variable of a loop that becomes what another was is a copy of it: the interpreter hands
       variables on one after the other, and would give it what that other has become.
    11. Softplus does not overflow (softplus.py).
    12. Pools over volumes are pools over images (pools_3d.py).
    13. Ops that a few others compute are those (plain_ops.py).
    14. Complex tensors are pairs of real ones (complex_pairs.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.graph.ir import NUMPY, OPEN, Model, Op, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.graph.variables import State, add, keep
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.sources.attached import attach
from rnnlite_pipeline.sources.cell_ops import cell_ops_to_plain
from rnnlite_pipeline.sources.graphdef.annotated import Annotations
from rnnlite_pipeline.sources.graphdef.complex_pairs import real_pairs
from rnnlite_pipeline.sources.graphdef.detached import without_variables
from rnnlite_pipeline.sources.graphdef.flex import make_custom, repeatable
from rnnlite_pipeline.sources.graphdef.gathers import gathers_in_loops
from rnnlite_pipeline.sources.graphdef.integer_products import integer_products_in_floats
from rnnlite_pipeline.sources.graphdef.plain_ops import rare_ops_to_plain
from rnnlite_pipeline.sources.graphdef.pools_3d import pools_to_builtin
from rnnlite_pipeline.sources.graphdef.slices import slices_to_builtin
from rnnlite_pipeline.sources.graphdef.softplus import stable_softplus
from rnnlite_pipeline.sources.graphdef.stablehlo_gathers import gathers_to_builtin
from rnnlite_pipeline.sources.graphdef.tensor_arrays import lists_for_arrays
from rnnlite_pipeline.sources.model import Shape, SourceModel, TensorSpec
from rnnlite_pipeline.sources.state import refuse_state
from rnnlite_pipeline.steps import step
from rnnlite_pipeline.toolchain import load

SIGNATURE = "serving_default"


def to_tflite(source: SourceModel, *, as_custom: bool = False) -> bytes:
    """The source as a TFLite file.

    Args:
        source: The source.
        as_custom: Whether an op that only TensorFlow has becomes a custom op, not a Flex op.

    Raises:
        NotConvertible: The model keeps state, or TensorFlow's converter refuses one of its ops.
    """
    if source.content is not None:
        return source.content
    step("tracing the model")
    function = source.trace()
    refuse_state(function.graph.as_graph_def())
    step("freezing variables")
    annotations = Annotations(function)
    with annotations.kept_apart(function), gathers_in_loops():
        frozen = without_variables(function)
    plain = lists_for_arrays(cell_ops_to_plain(frozen.function))
    plain = rare_ops_to_plain(real_pairs(plain))
    plain = integer_products_in_floats(plain)
    plain = annotations.numbered(stable_softplus(plain))
    step(f"converting signature {SIGNATURE}")
    model = read_model(_convert(plain, is_inlined=plain is frozen.function))
    attach(model, frozen.weights)
    del frozen, plain
    annotations.placed(model)
    slices_to_builtin(model)
    pools_to_builtin(model)
    gathers_to_builtin(model)
    _copy_exchanged(model)
    step("naming inputs and outputs")
    _name_ops(model, source.scope)
    states = _with_states(model, source)
    _name_interface(model, source, [before for before, _ in states.values()])
    _make_repeatable(model)
    if as_custom:
        make_custom(model)
    for state, (before, after) in states.items():
        add(model, state, before, after)
    keep(model, list(states))
    return write_model(model)


def _convert(frozen: Any, *, is_inlined: bool) -> bytes:
    """What the converter makes of a function.

    Args:
        frozen: It has no variables.
        is_inlined: Whether it is as TensorFlow's freezing left it. The converter would freeze it
            once more, which takes as long as the first time and changes nothing.
    """
    lite = load("tensorflow").lite
    converter = lite.TFLiteConverter.from_concrete_functions([frozen])
    if is_inlined:
        definition = frozen.graph.as_graph_def()
        parts = definition, list(frozen.inputs), list(frozen.outputs), frozen
        converter._freeze_concrete_function = lambda: parts
    converter.target_spec.supported_ops = [
        lite.OpsSet.TFLITE_BUILTINS,
        lite.OpsSet.SELECT_TF_OPS,
    ]
    converter._experimental_lower_tensor_list_ops = False
    converter.allow_custom_ops = True
    try:
        return bytes(converter.convert())
    except Exception as error:  # the converter raises its own, ValueError and RuntimeError
        print(error, flush=True)
        raise NotConvertible(
            f"TensorFlow's converter refuses {_refused(str(error))}.",
            "Replace or remove what is named in the model, or close its open dimensions with "
            "source.inputs; the converter's own words are in the log.",
        ) from error


#: The op that a text of the converter is about, and its name in the model: the innermost location.
_PLACE = re.compile(r'loc\((?:[^"]*fused\[)?(?:callsite\()?"(\w+):"[^"\n]*"([^"\n]+)"')
_OP = re.compile(
    r"'?tf\.(\w+)'? op|custom op (?!nor\b)'?(\w+)'?|\btf\.([A-Z]\w+)|'\w*hlo\.(\w+?)(?:_v1)?' op"
)


def _refused(text: str) -> str:
    """The ops that the converter's text names, as a phrase; else those that it points at."""
    names = sorted({name for groups in _OP.findall(text) for name in groups if name})
    places = sorted({f'{op} ("{name}")' for op, name in _PLACE.findall(text)})
    found = ", ".join(names or places)
    return f"the op {found}" if found else "the model"


def _copy_exchanged(model: Model) -> None:
    """Rule 10."""
    for op in model.ops():
        body = op.options.get("body_subgraph")
        if not isinstance(body, Subgraph):
            continue
        for position, tensor in enumerate(body.outputs):
            own = body.inputs[position]
            if tensor is not own and tensor in body.inputs and tensor.dtype in NUMPY:
                copy = Tensor(f"{own.name}/copy", tensor.dtype, tensor.shape)
                body.ops.append(_copy(tensor, copy))
                body.outputs[position] = copy


#: What a call of a function, and a loop of control flow v1, add to a name.
_TRACES = re.compile(r"\b(Stateful)?PartitionedCall(_\d+)?/|/LoopCond(?=\d*$)")


def _name_ops(model: Model, scope: str) -> None:
    """Rule 5."""
    prefix = f"{scope}/" if scope else ""
    for subgraph in model.subgraphs:
        for tensor in subgraph.tensors:
            tensor.name = _TRACES.sub("", tensor.name).removeprefix(prefix)


def _with_states(model: Model, source: SourceModel) -> dict[State, tuple[Tensor, Tensor]]:
    """Takes the states from the end of the main graph's interface: what each starts and ends as."""
    main, states = model.main, [State(*named) for named in source.states]
    first, last = len(source.inputs), len(source.outputs)
    pairs = zip(main.inputs[first:], main.outputs[last:], strict=True)
    main.inputs, main.outputs = main.inputs[:first], main.outputs[:last]
    return dict(zip(states, pairs, strict=True))


def _name_interface(model: Model, source: SourceModel, states: Sequence[Tensor] = ()) -> None:
    """Rule 3. An output that is an input, a state, or another output gets a tensor of its own.

    Args:
        model: Changed in place.
        source: What its inputs and outputs are called.
        states: What a call starts from.
    """
    main = model.main
    for tensor, spec in zip(main.inputs, source.inputs, strict=True):
        _describe(tensor, spec)
    seen: list[Tensor] = [*main.inputs, *states]
    for position, spec in enumerate(source.outputs):
        tensor = main.outputs[position]
        if tensor.data is not None or any(tensor is other for other in seen):
            copy = Tensor(spec.name, tensor.dtype, tensor.shape)
            main.ops.append(_copy(tensor, copy))
            main.outputs[position] = tensor = copy
        _describe(tensor, spec)
        seen.append(tensor)
    model.signatures = [
        Signature(
            SIGNATURE,
            main,
            _by_name(source.inputs, main.inputs),
            _by_name(source.outputs, main.outputs),
        )
    ]


def _make_repeatable(model: Model) -> None:
    """Rule 4."""
    for op in model.ops():
        if op.code.startswith("Flex") and op.custom_options:
            op.custom_options = repeatable(op.custom_options)
        for role, subgraph in op.options.items():
            if isinstance(subgraph, Subgraph):
                subgraph.name = f"{op.outputs[0].name}/{role.removesuffix('_subgraph')}"


def _by_name(specs: Sequence[TensorSpec], tensors: Iterable[Tensor]) -> dict[str, Tensor]:
    return {spec.name: tensor for spec, tensor in zip(specs, list(tensors), strict=True)}


def _describe(tensor: Tensor, spec: TensorSpec) -> None:
    tensor.name, tensor.shape = spec.name, _file_shape(spec.shape)


def _file_shape(shape: Shape) -> tuple[int, ...]:
    return tuple(OPEN if d is None else d for d in shape)


def _copy(tensor: Tensor, copy: Tensor) -> Op:
    """CAST to the same dtype copies any tensor, whatever its rank (kernels/cast.cc)."""
    return Op("CAST", [tensor], [copy], {}, "CastOptions")
