"""How many steps a turn of the innermost loop runs.

Where the outputs are kept, several steps a turn share what a turn costs: one GATHER reads their
rows, one DYNAMIC_UPDATE_SLICE puts their outputs in place, and the loop copies once.

1. Only where the output sequence is read: to end with a final state alone, a turn costs little.
2. The default delegate packs the weights of each product by itself, so a turn of k steps reads k
   copies of them. They must stay in the cache of a core, or the copies cost more than they save.
3. The last turn of a forward pass may run past the end: it reads the last step again, and what it
   puts out is cut off. A final state that is read would be wrong then, and so would the first
   state of a pass in reverse: there the length has to be a multiple.
4. Where the length is open, turns run several steps up to the last multiple of `WHOLE` steps,
   inside of an IF, and a plain loop runs the rest. So the call of a model that gets a step at a
   time is that plain loop alone, which nests in no other.
5. A loop has two turns at least: one turn is no loop (lower/unrolled.py).
"""

from __future__ import annotations

from rnnlite_pipeline.lower.loop.levels import Length

#: The steps of a turn at most.
MOST = 4

#: Of an open length so many steps are parted into turns of several; a multiple of `MOST`.
WHOLE = 32

#: The bytes that the products of a turn may read.
CACHE = 512 * 1024


def steps_a_turn(steps: Length, weights: int, *, past_the_end: bool) -> int:
    """The steps of a turn.

    Args:
        steps: T.
        weights: The bytes of the weights that a step's products read.
        past_the_end: Whether the last turn may run past the end.
    """
    most = min(MOST, CACHE // max(weights, 1))
    if not isinstance(steps, int):
        steps, past_the_end = WHOLE, False
    most = min(most, steps // 2)
    if past_the_end:
        return max(most, 1)
    return next((k for k in range(most, 1, -1) if steps % k == 0), 1)
