"""Whatever the file holds, the answer is a config or an error a user can read."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from rnnlite_pipeline.config import Config, load_config
from rnnlite_pipeline.errors import ConfigError

GOOD = """\
name: m
version: 1.0.0
source: {format: keras, path: m.keras, inputs: {x: [null, 8]}}
recurrent: {time_major: keep}
quantization:
  scheme: int8
  calibration: {path: c.npz, samples: 5}
verification: {data: {random: {samples: 3}}, max_abs_error: 1e-5}
metadata: {inputs: [{name: x, range: [0, 1]}]}
annotations: {a: &b "text", c: *b}
"""
LINES = GOOD.splitlines(keepends=True)

_SIGNS = ("{", "}", "[", "]", ": ", "- ", "&b ", "*b ", "!!str ", "<<: ", "'", '"', "#", "%", "? ")
_WORDS = ("0", "-1", "1e999", ".nan", "~", "true", "\t", "\n", "  ", "\0", "\x85", "---\n")
_SNIPPETS = st.sampled_from(_SIGNS + _WORDS)
_EDIT = st.tuples(
    st.integers(0, len(GOOD)), st.integers(0, 8), st.one_of(_SNIPPETS, st.text(max_size=5))
)


def _load(data: bytes) -> Config | ConfigError:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.yaml"
        path.write_bytes(data)
        try:
            return load_config(path)
        except ConfigError as error:
            return error


def _is_readable(answer: Config | ConfigError) -> bool:
    if isinstance(answer, Config):
        return bool(answer.normalized())
    str(answer).encode()  # no half surrogate, which no terminal takes
    return bool(answer.details) and all(p.line >= 1 <= p.column for p in answer.details)


@settings(max_examples=150, deadline=None)
@given(st.lists(_EDIT, min_size=1, max_size=4))
def test_a_config_changed_at_random_is_a_config_or_an_error(
    edits: list[tuple[int, int, str]],
) -> None:
    """No change of a good config gives a traceback; every error has a place."""
    text = GOOD
    for start, length, snippet in edits:
        text = text[:start] + snippet + text[start + length :]
    assert _is_readable(_load(text.encode("utf-8", "surrogatepass")))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(LINES), max_size=20))
@example([])
def test_lines_in_any_order_are_a_config_or_an_error(lines: list[str]) -> None:
    """Lines left out, doubled and moved give a config or an error, never a traceback."""
    assert _is_readable(_load("".join(lines).encode()))


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=64))
def test_any_bytes_are_an_error(data: bytes) -> None:
    """A file of any bytes is refused with a place."""
    answer = _load(data)
    assert isinstance(answer, ConfigError)
    assert _is_readable(answer)
