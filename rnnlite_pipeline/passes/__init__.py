"""Passes over the graph, one a file: each `def pass_name(model: Model) -> bool`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

from rnnlite_pipeline.graph.edit import prune
from rnnlite_pipeline.graph.ir import Model
from rnnlite_pipeline.passes.early_shapes import early_shapes
from rnnlite_pipeline.passes.fold_last_step import fold_last_step
from rnnlite_pipeline.passes.fold_reverse import fold_reverse
from rnnlite_pipeline.passes.fold_transpose import fold_transpose
from rnnlite_pipeline.passes.group_bidirectional import group_bidirectional
from rnnlite_pipeline.passes.layout import layout

#: The passes that every model gets, in the order of a round.
PASSES: tuple[Callable[[Model], bool], ...] = (
    fold_reverse,
    fold_last_step,
    fold_transpose,
    early_shapes,
    prune,
)


class Settings(Protocol):
    """What of the config's `recurrent` the passes obey."""

    @property
    def time_major(self) -> Literal["keep"] | bool:
        """The layout of the recurrent ops."""
        ...

    @property
    def bidirectional(self) -> Literal["group", "split"]:
        """Whether a forward and a backward recurrence become one op."""
        ...


def run_passes(model: Model, settings: Settings) -> None:
    """Folds, groups and lays out the recurrences of `model`, in place, until nothing changes.

    Requires: recurrences are RECURRENCE pseudo ops.
    Ensures: no pass finds anything left to do; inputs and outputs of the model are unchanged.
    """
    _settle(model)
    if settings.bidirectional == "group":
        group_bidirectional(model)
    layout(model, settings.time_major)
    _settle(model)


def _settle(model: Model) -> None:
    changed = True
    while changed:
        changed = False
        for transform in PASSES:
            changed |= transform(model)
