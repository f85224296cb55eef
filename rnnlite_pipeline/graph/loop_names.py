"""The names of the loops that rnnlite writes, and what a person calls them.

A layer that becomes a loop has one WHILE op for each level of nesting. The results of level 0, for
instance, are called LAYER/level_0_0, LAYER/level_0_1 and so on, its body LAYER/level_0_body. Where
the length is open, the IF op around most steps is level "most", the loop over the rest "rest".
"""

from __future__ import annotations

import re

_LEVEL = re.compile(r"/level_(\d+|most|rest)(_\w+)?(?=/|$)")


def level_name(level: int | str) -> str:
    """The name of a level of loops, within its layer."""
    return f"level_{level}"


def of_layer(name: str) -> str:
    """A name without the levels of loops: of a loop the layer, else what is in the layer.

    >>> of_layer("encoder/gru/level_0_4"), of_layer("encoder/gru/level_0_body/mul")
    ('encoder/gru', 'encoder/gru/mul')
    """
    return _LEVEL.sub("", name)
