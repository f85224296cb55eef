"""Loops with a length for each batch entry, as `sequence_length` gives them.

A step changes a state only while step < length, and puts out zero after. What a fused op puts
out up to there is right, since later steps do not reach back: the outputs are then cut off at
the length, and the final hidden state is the output at length - 1.
"""

from __future__ import annotations

from rnnlite_pipeline.algebra.atoms import Apply, Symbol
from rnnlite_pipeline.graph.ir import Tensor
from rnnlite_pipeline.recognise.loop.loop import STEP, Kept, Loop, Unrecognised
from rnnlite_pipeline.recognise.loop.masks import Masked, emitted, unmasked
from rnnlite_pipeline.recognise.loop.systems import System
from rnnlite_pipeline.recognise.symbolic.values import Rows
from rnnlite_pipeline.shapes.extents import Extents
from rnnlite_pipeline.shapes.linear import Counter, Linear

#: The comparisons that say step < length: function, whether the counter stands first, and the
#: truth value it has then.
_BELOW = {
    ("LESS", True, True),
    ("GREATER_EQUAL", True, False),
    ("GREATER", False, True),
    ("LESS_EQUAL", False, False),
}


def check_early_end(loop: Loop) -> None:
    """Makes sure that a loop that stops after its longest length could as well go on.

    Raises:
        Unrecognised: A step past every length would change a state or put out something.
    """
    if loop.lengths is None:
        return
    masked = unmasked(System(tuple(loop.states)))
    if masked is None or length_of(masked, loop) is not loop.lengths:
        raise Unrecognised("it stops at a length known only at run time")
    for writing in loop.writings.values():
        if not isinstance(writing.item, Rows) or emitted(writing.item.form, masked) is None:
            raise Unrecognised("what it puts out after the longest length is not zero")


def length_of(masked: Masked, loop: Loop) -> Tensor | None:
    """The lengths [B] that a mask compares the step's number with; None for another mask."""
    atom = masked.mask.atom
    if not isinstance(atom, Apply) or len(atom.arguments) != 2:
        return None
    symbols = [a.atom for a in atom.arguments]
    for position, (counter, length) in enumerate((symbols, symbols[::-1])):
        if not isinstance(counter, Symbol) or not isinstance(length, Symbol):
            return None
        number, kept = counter.name, length.name
        if not isinstance(number, Counter) or not isinstance(kept, Kept):
            continue
        below = (atom.function, position == 0, masked.changes_when) in _BELOW
        if below and _counts_steps(number, loop):
            return loop.op.inputs[kept.number]
    return None


def _counts_steps(counter: Counter, loop: Loop) -> bool:
    return loop.counters.get(counter.number) == Linear.symbol(STEP)


def longest(symbol: str, extents: Extents) -> tuple[Linear, Tensor] | None:
    """(T, lengths) where a scalar is the longest of `lengths` [B], and T at most.

    TensorFlow's dynamic_rnn stops there: min(T, max(1, reduce_max(lengths))).
    """
    op = extents.producer(extents.named(symbol))
    if op is None or op.code != "MINIMUM":
        return None
    for one, other in (op.inputs, op.inputs[::-1]):
        lengths = _largest(other, extents)
        if one is not None and lengths is not None:
            return extents.scalar(one), lengths
    return None


def _largest(tensor: Tensor | None, extents: Extents) -> Tensor | None:
    """The vector that a scalar is the largest element of, or 1 if that is larger."""
    op = extents.producer(tensor)
    if op is not None and op.code == "MAXIMUM":
        constants = [t for t in op.inputs if t is not None and t.data is not None]
        rest = [t for t in op.inputs if t is not None and t.data is None]
        if len(constants) == len(rest) == 1 and extents.scalar(constants[0]).constant <= 1:
            return _largest(rest[0], extents)
    if op is None or op.code != "REDUCE_MAX" or op.inputs[0] is None:
        return None
    return op.inputs[0] if len(op.inputs[0].shape or ()) == 1 else None
