"""Which names of layers are certainly wrong."""

from __future__ import annotations

import pytest

from rnnlite_pipeline.config.declared import Declared
from rnnlite_pipeline.config.layers import wrong_layers
from rnnlite_pipeline.config.model import Config

KERAS = frozenset({"x", "both", "forward_gru", "last layer", "gru_cell"})
TENSORS = frozenset(
    {"m/both/forward_gru/while", "m/both/forward_gru/MatMul", "m/last_layer/add", "arith.constant"}
)


def _wrong(name: str, layers: frozenset[str], *, imported: bool) -> list[str]:
    config = Config.model_validate(
        {
            "name": "m",
            "source": {"format": "keras", "path": "m.keras"},
            "quantization": {"scheme": "dynamic_range", "skip": (name,)},
        }
    )
    known = Declared({}, {}, layers, "m.keras", imported)
    found = list(wrong_layers(config, known))
    assert all(loc == ("quantization", "skip", 0) for loc, _ in found)
    return [message for _, message in found]


@pytest.mark.parametrize("name", ["both", "both/forward_gru/MatMul", "m/both", "last layer"])
@pytest.mark.parametrize(("layers", "imported"), [(KERAS, False), (TENSORS, True), ((), False)])
def test_names_that_may_be_right(name: str, layers: frozenset[str], imported: bool) -> None:
    """Of a layer, of an op in one, with a scope in front, as TensorFlow writes it; or not known."""
    assert _wrong(name, frozenset(layers), imported=imported) == []


@pytest.mark.parametrize("name", ["bot", "both2", "forward/gru"])
@pytest.mark.parametrize(("layers", "imported"), [(KERAS, False), (TENSORS, True)])
def test_names_that_are_wrong(name: str, layers: frozenset[str], imported: bool) -> None:
    """A part of a word is none."""
    (message,) = _wrong(name, layers, imported=imported)
    assert message.startswith(f"the model has no layer `{name}`.")


def test_after_an_import_the_parts_stand_together() -> None:
    """`both/MatMul` leaves out a scope: before the import nobody knows."""
    assert _wrong("both/MatMul", KERAS, imported=False) == []
    (message,) = _wrong("both/MatMul", TENSORS, imported=True)
    assert message.startswith("the model has no layer `both/MatMul`. Did you mean ")


def test_the_layers_can_be_looked_up() -> None:
    """Where no name is close."""
    (message,) = _wrong("zzz", KERAS, imported=False)
    assert message == "the model has no layer `zzz`. `rnnlite inspect` lists its layers."
