"""The names of loops, and what a person calls them."""

from __future__ import annotations

import pytest

from rnnlite_pipeline.graph.loop_names import level_name, of_layer


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (f"encoder/gru/{level_name(0)}_4", "encoder/gru"),
        (f"encoder/gru/{level_name(1)}", "encoder/gru"),
        (f"encoder/gru/{level_name(0)}_body/mul", "encoder/gru/mul"),
        (f"gru/{level_name(2)}_body/{level_name(1)}_body/{level_name(0)}_3", "gru"),
        ("encoder/level/dense", "encoder/level/dense"),
        ("sea_level_0", "sea_level_0"),
        ("", ""),
    ],
)
def test_a_name_is_the_layer_s(name: str, shown: str) -> None:
    """The levels of loops are left out, and nothing else is."""
    assert of_layer(name) == shown
