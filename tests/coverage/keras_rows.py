"""Rows of the coverage table from Keras 3 and tf-keras: files, and exports as SavedModels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from rnnlite_pipeline.toolchain import load
from tests.coverage.row import BI_LSTM, BI_RNN, GRU, LOOP, LSTM, RNN, Row, opened

#: Layers by the cell's name, given the framework's `layers`; what they become; why a loop.
LAYERS: tuple[tuple[str, Callable[[Any], Any], tuple[str, ...], str], ...] = (
    ("LSTM", lambda k: k.LSTM(5, return_sequences=True), (LSTM,), ""),
    ("LSTM, last output and states", lambda k: k.LSTM(5, return_state=True), (LSTM,), ""),
    ("LSTM, backward", lambda k: k.LSTM(5, go_backwards=True), (LSTM,), ""),
    ("LSTM, unrolled", lambda k: k.LSTM(5, unroll=True), (LSTM,), ""),
    ("LSTM, dropout", lambda k: k.LSTM(5, dropout=0.2, recurrent_dropout=0.2), (LSTM,), ""),
    ("LSTM, relu", lambda k: k.LSTM(5, activation="relu"), (LSTM,), ""),
    (
        "LSTM, hard sigmoid",
        lambda k: k.LSTM(5, recurrent_activation="hard_sigmoid"),
        (LOOP,),
        "relu",
    ),
    ("Bidirectional(LSTM)", lambda k: k.Bidirectional(k.LSTM(5)), (BI_LSTM, BI_LSTM), ""),
    ("GRU, reset after", lambda k: k.GRU(5, return_sequences=True), (LOOP,), GRU),
    ("GRU, reset before", lambda k: k.GRU(5, reset_after=False), (LOOP,), GRU),
    ("Bidirectional(GRU)", lambda k: k.Bidirectional(k.GRU(5)), (LOOP, LOOP), GRU),
    ("SimpleRNN", lambda k: k.SimpleRNN(5, return_sequences=True), (RNN,), ""),
    ("Bidirectional(SimpleRNN)", lambda k: k.Bidirectional(k.SimpleRNN(5)), (BI_RNN, BI_RNN), ""),
    ("RNN(LSTMCell)", lambda k: k.RNN(k.LSTMCell(5)), (LSTM,), ""),
    (
        "RNN of stacked LSTM cells",
        lambda k: k.RNN(k.StackedRNNCells([k.LSTMCell(5), k.LSTMCell(4)])),
        (LSTM, LSTM),
        "",
    ),
)


def masked(k: Any) -> Any:
    """A layer after Masking."""
    return load("keras").Sequential([k.Masking(0.0), k.LSTM(5)])


def keras_rows() -> Iterator[Row]:
    """Keras 3: a `.keras` file, and a SavedModel of `model.export`."""
    for cell, make, ops, reason in LAYERS:
        yield Row("Keras 3, .keras", cell, _keras(make), ops, reason)
    yield Row("Keras 3, .keras", "LSTM, masked", _keras(masked), (LOOP,), "a mask decides")
    yield Row("Keras 3, .keras", "ConvLSTM1D", _conv_lstm, (LOOP,), "of rank 4")
    for cell, make, ops, reason in (LAYERS[0], LAYERS[7], LAYERS[8], LAYERS[11]):
        yield Row("Keras 3, SavedModel", cell, _keras(make, export=True), ops, reason)


def tf_keras_rows() -> Iterator[Row]:
    """tf-keras: an H5 file."""
    for cell, make, ops, reason in LAYERS:
        yield Row("tf-keras, .h5", cell, _tf_keras(make), ops, reason)
    yield Row(
        "tf-keras, .h5",
        "LSTM, time-major",
        _tf_keras(lambda k: k.LSTM(5, return_sequences=True, time_major=True)),
        (LSTM,),
        time_major=True,
    )


def _keras(make: Callable[[Any], Any], export: bool = False) -> Callable[[Path], Any]:
    def build(folder: Path) -> Any:
        keras = load("keras")
        x = keras.Input((6, 3), name="x")
        return _saved(keras, keras.Model(x, make(keras.layers)(x)), folder, export)

    return build


def _conv_lstm(folder: Path) -> Any:
    keras = load("keras")
    x = keras.Input((6, 7, 3), name="x")
    model = keras.Model(x, keras.layers.ConvLSTM1D(4, 3)(x))
    return _saved(keras, model, folder, export=False)


def _saved(keras: Any, model: Any, folder: Path, export: bool) -> Any:
    _randomize(model)
    path = folder / ("exported" if export else "model.keras")
    if export:
        model.export(path, verbose=False)
    else:
        model.save(path)
    keras.backend.clear_session()
    return opened("saved_model" if export else "keras", path)


def _tf_keras(make: Callable[[Any], Any]) -> Callable[[Path], Any]:
    def build(folder: Path) -> Any:
        keras = load("tf_keras")
        keras.backend.clear_session()
        x = keras.Input((6, 3), name="x")
        model = keras.Model(x, make(keras.layers)(x))
        _randomize(model)
        model.save(folder / "model.h5")
        return opened("h5", folder / "model.h5")

    return build


def _randomize(model: Any) -> None:
    random = np.random.default_rng(0)
    for weight in model.weights:
        if "float" in str(weight.dtype):
            weight.assign(random.normal(0.0, 0.4, weight.shape))
