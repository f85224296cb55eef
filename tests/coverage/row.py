"""A row of the coverage table: a source, a cell, and what must come out."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnnlite_pipeline.config import Config
from rnnlite_pipeline.sources.model import SourceModel
from rnnlite_pipeline.sources.opening import open_source

LSTM = "UNIDIRECTIONAL_SEQUENCE_LSTM"
RNN = "UNIDIRECTIONAL_SEQUENCE_RNN"
BI_LSTM = "BIDIRECTIONAL_SEQUENCE_LSTM"
BI_RNN = "BIDIRECTIONAL_SEQUENCE_RNN"
LOOP = "WHILE"

#: The reason of every GRU.
GRU = "no fused GRU op"


@dataclass(frozen=True)
class Row:
    """A row.

    Attributes:
        source: The framework and the format.
        cell: The cell and how it is run, as its author says it.
        build: Writes the model into a folder, with the framework, and opens it.
        ops: What each recurrent layer becomes.
        reason: What the reason for a loop says, if there is one.
        time_major: Whether its sequences are [T, B, F].
        needs: What must be there to build it: the name of a package, or of a folder.
    """

    source: str
    cell: str
    build: Callable[[Path], SourceModel]
    ops: tuple[str, ...]
    reason: str = ""
    time_major: bool = False
    needs: str = ""

    @property
    def name(self) -> str:
        """The row's name."""
        return f"{self.source}: {self.cell}"


#: The batch that sources are opened with: open, or fixed for the stock converter.
BATCH: ContextVar[int | None] = ContextVar("BATCH", default=None)


def opened(form: str, path: Path, **source: Any) -> SourceModel:
    """The source of a file, as a config names it."""
    fields: dict[str, Any] = {"format": form, "path": str(path), **source}
    found = open_source(Config.model_validate({"name": "row", "source": fields}))
    if BATCH.get() is None or form == "tflite":
        return found
    fields["inputs"] = {s.name: (BATCH.get(), *s.shape[1:]) for s in found.inputs}
    return open_source(Config.model_validate({"name": "row", "source": fields}))
