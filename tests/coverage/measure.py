"""What a row comes out as, measured."""

from __future__ import annotations

import math
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rnnlite_pipeline.sources.graphdef.assigned import with_states
from tests.coverage.row import Row
from tests.random_models.held import convert_source, largest_error

#: The smallest error that is told apart: below it, float32 rounds.
SMALLEST = -8


@dataclass(frozen=True)
class Measured:
    """What a row came out as.

    Attributes:
        source: The row's.
        cell: The row's.
        read_as: What `rnnlite inspect` calls each recurrent layer.
        ops: What each became.
        reason: Why the first loop is one.
        error: The largest error, as the power of ten above it.
    """

    source: str
    cell: str
    read_as: tuple[str, ...]
    ops: tuple[str, ...]
    reason: str
    error: int

    def as_json(self) -> dict[str, Any]:
        """For coverage.json."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}


def measured(row: Row) -> Measured:
    """Builds a row's model with its framework, converts it and compares the two."""
    with tempfile.TemporaryDirectory() as folder:
        source = with_states(row.build(Path(folder)))
        conversion = convert_source(source)
        error = largest_error(conversion.model, source, row.name, row.time_major)
    layers = conversion.layers
    return Measured(
        row.source,
        row.cell,
        tuple(x.recurrence.cell.kind if x.recurrence else "loop" for x in layers),
        tuple(x.op for x in layers),
        next((x.reason for x in layers if x.reason), ""),
        max(SMALLEST, math.ceil(math.log10(error))) if error else SMALLEST,
    )
