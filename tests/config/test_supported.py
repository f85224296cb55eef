"""What this version cannot do yet is refused, never ignored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rnnlite_pipeline.config import check_supported, load_config
from rnnlite_pipeline.errors import ConfigError

Write = Callable[[str], Path]

HEAD = "name: m\nsource: {format: keras, path: m.keras}\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{HEAD}converter: {{select_tf_ops: true}}\n", "3:28: converter.select_tf_ops: true is"),
        (f"{HEAD}converter: {{allow_custom_ops: true}}\n", "3:31: converter.allow_custom_ops: tr"),
    ],
)
def test_what_is_not_built_yet_is_refused_at_its_place(write: Write, text: str, said: str) -> None:
    """The key is named with line and column, and the sentence says what works today."""
    config = load_config(write(text))
    with pytest.raises(ConfigError) as caught:
        check_supported(config)
    (problem,) = caught.value.problems
    assert problem.startswith(said)
    assert "today" in problem


def test_all_that_is_not_built_yet_is_told_at_once(write: Write) -> None:
    """Two such keys give two problems, in the order of the file."""
    text = f"{HEAD}converter:\n  select_tf_ops: true\n  allow_custom_ops: true\n"
    with pytest.raises(ConfigError) as caught:
        check_supported(load_config(write(text)))
    assert [problem.line for problem in caught.value.details] == [4, 5]


def test_what_works_today_passes(write: Write) -> None:
    """Pinned inputs, both layouts, both groupings, a reset state and fused ops are no limit."""
    text = (
        "name: m\nsource: {format: keras, path: a, inputs: {x: [null, 8]}, allow_lambda: true}\n"
        "recurrent: {time_major: true, bidirectional: split, state: reset, lowering: fused}\n"
    )
    check_supported(load_config(write(text)))
