"""The ops that a model holds and LiteRT lacks, and what the config says of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rnnlite_pipeline.graph.ir import Model, Op
from rnnlite_pipeline.runtimes.partition import is_foreign

if TYPE_CHECKING:
    from rnnlite_pipeline.config.conversion import Converter

_PRECISIONS = frozenset({"FLOAT16", "BFLOAT16", "FLOAT64"})

#: How many places of an op an error names.
SHOWN = 3


@dataclass(frozen=True)
class MissingOp:
    """An op that LiteRT has no kernel for.

    Attributes:
        code: As the file names it: a Flex op's begins with "Flex".
        places: The results of each, named after what the source calls it.
    """

    code: str
    places: tuple[str, ...]

    @property
    def name(self) -> str:
        """The op's name in its own framework."""
        return self.code.removeprefix("Flex")

    @property
    def flag(self) -> str:
        """The key of `converter` that lets it stay."""
        return "select_tf_ops" if self.code.startswith("Flex") else "allow_custom_ops"

    def as_json(self) -> dict[str, Any]:
        """For inspect.json."""
        return {"op": self.name, "places": list(self.places), "kept_by": f"converter.{self.flag}"}

    def __str__(self) -> str:
        more = ", ..." if len(self.places) > SHOWN else ""
        return f"{self.name} ({', '.join(self.places[:SHOWN])}{more})"


def missing_ops(model: Model) -> list[MissingOp]:
    """Every op that LiteRT lacks, by name."""
    places: dict[str, list[str]] = {}
    for op in _foreign(model):
        places.setdefault(op.code, []).append(op.outputs[0].name if op.outputs else op.code)
    return [MissingOp(code, tuple(found)) for code, found in sorted(places.items())]


def refused_ops(model: Model, converter: Converter) -> list[MissingOp]:
    """Those of them that the config does not let stay."""
    return [op for op in missing_ops(model) if not getattr(converter, op.flag)]


def other_precision(model: Model) -> str:
    """The dtype other than float32 that ops LiteRT lacks compute in; empty if there is none.

    LiteRT has such an op in float32 most of the time.
    """
    dtypes = {tensor.dtype for op in _foreign(model) for tensor in op.outputs}
    return " and ".join(sorted(d.lower() for d in dtypes & _PRECISIONS))


def complex_ops(model: Model) -> list[str]:
    """The names of the ops that LiteRT lacks and that take or give complex numbers, sorted."""
    found = {
        op.code.removeprefix("Flex")
        for op in _foreign(model)
        if op.code != "FlexComplex"  # it only joins what another op reads
        for tensor in (*op.inputs, *op.outputs)
        if tensor is not None and tensor.dtype.startswith("COMPLEX")
    }
    return sorted(found)


def _foreign(model: Model) -> Iterator[Op]:
    return filter(is_foreign, model.ops())
