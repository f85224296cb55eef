"""The architecture of a Keras model as text: JSON, or the YAML that Keras 1 and 2 wrote too.

Rules:
    1. Of YAML's tags for Python objects, tuples and texts are read; any other is refused.
    2. YAML can name a part and repeat it by its name. A text that is much larger than its file once
       its parts are repeated is refused.
    3. A YAML file that holds one text holds the YAML in it: yaml.dump(model.to_yaml()) wrote it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from rnnlite_pipeline.config.headers.kinds import begins_architecture
from rnnlite_pipeline.sources.formats.keras_archive import LARGEST_CONFIG

#: The objects of an architecture: more have parts that repeat parts (rule 2).
MOST = 10**6


class _Loader(yaml.SafeLoader):
    """Rule 1."""


def _list(loader: Any, node: Any) -> Any:
    return loader.construct_sequence(node, deep=True)


def _text(loader: Any, node: Any) -> Any:
    return loader.construct_scalar(node)


_Loader.add_constructor("tag:yaml.org,2002:python/tuple", _list)
_Loader.add_constructor("tag:yaml.org,2002:python/unicode", _text)


def is_architecture(path: Path) -> bool:
    """Whether a file begins as an architecture does, or is called so."""
    try:
        with path.open("rb") as file:
            return begins_architecture(file.read(64))
    except OSError:
        return path.suffix == ".json"


def parsed(path: Path) -> Any:
    """What a file says, as JSON has it.

    Raises:
        OSError: It cannot be read.
        ValueError: It is neither JSON nor YAML that the rules allow.
        RecursionError: It is nested too deeply.
    """
    content = path.read_bytes()
    if len(content) > LARGEST_CONFIG:
        raise ValueError(f"it has {len(content):,} bytes")
    if content.lstrip()[:1] == b"{":
        return json.loads(content)
    try:
        value = yaml.load(content, _Loader)
        value = yaml.load(value, _Loader) if isinstance(value, str) else value
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
    if _objects(value, {}) > MOST:
        raise ValueError(f"it has more than {MOST:,} objects once its parts are repeated")
    return value


def _objects(value: Any, known: dict[int, int]) -> int:
    """How many objects a value holds, with each repeated part as often as it is repeated."""
    if not isinstance(value, (dict, list)):
        return 1
    if id(value) not in known:
        known[id(value)] = MOST + 1  # a part of itself
        parts = value.values() if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(_objects(each, known) for each in parts)
    return known[id(value)]
