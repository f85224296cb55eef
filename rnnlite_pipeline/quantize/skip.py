"""`quantization.skip`: layers that stay in float, by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rnnlite_pipeline.errors import StageError, did_you_mean
from rnnlite_pipeline.graph.ir import Model, Op

#: The reason of an op that stays float because the config says so.
SKIPPED = "named in quantization.skip"


class Skip:
    """Knows the ops of the layers to skip, by the scopes in the names of their tensors.

    Args:
        names: What the config lists: names of recurrent layers as inspect shows them, and scopes
            of other ops: `d` stands for every op with a tensor `d` or `d/...`.
        scopes: For each recurrent layer, the scope of the op it became; a backward layer that
            was grouped stands under its partner's.
    """

    def __init__(self, names: Sequence[str] = (), scopes: Mapping[str, str] | None = None) -> None:
        self.names = tuple(names)
        self._layers = dict(scopes or {})
        self.scopes = tuple(self._layers.get(name, name) for name in names)

    def has(self, op: Op) -> bool:
        """Whether an op belongs to a layer to skip."""
        return any(_within(name, scope) for name in _names(op) for scope in self.scopes)

    def has_layer(self, name: str) -> bool:
        """Whether a recurrent layer of this name is one to skip."""
        return any(_within(name, each) for each in self.names)

    def check(self, model: Model) -> None:
        """Refuses a name that is no layer's.

        Raises:
            StageError: It names the unknown one, and what was perhaps meant.
        """
        known = {scope for op in model.ops() for name in _names(op) for scope in _scopes(name)}
        for i, (name, scope) in enumerate(zip(self.names, self.scopes, strict=True)):
            if scope not in known:
                # Outermost scopes are the names of layers; the others are details.
                layers = {s for s in known if "/" not in s} | set(self._layers)
                raise StageError(
                    f"quantization.skip: the model has no layer {name!r}.",
                    did_you_mean(name, layers),
                    ("quantization", "skip", i),
                )


def _names(op: Op) -> Iterator[str]:
    """The layer names an op goes by: of its results and constants, several where ops were fused."""
    constants = (t for t in op.inputs if t is not None and t.data is not None)
    for tensor in (*op.outputs, *constants):
        yield from tensor.name.split(";")


def _scopes(name: str) -> Iterator[str]:
    parts = name.split("/")
    for count in range(1, len(parts) + 1):
        yield "/".join(parts[:count])


def _within(name: str, scope: str) -> bool:
    return name == scope or name.startswith(f"{scope}/")
