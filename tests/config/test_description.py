"""The rules of `metadata:` and `package:`."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from rnnlite_pipeline.config.description import Metadata, Package


def broken(model: Any, values: dict[str, Any]) -> list[tuple[object, str]]:
    """The rules that values break: key and message; empty where they break none."""
    try:
        model.model_validate(values)
    except ValidationError as error:
        rules = [each for each in error.errors() if "broken" in each.get("ctx", {})]
        return [(key, said) for each in rules for key, said in each["ctx"]["broken"]]
    return []


def tensor(**values: Any) -> dict[str, Any]:
    """Metadata of one input."""
    return {"inputs": ({"name": "x", **values},)}


@pytest.mark.parametrize(
    ("values", "key", "said"),
    [
        (tensor(normalization={"mean": (0.0, 1.0), "std": (1.0,)}), ("std",), "mean has 2 values"),
        (tensor(range=(1.0, 1.0)), ("range",), "expected [smallest, largest]"),
        (tensor(content={"kind": "audio"}), ("kind",), "audio needs sample_rate"),
        (tensor(content={"kind": "image", "channels": 1}), ("channels",), "only for kind audio"),
        (
            tensor(content={"kind": "feature", "color_space": "rgb"}),
            ("color_space",),
            "only for kind image, not feature",
        ),
        ({"outputs": ({"name": "y"}, {"name": "y"})}, ("outputs", 1, "name"), "described twice"),
    ],
)
def test_keys_that_do_not_go_together(values: dict[str, Any], key: object, said: str) -> None:
    """The key that is wrong, and why."""
    ((found, message),) = broken(Metadata, values)
    assert found == key
    assert said in message


@pytest.mark.parametrize(
    "values",
    [
        tensor(normalization={"mean": (0.0, 1.0), "std": (1.0, 2.0)}),
        tensor(range=(0.0, 1.0)),
        tensor(content={"kind": "audio", "sample_rate": 16000, "channels": 2}),
        tensor(content={"kind": "image", "color_space": "grayscale"}),
        {"inputs": ({"name": "x"},), "outputs": ({"name": "x"},)},
    ],
)
def test_keys_that_go_together(values: dict[str, Any]) -> None:
    """An input and an output may have one name."""
    Metadata.model_validate(values)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("a/b.txt", ""),
        ("a", ""),
        ("/a", "below this file's folder"),
        ("C:a", "below this file's folder"),
        ("a\\b", "written with /"),
        ("a/../b", r"without `\.\.`"),
        (".", "a file, not the folder itself"),
        ("./a", "the plain form, a"),
        ("a//b/", "the plain form, a/b"),
    ],
)
def test_a_file_of_the_release_is_below_the_config(path: str, said: str) -> None:
    """In one form, so that two entries are not one file."""
    if not said:
        assert Package(include=(path,)).include == (path,)
        return
    with pytest.raises(ValidationError, match=said):
        Package(include=(path,))
