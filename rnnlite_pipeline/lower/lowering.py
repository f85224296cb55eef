"""RECURRENCE and BIDIRECTIONAL pseudo ops become the runtime's fused ops, or loops.

1. Forward RECURRENCE: UNIDIRECTIONAL_SEQUENCE_LSTM or _RNN.
2. Reverse RECURRENCE: the same between two REVERSE_V2 over time; the op only runs forward.
   Reversals that meet cancel afterwards (`fold_reverse`).
3. BIDIRECTIONAL: BIDIRECTIONAL_SEQUENCE_LSTM or _RNN with two outputs. The kernel aligns the
   backward output with time, so nothing is reversed.
4. Initial states are written before the op at every call (states.py).
5. A final hidden state is the step of y processed last; a final cell state is read from its
   variable after the op. Neither is read unless something uses it.
6. What has no fused op, and what is to be a loop (choice.py), becomes one (loop/), or both
   directions of a layer together where that is faster (loop/pair.py).
7. What is to be written out (unrolled.py) becomes one loop over all its steps here, without loops
   within it: `unroll` writes it out once the model is quantized.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from rnnlite_pipeline.cells.recurrence import BIDIRECTIONAL, RECURRENCE, Recurrence
from rnnlite_pipeline.graph.calls import called
from rnnlite_pipeline.graph.edit import consumers, producers
from rnnlite_pipeline.graph.ir import Model, Op, Subgraph, Tensor
from rnnlite_pipeline.lower.by_targets import has_op, pinned, takes_rank
from rnnlite_pipeline.lower.choice import (
    Aim,
    Chosen,
    Form,
    Lowered,
    as_it_is,
    choose,
    no_layer,
    packed,
    stacked,
)
from rnnlite_pipeline.lower.emit import Emitter
from rnnlite_pipeline.lower.fused import bidirectional, unidirectional, why_not_integer
from rnnlite_pipeline.lower.loop.pair import lower_pair_to_loop
from rnnlite_pipeline.lower.loop.stack import NEEDED, lower_stack_to_loop
from rnnlite_pipeline.lower.loop.writer import Loops, lower_to_loop
from rnnlite_pipeline.lower.states import Producer, StateWriter, read_final_cell
from rnnlite_pipeline.passes.fold_reverse import fold_reverse
from rnnlite_pipeline.passes.give_states_room import give_states_room
from rnnlite_pipeline.passes.measure_at_inputs import measure_at_inputs
from rnnlite_pipeline.passes.share_sizes import share_sizes

Used = set[Tensor]

#: The targets on which loops read x rather than its products (loop/plan.py, rule 2).
MICRO = frozenset({"tflm", "tflm-cmsis-nn"})

#: The ops beyond PACK and UNPACK that one loop for both directions takes (loop/pair.py).
JOINING = ("BATCH_MATMUL", "REVERSE_V2")


def lower(
    model: Model,
    form: Form = "auto",
    integers: bool = False,
    targets: Sequence[str] = (),
    dtype: str = "FLOAT32",
    *,
    weight_bytes: int = 4,
    finish: Callable[[Model, Mapping[str, str]], None] = as_it_is,
    skipped: Callable[[str], bool] = no_layer,
) -> tuple[Lowered, ...]:
    """Writes every recurrence of `model`, and what makes the result ready to run, in place.

    The conversion's list has these five as passes of their own (stages/conversion.py).

    Ensures: no pseudo op is left, and each state has room for the batch of the call.

    Args, Returns, Raises: as `write_recurrences`.
    """
    lowered = write_recurrences(
        model,
        form,
        integers,
        targets,
        dtype,
        weight_bytes=weight_bytes,
        finish=finish,
        skipped=skipped,
    )
    _make_ready(model)
    return lowered


def _make_ready(model: Model) -> None:
    fold_reverse(model)
    measure_at_inputs(model)
    give_states_room(model)
    share_sizes(model)


def write_recurrences(
    model: Model,
    form: Form = "auto",
    integers: bool = False,
    targets: Sequence[str] = (),
    dtype: str = "FLOAT32",
    *,
    weight_bytes: int = 4,
    finish: Callable[[Model, Mapping[str, str]], None] = as_it_is,
    skipped: Callable[[str], bool] = no_layer,
) -> tuple[Lowered, ...]:
    """Writes every recurrence of `model` as fused ops and loops, in place.

    Ensures: no pseudo op is left.

    Args:
        model: A model with pseudo ops.
        form: "auto": the fused op where one says the same, else a loop. "fused": the fused op
            or an error. "loop": always a loop. "fastest": whichever is faster here. "unrolled":
            always a loop that `unroll` can write out, as it will once the model is quantized.
        integers: Whether the model will be quantized to integers: then a fused op that has no
            integer form is no better than a loop, unless `form` is "fused".
        targets: The runtimes that have to take each form; without one LiteRT's Interpreter is
            meant, which takes all.
        dtype: The type that fused ops will compute in, once the model is quantized.
        weight_bytes: What a weight will take then: loops are written for it (loop/turns.py).
        finish: What the conversion then does to a model, in place, given the scope of each layer's
            tensors; "fastest" measures after it.
        skipped: Whether a layer of this name then stays in float.

    Returns:
        What each recurrence became, in execution order, a pair's forward one first.

    Raises:
        NotConvertible: `form` is "fused" and a cell has no fused op, or the targets take none of
            the forms that `form` allows. The model is then unchanged.
    """
    narrow, has = integers or not MICRO.isdisjoint(targets), has_op(targets)
    packs = has("PACK") and has("UNPACK")
    joins = packs and not narrow and all(map(has, JOINING))
    stacks = packs and not narrow and all(map(has, NEEDED))
    slices = takes_rank(targets, "STRIDED_SLICE", 2)
    loops = Loops(narrow, weight_bytes if packs else 0, slices=slices, branches=has("IF"))
    write = partial(_write, loops=loops, skipped=skipped)
    graphs = [(subgraph, _used(model, subgraph)) for subgraph in model.subgraphs]
    chosen: dict[Op, Lowered] = {}
    below: dict[Op, Op] = {}
    for subgraph, used in graphs:
        pseudo = [op for op in subgraph.ops if op.code in (RECURRENCE, BIDIRECTIONAL)]
        reasons: list[Callable[[Op], str]] = []
        if integers and form != "fused":
            producer = producers(subgraph).get
            reasons.append(partial(why_not_integer, used=used, producer=producer))
        why_not = partial(_first_of, reasons)
        pin = pinned(model)
        aim = Aim(form, targets, dtype, pin, weight_bytes, finish, skipped, joins, stacks)
        for op in pseudo:
            chosen[op] = choose(op, aim, used, write, why_not)
            if chosen[op].form == "unrolled":
                aim = replace(aim, room=aim.room - packed(op, weight_bytes))
        write_two = partial(_write_two, loops=loops, skipped=skipped)
        together = partial(stacked, aim=aim, used=used, write=write_two)
        below |= _stacks(model, subgraph, chosen, together)
    forms = {op: lowered.form for op, lowered in chosen.items()}
    for subgraph, used in graphs:
        _lower_subgraph(model, subgraph, used, forms, below, loops=loops, skipped=skipped)
    return tuple(
        replace(lowered, name=recurrence.name, form=forms[op])
        for op, lowered in chosen.items()
        for recurrence in op.options.values()
    )


def _stacks(
    model: Model,
    subgraph: Subgraph,
    chosen: dict[Op, Lowered],
    together: Callable[[Op, Op], bool],
) -> dict[Op, Op]:
    """For a recurrence that is one loop with the one that it reads: that one.

    Args:
        model: What the graph belongs to.
        subgraph: The graph.
        chosen: What each recurrence becomes; said anew of those.
        together: Whether two are one loop.
    """
    made_by, readers, put_out = producers(subgraph), consumers(subgraph), _put_out(model, subgraph)
    below: dict[Op, Op] = {}
    for second in [op for op in subgraph.ops if op.code == RECURRENCE]:
        read = second.inputs[0]
        if read is None or readers[read] != [second] or read in put_out:
            continue
        first = made_by.get(read)
        if first is None or first.code != RECURRENCE or first in below:
            continue
        pair = first, second
        if all(chosen[op].form == "loop" for op in pair) and together(first, second):
            below[second] = first
            names = [chosen[op].name for op in pair]
            for op, other in zip(pair, reversed(names), strict=True):
                said = f"{chosen[op].reason}; it is one loop with {other}"
                chosen[op] = replace(chosen[op], form="stacked", reason=said, scope=names[0])
    return below


def _write_two(
    model: Model, together: bool, *, loops: Loops, skipped: Callable[[str], bool]
) -> None:
    """Lowers a model of two recurrences to one loop, or to two."""
    main = model.main
    first, second = main.ops
    forms: dict[Op, Chosen] = dict.fromkeys(main.ops, "stacked" if together else "loop")
    below = {second: first} if together else {}
    _lower_subgraph(model, main, _used(model, main), forms, below, loops=loops, skipped=skipped)
    _make_ready(model)


def _write(model: Model, form: Chosen, *, loops: Loops, skipped: Callable[[str], bool]) -> Chosen:
    """Lowers a model of one recurrence to a form; which the targets take is decided elsewhere.

    Returns:
        What it became.
    """
    main = model.main
    forms = dict.fromkeys((op for op in main.ops if op.code in (RECURRENCE, BIDIRECTIONAL)), form)
    _lower_subgraph(model, main, _used(model, main), forms, {}, loops=loops, skipped=skipped)
    _make_ready(model)
    return next(iter(forms.values()))


def _first_of(reasons: Sequence[Callable[[Op], str]], op: Op) -> str:
    return next(filter(None, (reason(op) for reason in reasons)), "")


def _used(model: Model, subgraph: Subgraph) -> Used:
    """The tensors of `subgraph` that something reads."""
    used = {tensor for op in subgraph.ops for tensor in op.inputs if tensor is not None}
    return used | _put_out(model, subgraph)


def _put_out(model: Model, subgraph: Subgraph) -> Used:
    """The tensors that `subgraph` gives to who runs it."""
    signatures = [each for each in model.signatures if each.subgraph is subgraph]
    return {*subgraph.outputs, *(t for each in signatures for t in each.outputs.values())}


def _lower_subgraph(
    model: Model,
    subgraph: Subgraph,
    used: Used,
    forms: dict[Op, Chosen],
    below: Mapping[Op, Op],
    *,
    loops: Loops,
    skipped: Callable[[str], bool],
) -> None:
    """Lowers the ops of a graph.

    Args:
        model: What it belongs to.
        subgraph: The graph.
        used: Its tensors that something reads.
        forms: Of each pseudo op; a pair that cannot be joined becomes a "loop" there.
        below: For the second of two recurrences that are one loop the first.
        loops: How loops are written.
        skipped: Whether a layer of this name will stay in float.
    """
    made_by = producers(subgraph).get
    lowered: list[Op] = []
    for op in subgraph.ops:
        new = [op]
        if op in forms and forms[op] != "fused":
            stays = all(skipped(recurrence.name) for recurrence in op.options.values())
            size = 4 if loops.weight_bytes and stays else loops.weight_bytes
            own = replace(loops, flat=forms[op] == "unrolled", weight_bytes=size)
            if op in below:
                new = _lower_stack(model, below[op], op, used, own)
            elif op in below.values():
                new = []
            else:
                new, forms[op] = _lower_to_loops(model, op, used, own, forms[op])
        elif op.code == RECURRENCE:
            new = _lower_one(op, used, made_by)
        elif op.code == BIDIRECTIONAL:
            new = _lower_pair(op, used, made_by)
        lowered += new
    subgraph.ops = lowered


def _lower_to_loops(
    model: Model, op: Op, used: Used, loops: Loops, form: Chosen
) -> tuple[list[Op], Chosen]:
    """Writes one loop for both directions, or one for each; returns the ops, and what it became."""
    recurrences = list(op.options.values())
    ops: list[Op] | None = None
    if form == "joined":
        ops = lower_pair_to_loop(recurrences, op.inputs, op.outputs, used, loops)
    if ops is None:
        form = "unrolled" if loops.flat else "loop"
        ops = _apart(op, recurrences, used, loops)
    _hold(model, ops)
    return ops, form


def _lower_stack(model: Model, first: Op, second: Op, used: Used, loops: Loops) -> list[Op]:
    """Writes one loop for two recurrences."""
    pair: tuple[Recurrence, Recurrence] = first.options["recurrence"], second.options["recurrence"]
    inputs = first.inputs, second.inputs
    ops = lower_stack_to_loop(pair, inputs, second.outputs, used, loops)
    _hold(model, ops)
    return ops


def _hold(model: Model, ops: Sequence[Op]) -> None:
    """Adds the subgraphs that ops run to the model."""
    waiting = [target for op in ops for target in called(op)]
    for subgraph in waiting:
        model.subgraphs.append(subgraph)
        waiting += [target for op in subgraph.ops for target in called(op)]


def _apart(op: Op, recurrences: Sequence[Recurrence], used: Used, loops: Loops) -> list[Op]:
    """A loop for each direction."""
    x, *states = op.inputs
    outputs, ops = list(op.outputs), list[Op]()
    for recurrence in recurrences:
        count = len(recurrence.cell.states)
        own, results = [x, *states[:count]], outputs[: 1 + count]
        ops += lower_to_loop(recurrence, own, results, used, loops)
        states, outputs = states[count:], outputs[1 + count :]
    return ops


def _lower_one(op: Op, used: Used, producer: Producer) -> list[Op]:
    recurrence: Recurrence = op.options["recurrence"]
    (x, *initial), (y, *finals) = op.inputs, op.outputs
    assert x is not None
    emit, time_axis = Emitter(recurrence.name), 0 if recurrence.time_major else 1
    writer = StateWriter(emit, x, 1 - time_axis, producer)
    states = _write_states(writer, "", recurrence, initial)
    running, reverse = y, recurrence.reverse
    if reverse:
        x = emit.reverse(x, time_axis)
        running = emit.tensor("running_order", "FLOAT32", y.shape)
    unidirectional(emit, recurrence, x, states, running)
    if reverse and y in used:
        emit.reverse(running, time_axis)
        emit.into(y)
    _read_finals(emit, running, (time_axis, -1), states, _only(used, finals))
    return emit.ops


def _lower_pair(op: Op, used: Used, producer: Producer) -> list[Op]:
    forward: Recurrence = op.options["forward"]
    backward: Recurrence = op.options["backward"]
    x, count = op.inputs[0], len(forward.cell.states)
    assert x is not None
    emit, time_axis = Emitter(forward.name), 0 if forward.time_major else 1
    writer = StateWriter(emit, x, 1 - time_axis, producer)
    states = [
        _write_states(writer, "forward_", forward, op.inputs[1 : 1 + count]),
        _write_states(writer, "backward_", backward, op.inputs[1 + count :]),
    ]
    outputs = [op.outputs[0], op.outputs[1 + count]]
    bidirectional(emit, (forward, backward), x, states[0] + states[1], outputs)
    finals = (op.outputs[1 : 1 + count], op.outputs[2 + count :])
    for y, last, variables, wanted in zip(outputs, (-1, 0), states, finals, strict=True):
        _read_finals(emit, y, (time_axis, last), variables, _only(used, wanted))
    return emit.ops


def _only(used: Used, tensors: list[Tensor]) -> list[Tensor | None]:
    return [tensor if tensor in used else None for tensor in tensors]


def _write_states(
    writer: StateWriter, prefix: str, recurrence: Recurrence, initial: list[Tensor | None]
) -> list[Tensor]:
    cell = recurrence.cell
    given = [*initial, *[None] * (len(cell.states) - len(initial))]
    return [
        writer.write(prefix + name, width, value)
        for name, width, value in zip(cell.variables, cell.states, given, strict=True)
    ]


def _read_finals(
    emit: Emitter,
    y: Tensor,
    last: tuple[int, int],
    states: list[Tensor],
    finals: list[Tensor | None],
) -> None:
    """Reads the final states, None where unused; `last` is y's time axis and last step run."""
    hidden, *cells = finals
    if hidden is None and not any(cells):
        return
    step = emit.step(y, *last)
    if hidden is not None:
        step = emit.into(hidden)
    for state, out in zip(states[1:], cells, strict=True):
        if out is not None:
            read_final_cell(emit, step, state, out)
