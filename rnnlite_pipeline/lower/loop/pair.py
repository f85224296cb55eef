"""A forward and a backward recurrence of one x, as the lanes of one loop.

The loop runs in the forward one's order. The backward one reads x reversed, so at each turn both
read the row of the same place; its outputs are reversed at the end.
"""

from __future__ import annotations

from collections.abc import Sequence

from rnnlite_pipeline.cells.recurrence import Recurrence
from rnnlite_pipeline.graph.ir import Op, Tensor
from rnnlite_pipeline.lower.emit import Emitter
from rnnlite_pipeline.lower.loop.joined import NotAlike
from rnnlite_pipeline.lower.loop.plan import plan
from rnnlite_pipeline.lower.loop.writer import Loops, Writer, delivered

#: Up to so many weights of a direction's step one loop is faster than two, or as fast: 14 to 46 %
#: for 32 and 64 units, 0 to 20 % for 96 and 128; above, the products take nearly all the time
#: (docs/guides/benchmark.md).
MOST_WEIGHTS = 64 << 10


def joins(recurrence: Recurrence) -> bool:
    """Whether one loop for both directions is mostly faster than two.

    Args:
        recurrence: One of them.
    """
    return plan(recurrence.cell.equations(), hoists=True).weights() <= MOST_WEIGHTS


def lower_pair_to_loop(
    pair: Sequence[Recurrence],
    inputs: Sequence[Tensor | None],
    outputs: Sequence[Tensor],
    used: set[Tensor],
    loops: Loops,
) -> list[Op] | None:
    """The ops that take the place of both; None where their steps are not alike.

    Args:
        pair: The forward recurrence and the backward one.
        inputs: x, the initial states of the forward recurrence, and of the backward one.
        outputs: y and the final states of the forward recurrence, and of the backward one.
        used: The tensors that something reads.
        loops: How it is written.
    """
    x, *initial = inputs
    widths = {each.cell.states for each in pair}
    assert x is not None, "a recurrence reads a sequence"
    if len(widths) > 1:
        return None
    count = len(pair[0].cell.states)
    given = [*initial, *[None] * (2 * count - len(initial))]
    lanes = [outputs[: 1 + count], outputs[1 + count :]]
    ys, finals = zip(*((lane[0], lane[1:]) for lane in lanes), strict=True)
    puts_out, ends = (not used.isdisjoint(each) for each in (ys, {*finals[0], *finals[1]}))
    try:
        writer = Writer(pair, x, loops)
        states = [given[:count], given[count:]]
        *results, last = writer.run(states, puts_out, ends=ends)
    except NotAlike:
        return None
    emit, computed = writer.emit, dict[Tensor, Tensor]()
    if not puts_out:
        results.append(last)
    else:
        known = isinstance(writer.steps, int)
        # UNPACK takes nothing that is empty, as a sequence of an open length may be.
        forward, backward = emit.unpack(last, 0) if known else _lanes(emit, last)
        computed |= {forward: ys[0], emit.reverse(backward, writer.x_axis): ys[1]}
    if ends:
        for result, both in zip(results, zip(*finals, strict=True), strict=True):
            computed |= zip(emit.unpack(result, 0), both, strict=True)
    return delivered(emit, computed, used)


def _lanes(emit: Emitter, value: Tensor) -> tuple[Tensor, Tensor]:
    """Both lanes of a value [2, ...], each without that axis."""
    return emit.step(value, 0, 0), emit.step(value, 0, -1)
