"""Whether the model has the layers that a config names, as far as `validate` can know."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from rnnlite_pipeline.config.declared import Declared
from rnnlite_pipeline.config.document import Loc
from rnnlite_pipeline.config.model import Config

#: What TensorFlow writes as `_` in the name of a scope.
_REPLACED = re.compile(r"[^A-Za-z0-9_.\-/]")


def wrong_layers(config: Config, known: Declared) -> Iterator[tuple[Loc, str]]:
    """The names in `quantization.skip` that are certainly no layer's.

    1. After an import, a name has to stand in the name of a tensor, with all that is between its
       slashes.
    2. Before it, one of the parts between its slashes has to be the name of a layer.

    The conversion knows the ops that are left, and is stricter (quantize/skip.py).

    Args:
        config: The config.
        known: What is known of the model; the names of its layers may be unknown.
    """
    names = {_REPLACED.sub("_", name) for name in known.layers}
    for i, name in enumerate(config.quantization.skip):
        asked = _REPLACED.sub("_", name)
        found = _within(asked, names) if known.imported else not names.isdisjoint(asked.split("/"))
        if names and not found:
            near = get_close_matches(name, sorted(_parts(known.layers)), n=1)
            hint = f"Did you mean {near[0]}?" if near else "`rnnlite inspect` lists its layers."
            yield ("quantization", "skip", i), f"the model has no layer `{name}`. {hint}"


def _within(asked: str, names: Iterable[str]) -> bool:
    return any(f"/{asked}/" in f"/{name}/" for name in names)


def _parts(names: Iterable[str]) -> set[str]:
    return {part for name in names if not name.startswith("arith.") for part in name.split("/")}
