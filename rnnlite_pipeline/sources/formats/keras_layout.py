"""Weights in `.keras` files as Keras 2.12 and 2.13 wrote them, under the names of today.

These store a model's layers as `_layer_checkpoint_dependencies`, tf-keras and Keras 3 as `layers`.
Both name a layer by its class, and number those of one class. The old ones count a layer that has
weights twice: lstm, lstm_2, lstm_4 (keras 2.13, saving_lib.py, _save_container_state, and
functional.py, _layer_checkpoint_dependencies).

Rules:
    1. At each level a group of the old name has the new one, if there is none of the new name.
    2. In it, the layers of a class are numbered without gaps, in their order.
"""

from __future__ import annotations

import contextlib
import io
import re
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rnnlite_pipeline.toolchain import load

_OLD, _NEW, _WEIGHTS = "_layer_checkpoint_dependencies", "layers", "model.weights.h5"


@contextlib.contextmanager
def with_layers(path: Path) -> Iterator[Path]:
    """A `.keras` file that today's tf-keras can load: itself, or a copy with other names."""
    with zipfile.ZipFile(path) as archive:
        if not _is_old(archive):
            yield path
            return
        content = io.BytesIO(archive.read(_WEIGHTS))
        with load("h5py").File(content, "r+") as file:
            _rename(file)
        with tempfile.TemporaryDirectory() as folder:
            copied = Path(folder) / path.with_suffix(".keras").name
            with zipfile.ZipFile(copied, "w") as other:
                for entry in archive.infolist():
                    own = entry.filename == _WEIGHTS
                    other.writestr(entry, content.getvalue() if own else archive.read(entry))
            yield copied


def _is_old(archive: zipfile.ZipFile) -> bool:
    """Whether a group of the weights has the old name; the weights themselves are not read."""
    with archive.open(_WEIGHTS) as member, load("h5py").File(member, "r") as file:
        return any(_OLD in group and _NEW not in group for group in _groups(file))


def _groups(group: Any) -> Iterator[Any]:
    """A group, and those in it that are not links."""
    yield group
    h5py = load("h5py")
    for name in group:
        if isinstance(group.get(name, getlink=True), h5py.HardLink):
            member = group[name]
            if isinstance(member, h5py.Group):
                yield from _groups(member)


def _rename(file: Any) -> None:
    """Applies the rules."""
    for group in _groups(file):
        if _OLD in group and _NEW not in group:
            group.move(_OLD, _NEW)  # rule 1
            _number(group[_NEW])


def _number(layers: Any) -> None:
    """Rule 2."""
    by_class: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for name in layers:
        kind, number = re.fullmatch(r"(.*?)(?:_(\d+))?", name, re.DOTALL).groups()  # type: ignore[union-attr]
        by_class[kind].append((int(number or 0), name))
    for kind, found in by_class.items():
        for place, (_, name) in enumerate(sorted(found)):
            new = f"{kind}_{place}" if place else kind
            if new != name:
                layers.move(name, new)
