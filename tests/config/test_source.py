"""Where the model comes from: which keys a format takes."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from pydantic import ValidationError

from rnnlite_pipeline.config.source import ONLY_FOR, ORIGINS, Format, Source

PATH = {"path": "m"}
FACTORY = {"factory": "m:build"}
GRAPH = {"format": "graph_def", "path": "g.pb", "inputs": {"x": (None, 2)}, "outputs": ("y",)}


def broken(**values: Any) -> list[tuple[str, str]]:
    """The key and the message of each rule that is broken."""
    with pytest.raises(ValidationError) as caught:
        Source.model_validate(values)
    (error,) = caught.value.errors()
    return [(".".join(map(str, loc)), message) for loc, message in error["ctx"]["broken"]]


@pytest.mark.parametrize("format_", get_args(Format))
def test_a_format_is_read_from_its_origins(format_: Format) -> None:
    """From a file, from code, or from either; another origin is refused at its key."""
    more = {"inputs": {"x": (1,)}, "outputs": ("y",)} if format_ == "graph_def" else {}
    for key, origin in (("path", PATH), ("factory", FACTORY)):
        values = {"format": format_, **origin, **more}
        if key in ORIGINS[format_]:
            Source.model_validate(values)
        else:
            ((found, message),) = broken(**values)
            assert (found, message) == (
                key,
                f"format {format_} is read from {ORIGINS[format_][0]}, not from {key}",
            )


@pytest.mark.parametrize(
    ("values", "key", "said"),
    [
        ({"format": "keras"}, "", "format keras needs path or factory: where the model is"),
        ({"format": "keras", **PATH, **FACTORY}, "factory", "give path or factory, not both"),
        ({"format": "keras", **FACTORY, "sha256": "a" * 64}, "sha256", "there is no path"),
        (
            {"format": "keras", **FACTORY, "weights": "w.h5"},
            "weights",
            "give path, its JSON file",
        ),
        (GRAPH | {"inputs": {}}, "inputs", "a graph does not name them"),
        (GRAPH | {"outputs": ()}, "outputs", "a graph does not name them"),
        (GRAPH | {"constants": {"x": 1}}, "constants.x", "one or the other"),
    ],
)
def test_keys_that_do_not_suit_each_other(values: dict[str, Any], key: str, said: str) -> None:
    """One problem, at the key that is to be changed."""
    ((found, message),) = broken(**values)
    assert found == key
    assert said in message


VALUES: dict[str, Any] = {
    "signature": "serving_default",
    "outputs": ("y",),
    "custom_objects": {"A": "m:A"},
    "allow_lambda": True,
    "weights": "w.h5",
    "constants": {"k": 0},
    "cell_clip": 0.0,
}


@pytest.mark.parametrize("key", ONLY_FOR)
def test_a_key_of_some_formats_is_refused_by_the_others(key: str) -> None:
    """A cell clip of 0 is set, as every number is."""
    other = next(f for f in ("tflite", "saved_model") if f not in ONLY_FOR[key])
    ((found, message),) = broken(format=other, **PATH, **{key: VALUES[key]})
    assert found == key
    assert message == f"only for format {' or '.join(ONLY_FOR[key])}, not {other}"


def test_an_empty_key_says_nothing() -> None:
    """As if it were left out, for any format."""
    empty = {"outputs": (), "custom_objects": {}, "allow_lambda": False, "constants": {}}
    Source.model_validate({"format": "tflite", **PATH, **empty})


@pytest.mark.parametrize("reference", ["m", "m:", ":b", "m:b:c", "m.:b", "1m:b", "m:b()", "m :b"])
def test_a_factory_is_a_module_and_a_name(reference: str) -> None:
    """Anything else is refused before it is imported."""
    with pytest.raises(ValidationError, match="module:name"):
        Source.model_validate({"format": "jax", "factory": reference})


@pytest.mark.parametrize("reference", ["m:b", "_m.n2:A.b", "mé:b"])
def test_names_of_python_are_taken(reference: str) -> None:
    """Dotted on either side."""
    assert Source.model_validate({"format": "jax", "factory": reference}).factory == reference


@pytest.mark.parametrize("size", [0, -1, 2**31, 1.5, True])
def test_a_dimension_is_open_or_at_least_1(size: Any) -> None:
    """And fits into what a .tflite file can hold."""
    with pytest.raises(ValidationError):
        Source.model_validate({"format": "keras", **PATH, "inputs": {"x": (size,)}})
    Source.model_validate({"format": "keras", **PATH, "inputs": {"x": (None, 2**31 - 1), "s": ()}})


@pytest.mark.parametrize("value", [True, 3, 0.5, (1, 2), (True, 0.5), ()])
def test_a_constant_is_a_number_or_a_list(value: Any) -> None:
    """A truth value stays one."""
    source = Source.model_validate({"format": "saved_model", **PATH, "constants": {"k": value}})
    assert source.constants["k"] == value
    assert type(source.constants["k"]) is type(value)


@pytest.mark.parametrize("value", ["text", float("nan"), None, ((1,),)])
def test_other_constants_are_refused(value: Any) -> None:
    """A placeholder of text or of rows cannot be given in a config."""
    with pytest.raises(ValidationError):
        Source.model_validate({"format": "saved_model", **PATH, "constants": {"k": value}})


@pytest.mark.parametrize("pin", ["a" * 63, "a" * 65, "g" * 64, " " + "a" * 63])
def test_a_pin_is_64_hexadecimal_digits(pin: str) -> None:
    """In either case."""
    with pytest.raises(ValidationError, match="64 hexadecimal digits"):
        Source.model_validate({"format": "keras", **PATH, "sha256": pin})
    Source.model_validate({"format": "keras", **PATH, "sha256": "Ab" * 32})


def test_every_format_has_its_origins() -> None:
    """And every key of some formats names formats that there are."""
    assert set(ORIGINS) == set(get_args(Format))
    assert {each for formats in ONLY_FOR.values() for each in formats} <= set(ORIGINS)
    assert set(VALUES) == set(ONLY_FOR) <= set(Source.model_fields)
