"""The schema as it is reflected."""

from __future__ import annotations

from ai_edge_litert import schema_py_generated as tfl

from rnnlite_pipeline.graph import schema


def test_the_schema_is_read_off_completely() -> None:
    """The reflected fields of every table are those of the generated object API, in order."""
    names = [n for n in vars(tfl) if hasattr(tfl, f"{n}Start") and hasattr(tfl, f"{n}T")]

    assert len(names) > 150
    for name in names:
        expected = [
            schema.snake_case(f[0].upper() + f[1:]) for f in vars(getattr(tfl, f"{name}T")())
        ]
        assert [f.name for f in schema.table(name).fields] == expected
