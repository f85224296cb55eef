"""A conversion as a list of passes, `CONVERSION`, to be read from top to bottom.

Each pass has numbered rules (its `description`), says what it requires and ensures, and is held to
it (passes/manager.py). `rnnlite convert --dump-passes DIR` writes the graph after each.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from rnnlite_pipeline.cells.recurrence import BIDIRECTIONAL, RECURRENCE
from rnnlite_pipeline.compare.validation import check_whole, objection
from rnnlite_pipeline.composites.record import COMPOSITE
from rnnlite_pipeline.config import Config
from rnnlite_pipeline.errors import Key, NotConvertible
from rnnlite_pipeline.graph.edit import producers, prune
from rnnlite_pipeline.graph.ir import Model, Op
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower import lower, write_recurrences
from rnnlite_pipeline.lower import lowering as rules_of_lowering
from rnnlite_pipeline.lower.by_targets import has_op, pinned
from rnnlite_pipeline.lower.choice import LOWERING, Chosen, Lowered, scopes
from rnnlite_pipeline.lower.fused import fused_code
from rnnlite_pipeline.lower.integer_rows import integer_rows
from rnnlite_pipeline.lower.layers import Layer
from rnnlite_pipeline.lower.times import with_gain, works_of
from rnnlite_pipeline.lower.unrolled import unroll
from rnnlite_pipeline.lower.without_reduce_any import without_reduce_any
from rnnlite_pipeline.passes.block_sparse import Product, block_sparse, pays, products, told_of
from rnnlite_pipeline.passes.close_sizes import close_sizes
from rnnlite_pipeline.passes.densify import densify, sparse_constants
from rnnlite_pipeline.passes.early_shapes import early_shapes
from rnnlite_pipeline.passes.fence_copies import fence_copies
from rnnlite_pipeline.passes.fold_last_step import fold_last_step
from rnnlite_pipeline.passes.fold_reverse import fold_reverse
from rnnlite_pipeline.passes.fold_transpose import fold_transpose
from rnnlite_pipeline.passes.give_states_room import give_states_room, without_room
from rnnlite_pipeline.passes.group_bidirectional import group_bidirectional
from rnnlite_pipeline.passes.layout import layout
from rnnlite_pipeline.passes.manager import Pass, Passes, Property, UntilSettled, alone
from rnnlite_pipeline.passes.measure_at_inputs import measure_at_inputs
from rnnlite_pipeline.passes.memory import check_memory
from rnnlite_pipeline.passes.own_outputs import own_outputs
from rnnlite_pipeline.passes.sequence_ops import is_recurrent, is_time_major, reads_reversed
from rnnlite_pipeline.passes.settle_choices import settle_choices
from rnnlite_pipeline.passes.share_sizes import share_sizes
from rnnlite_pipeline.passes.tensor_list_groups import tensor_lists
from rnnlite_pipeline.passes.tensor_lists import tensor_lists_to_tensors
from rnnlite_pipeline.quantize import (
    Outcome,
    grouping,
    lowering,
    quantize,
    skipped,
    takes_sparse,
    trial,
    weight_bytes,
)
from rnnlite_pipeline.quantize.worth import size
from rnnlite_pipeline.recognise import Finding, recognise
from rnnlite_pipeline.resolve import (
    Composite,
    chain_steps,
    chained,
    composites,
    distance,
    resolve,
)
from rnnlite_pipeline.runtimes.missing import refused_ops
from rnnlite_pipeline.state import Keeping
from rnnlite_pipeline.steps import step


@dataclass(eq=False)
class Context:
    """What one conversion knows and leaves besides the graph.

    Attributes:
        config: What is asked for.
        limits: For an input of whole numbers, those it takes, where they are known.
        states: The states, from the source's graph to the form that the config asks for.
        source: The graph that the result is run against.
        composites: The annotated functions, converted.
        findings: What was seen of each loop, of steps written out, and of annotated functions.
        layers: What each recurrent layer became.
        unlisted: Why a TensorList stays, one sentence each.
        before: The model before it was quantized; empty where it is not.
        quantized: What became of each op with weights.
    """

    config: Config
    states: Keeping
    limits: Mapping[str, range] | None = None
    source: Model = field(default_factory=lambda: Model([]))
    composites: list[Composite] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    layers: tuple[Layer, ...] = ()
    unlisted: list[str] = field(default_factory=list)
    before: bytes = b""
    quantized: Sequence[Outcome] = ()


def _ops(*codes: str) -> Property[Context]:
    """No op of these codes is left."""

    def left(model: Model, _context: Context) -> Iterable[object]:
        return (op for op in model.ops() if op.code in codes)

    return Property(f"no {' or '.join(codes)} is left", left)


def _unread(model: Model, context: Context) -> Iterable[object]:
    loops = [op for op in model.ops() if op.code == "WHILE"]
    reasons = [f for f in context.findings if f.reason and f.stays == "WHILE"]
    return loops if len(loops) > len(reasons) else ()


def _in_other_layout(model: Model, context: Context) -> Iterable[object]:
    asked = context.config.recurrent.time_major
    recurrent = filter(is_recurrent, model.ops())
    return () if asked == "keep" else (op for op in recurrent if is_time_major(op) != asked)


def _lists_without_reason(model: Model, context: Context) -> Iterable[object]:
    lists = tensor_lists(model)
    return [x.tensors[0] for x in lists] if len(lists) > len(context.unlisted) else ()


NO_VARIABLE = _ops("VAR_HANDLE")
NOTHING_SPARSE = Property[Context](
    "each constant is stored with its zeros", lambda model, _: sparse_constants(model)
)
NO_COMPOSITE = _ops(COMPOSITE)
NO_PSEUDO_OP = _ops(RECURRENCE, BIDIRECTIONAL)
LOOPS_READ = Property("each WHILE that is left has a finding that says why", _unread)
LAID_OUT = Property("each recurrence has the layout that is asked for", _in_other_layout)
LISTS_TOLD = Property("each TensorList that is left has a reason", _lists_without_reason)
STATES_HAVE_ROOM = Property[Context](
    "each state has room for the batch of the call", lambda model, _: without_room(model)
)


def _lift_states(model: Model, context: Context) -> bool:
    """Makes inputs and outputs of the variables that the source keeps between calls.

    1. A variable that is read before it is assigned becomes an input and an output.
    2. Under `recurrent.state: reset` it is the constant that it starts from.
    """
    return context.states.lift(model)


def _resolve(model: Model, context: Context) -> bool:
    context.composites = resolve(model, distance)
    return bool(context.composites)


def _remember_source(model: Model, context: Context) -> bool:
    """Keeps the graph, to run the result against it.

    1. Annotated functions are what their converters made of them: these were held to the
       functions' own numbers when they were resolved.
    """
    context.source = copy.deepcopy(model)
    return False


def _chain_steps(model: Model, context: Context) -> bool:
    absorbed = chain_steps(model)
    context.composites = [
        c for c in context.composites if not absorbed.issuperset(r.name for r in c.recurrences)
    ]
    return bool(absorbed)


def _recognise(model: Model, context: Context) -> bool:
    step("recognising recurrences")
    found = recognise(model, objection)
    context.findings = [Finding(c.layer, c.recurrences) for c in context.composites] + found
    notes = [f"{f.name}: {f.note}" for f in context.findings if f.note]
    for note in [*context.states.notes, *notes]:
        print(note, flush=True)
    return any(finding.recurrences for finding in found)


def _groups(_model: Model, context: Context) -> bool:
    return grouping(context.config).recurrent.bidirectional == "group"


def _layout(model: Model, context: Context) -> bool:
    return layout(model, context.config.recurrent.time_major)


def _expose_states(model: Model, context: Context) -> bool:
    """Makes inputs and outputs of the states of recurrences, if they are to be kept.

    1. `recurrent.state: explicit` and `persist`: each final state is an output NAME_out, each
       initial state an input NAME_in.
    2. `source`: those that the source keeps have been lifted already; there are no others.
    3. States that the source's caller carries, an input and an output: under `persist` they are
       such inputs and outputs too, taken apart into those of the layers where that can be; under
       `reset` they are zeros, and their input and output go.
    """
    before = [*model.main.inputs]
    context.states.expose(model)
    for each in context.states.said:
        print(each, flush=True)
    return before != model.main.inputs


def _write_recurrences(model: Model, context: Context) -> bool:
    pseudo = [op for op in model.ops() if is_recurrent(op)]
    step("lowering")
    turned = {op: _reads_reversed(op, model) for op in pseudo}
    works = works_of(model, pseudo)
    config = context.config
    lowered = write_recurrences(
        model,
        *lowering(config),
        weight_bytes=weight_bytes(config),
        finish=trial(config),
        skipped=skipped(config),
    )
    layers = _layers(context.findings, turned, lowered)
    scheme, targets = config.quantization.scheme, config.meant_for
    context.layers = tuple(with_gain(layer, works, scheme, targets) for layer in layers)
    return True


def _lower_lists(model: Model, context: Context) -> bool:
    changed = tensor_lists_to_tensors(model, context.unlisted)
    for reason in context.unlisted:
        print(reason, flush=True)
    return changed


def _keep_output_names(model: Model, context: Context) -> bool:
    """Gives the outputs the names they had.

    1. A rewrite may have put a new tensor in the place of an output: it takes the name.
    2. An output that is an input as well keeps the input's name.
    """
    changed = False
    for now, before in zip(model.signatures, context.source.signatures, strict=True):
        for key, tensor in now.outputs.items():
            if tensor not in now.inputs.values() and key in before.outputs:
                changed |= tensor.name != before.outputs[key].name
                tensor.name = before.outputs[key].name
    return changed


def _runs(model: Model, context: Context) -> bool:
    """Whether the runtime has every op of the model, or the config lets it stay."""
    return not refused_ops(model, context.config.converter)


def _check_whole(model: Model, context: Context) -> bool:
    """Runs the source's graph against the converted model, as it will be written.

    1. Both get the same numbers, several batches and lengths, and must agree up to roundings.
    2. The converted model is run in its last form: loops written out where they are to be, zeros
       left out, copies fenced, and its memory proved.
    """
    step("running the source's graph against the converted model")
    source = context.source
    lower(source)
    tensor_lists_to_tensors(source)
    result = copy.deepcopy(model)
    _write_out(result, context)
    if takes_sparse(context.config):
        block_sparse(result)
    if context.config.uses_xnnpack:
        fence_copies(result)
        check_memory(result)
    context.states.make_comparable(source, result)
    check_whole(source, result, context.limits, context.states.first)
    return False


def _quantizes(model: Model, context: Context) -> bool:
    return context.config.quantization.scheme != "none" and _runs(model, context)


def _quantize(model: Model, context: Context) -> bool:
    """Stores numbers in fewer bits, as `quantization.scheme` says (quantize/).

    1. `dynamic_range`, `float16`: weights alone.
    2. `int8`, `int16x8`: all values, by the ranges that the calibration data span.
    3. What has no such form stays, and its outcome says why.
    """
    scopes = {layer.name: layer.scope or layer.name for layer in context.layers}
    context.before = write_model(model)
    _, context.quantized = quantize(model, context.config, scopes, context.states)
    print(f"size: {size(len(context.before), len(write_model(model)))}", flush=True)
    return True


def _conclude_states(model: Model, context: Context) -> bool:
    """Gives the states the form that the config asks for, and writes down what they are.

    1. `explicit`: they stay inputs and outputs of the model.
    2. `persist`: they become variables of the runtime, and the signature `reset` is added.
    """
    context.states.conclude(model)
    return bool(context.states.states)


def _write_out(model: Model, context: Context) -> bool:
    """Gives loops and ops the form that the targets take.

    1. Where a target lacks REDUCE_ANY, it is NOT REDUCE_ALL NOT.
    2. A loop of one turn is its turn (lower/unrolled.py).
    3. Under `recurrent.lowering: unrolled`, and where a target takes no loop, every loop is. Under
       `fastest`, those of the layers that are faster so.
    4. A sequence that steps quantize row by row is quantized once (lower/integer_rows.py).

    Raises:
        NotConvertible: A loop is to be written out, and its turns are not known.
    """
    config = context.config
    has = has_op(config.meant_for)
    without = [name for name in config.meant_for if not has_op((name,))("WHILE")]
    every = config.recurrent.lowering == "unrolled" or bool(without)
    asked_by: Key = ("targets", without[0]) if without else LOWERING
    before = sum(1 for _ in model.ops())
    without_reduce_any(model, has)
    layers = [layer.name for layer in context.layers if layer.op == _CODES["unrolled"]]
    packs = config.uses_xnnpack
    left = unroll(model, every, has, packs=packs, layers=layers, asked_by=asked_by)
    if left:
        raise NotConvertible(
            "These loops cannot be unrolled, because their number of steps is not known when the"
            f" model is converted: {', '.join(left)}.",
            f"Pin all lengths: source.inputs: {pinned(model)}. Or remove what forbids loops: the"
            " target, or recurrent.lowering: unrolled.",
            asked_by,
        )
    integer_rows(model)
    return before != sum(1 for _ in model.ops())


def _may_be_sparse(model: Model, context: Context) -> bool:
    return takes_sparse(context.config) and _runs(model, context)


def _block_sparse(model: Model, context: Context) -> bool:
    """Leaves out zeros, and says how many they are of each layer and what the file saves."""
    found, changed = dict(products(model)), False
    if any(map(pays, found.values())):
        before = len(write_model(model))
        changed = block_sparse(model)
        after = len(write_model(model))
    context.layers = tuple(_with_zeros(layer, found) for layer in context.layers)
    if changed:
        print(f"zeros left out: {after:,} bytes, {after / before:.0%} of {before:,}", flush=True)
    return changed


def _with_zeros(layer: Layer, found: Mapping[Op, Product]) -> Layer:
    """The layer, saying what became of its zeros. What it could gain was measured with them."""
    zeros = told_of(layer.scope or layer.name, found)
    return replace(layer, zeros=zeros.said, gain="" if zeros.left_out else layer.gain)


def _settles(model: Model, context: Context) -> bool:
    """Whether XNNPACK will run a part of the model: one that is refused is not loaded."""
    return context.config.uses_xnnpack and _runs(model, context)


def _check_memory(model: Model, _context: Context) -> bool:
    check_memory(model)
    return False


_prune: Pass[Context] = alone(prune)

#: Moves and cancels what stands around recurrences.
_FOLD: UntilSettled[Context] = UntilSettled(
    "fold",
    (
        alone(fold_reverse),
        alone(fold_last_step),
        alone(fold_transpose),
        alone(early_shapes),
        _prune,
    ),
)

#: Recurrences are folded with what is around them, grouped and laid out.
FOLDING: Passes[Context] = (
    _FOLD,
    Pass(
        "group-bidirectional",
        lambda model, _: group_bidirectional(model),
        group_bidirectional,
        when=_groups,
    ),
    Pass("layout", _layout, layout, ensures=(LAID_OUT,)),
    _FOLD,
)

#: The whole conversion, from the source's graph to the model as it is written.
CONVERSION: Passes[Context] = (
    # What the source says, without annotations, variables and dropout.
    alone(densify, ensures=(NOTHING_SPARSE,)),
    Pass("lift-states", _lift_states, ensures=(NO_VARIABLE,), keeps_interface=False),
    Pass("resolve", _resolve, composites, ensures=(NO_COMPOSITE,)),
    alone(own_outputs),
    Pass("remember-source", _remember_source),
    Pass("chain-steps", _chain_steps, chained, requires=(NO_COMPOSITE,)),
    alone(settle_choices),
    # Loops and steps become recurrences.
    Pass(
        "recognise",
        _recognise,
        recognise,
        requires=(NO_COMPOSITE, NOTHING_SPARSE),
        ensures=(LOOPS_READ,),
    ),
    _prune,
    *FOLDING,
    # Recurrences become fused ops and loops.
    Pass("expose-states", _expose_states, requires=(NO_VARIABLE,), keeps_interface=False),
    Pass("write-recurrences", _write_recurrences, rules_of_lowering, ensures=(NO_PSEUDO_OP,)),
    alone(fold_reverse),
    alone(measure_at_inputs),
    alone(give_states_room, ensures=(STATES_HAVE_ROOM,)),
    Pass(
        "tensor-lists-to-tensors",
        _lower_lists,
        tensor_lists_to_tensors,
        requires=(NO_PSEUDO_OP,),
        ensures=(LISTS_TOLD,),
    ),
    _prune,
    alone(close_sizes),
    alone(own_outputs),
    Pass("keep-output-names", _keep_output_names),
    alone(share_sizes),
    _prune,
    # The result is run against the source, quantized, and made safe for the runtime.
    Pass("check-whole", _check_whole, requires=(NO_PSEUDO_OP, NO_VARIABLE), when=_runs),
    Pass(
        "quantize",
        _quantize,
        requires=(NO_PSEUDO_OP, NOTHING_SPARSE),
        when=_quantizes,
        keeps_interface=False,
    ),
    Pass("conclude-states", _conclude_states, requires=(NO_VARIABLE,), keeps_interface=False),
    Pass("write-out", _write_out, when=_runs),
    Pass(
        "block-sparse", _block_sparse, block_sparse, requires=(NO_PSEUDO_OP,), when=_may_be_sparse
    ),
    Pass(
        "fence-copies",
        lambda model, _: fence_copies(model),
        fence_copies,
        requires=(NO_PSEUDO_OP,),
        when=_settles,
    ),
    Pass("check-memory", _check_memory, check_memory, when=_settles),
)


#: What a layer becomes, by its form where that is no fused op.
_CODES: Mapping[Chosen, str] = {
    "loop": "WHILE",
    "joined": "WHILE",
    "stacked": "WHILE",
    "unrolled": "UNROLLED",
}


def _reads_reversed(op: Op, model: Model) -> bool:
    home = next(subgraph for subgraph in model.subgraphs if op in subgraph.ops)
    return reads_reversed(op.inputs[0], producers(home))


def _layers(
    findings: list[Finding], turned: Mapping[Op, bool], lowered: tuple[Lowered, ...]
) -> Iterator[Layer]:
    """Each finding's layers, with what they were lowered to.

    Args:
        findings: What was seen of each loop.
        turned: Each recurrent op, and whether the sequence it reads runs backward.
        lowered: What became of each recurrence.
    """
    became = {each.name: each for each in lowered}
    found = {
        recurrence.name: (op, recurrence) for op in turned for recurrence in op.options.values()
    }
    for finding in findings:
        if finding.reason or not finding.recurrences:
            yield Layer(finding.name, None, finding.stays, finding.reason)
        for name in (r.name for r in finding.recurrences if r.name in found):
            op, recurrence = found[name]
            each = became[name]
            paired = op.code == BIDIRECTIONAL
            code = _CODES.get(each.form) or fused_code(recurrence, paired=paired)
            yield Layer(
                name,
                recurrence,
                code,
                each.reason,
                each.scope or scopes(op, each.form)[name],
                each.milliseconds,
                reads_reversed=turned[op],
            )
