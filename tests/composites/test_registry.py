"""Which composites have a converter, and whose it is."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from rnnlite_pipeline.composites import keras_lstm, lingvo
from rnnlite_pipeline.composites.registry import converter_of
from rnnlite_pipeline.errors import NotConvertible
from tests.composites.packages import NAME, install


def test_own_converters() -> None:
    """By the beginning of a Keras name, and by the names of lingvo's cells."""
    keras = converter_of("lstm_1")
    assert keras is not None
    assert (keras.package, keras.load()) == ("rnnlite", keras_lstm.convert)
    assert keras.fits(6, 5)
    assert not keras.fits(7, 5)
    cell = converter_of("LayerNormalizedLstmCellSimple")
    assert cell is not None
    assert cell.load() is lingvo.convert


@pytest.mark.parametrize("name", ["", "gru_1", "LSTM_1", "my_lstm_1", NAME])
def test_names_that_nobody_converts(name: str) -> None:
    """Capitals count, and a name within another one does not."""
    assert converter_of(name) is None


def test_a_package_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It converts what is rnnlite's own as well, and takes any number of operands."""
    install(tmp_path, monkeypatch, "adds", patterns=("lstm_mine*",))
    found = converter_of("lstm_mine_2")
    assert found is not None
    assert found.package == "acme 1.2"
    assert found.fits(1, 7)
    assert found.load().__name__ == "adds"
    other = converter_of("lstm_other")
    assert other is not None
    assert other.package == "rnnlite"


def test_a_function_without_a_name_is_no_composite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even where a package converts every name."""
    install(tmp_path, monkeypatch, "adds", patterns=("*",))
    assert converter_of("") is None
    assert converter_of("any") is not None


def test_two_packages_may_not_claim_one_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which of two packages converts a name must not depend on their order on the path."""
    installed = partial(install, tmp_path, monkeypatch)
    installed("adds")
    installed("adds", package="other")
    with pytest.raises(NotConvertible, match=r"packages acme 1\.2 and other 1\.2 both convert"):
        converter_of(NAME)


def test_two_entry_points_may_not_claim_one_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The package is named once, with both of them."""
    install(tmp_path, monkeypatch, "adds", patterns=("acme.D*", "acme.*"))
    with pytest.raises(NotConvertible, match=r'"acme\.\*" and "acme\.D\*" of .* acme 1\.2 both'):
        converter_of(NAME)
