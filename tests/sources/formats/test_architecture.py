"""Architectures as text: JSON, and the YAML of Keras 1 and 2."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnlite_pipeline.sources.formats.architecture import is_architecture, parsed


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ('{"class_name": "Sequential"}', True),
        ("backend: tensorflow\nclass_name: Sequential\n", True),
        ("class_name: Sequential\n", True),
        ("\"backend: !!python/unicode 'tensorflow'\\n\"", True),
        ("name: digits\nsource: {format: keras}\n", False),
        ("", False),
    ],
)
def test_what_begins_as_an_architecture(tmp_path: Path, text: str, known: bool) -> None:
    """A config of rnnlite is none, though it is YAML as well."""
    path = tmp_path / "model.yaml"
    path.write_text(text)
    assert is_architecture(path) is known


def test_yaml_is_read_with_the_tags_that_keras_wrote(tmp_path: Path) -> None:
    """A tuple is a list, and a text of Python 2 a text."""
    path = tmp_path / "model.yaml"
    path.write_text("class_name: !!python/unicode 'LSTM'\nshape: !!python/tuple [null, 3]\n")
    assert parsed(path) == {"class_name": "LSTM", "shape": [None, 3]}


@pytest.mark.parametrize(
    "text",
    [
        "class_name: !!python/object/apply:os.getcwd []\n",
        "class_name: [\n",
        "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
        + "".join(
            f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]\n"
            for a, b in zip("abcdef", "bcdefg", strict=True)
        ),
        "class_name: &a [*a]\n",
    ],
)
def test_what_yaml_must_not_do_is_refused(tmp_path: Path, text: str) -> None:
    """Run code, be cut short, repeat its parts a million times, or hold itself."""
    path = tmp_path / "model.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=r".+"):
        parsed(path)
