"""Loops with a length for each batch entry, as `sequence_length` gives them.

A step changes a state only while step < length, and puts out zero after. What a fused op puts
out up to there is right, since later steps do not reach back: the outputs are then cut off at
the length, and the final hidden state is the output at length - 1.
"""

from __future__ import annotations

from rnnlite_pipeline.graph.ir import Tensor
from rnnlite_pipeline.recognise.algebra import Apply, Symbol
from rnnlite_pipeline.recognise.extents import Linear
from rnnlite_pipeline.recognise.loop import KEPT, STEP, Loop, Unrecognised
from rnnlite_pipeline.recognise.masks import Masked, emitted, unmasked
from rnnlite_pipeline.recognise.readable import COUNTER
from rnnlite_pipeline.recognise.systems import System
from rnnlite_pipeline.recognise.values import Rows

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
        is_counter = counter.name.startswith(COUNTER) and length.name.startswith(KEPT)
        below = (atom.function, position == 0, masked.changes_when) in _BELOW
        if is_counter and below and _counts_steps(counter, loop):
            return loop.op.inputs[int(length.name[1:])]
    return None


def _counts_steps(counter: Symbol, loop: Loop) -> bool:
    return loop.counters.get(int(counter.name[1:])) == Linear.symbol(STEP)
