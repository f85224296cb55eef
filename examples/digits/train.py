"""Trains the two example models on the digits that come with scikit-learn.

    python examples/digits/train.py digits-bilstm examples/digits/models

A digit is 8 rows of 8 pixels, and the rows are read as a sequence. The same machine gives the same
weights to the bit: one seed, deterministic kernels, one thread.
"""

from __future__ import annotations

import os

# Read by TensorFlow when it is imported. A GPU would add nothing to so small a model.
os.environ.update(
    CUDA_VISIBLE_DEVICES="-1",
    KERAS_BACKEND="tensorflow",
    TF_CPP_MIN_LOG_LEVEL="3",
    TF_ENABLE_ONEDNN_OPTS="0",
)

import io
import re
import sys
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from sklearn.datasets import load_digits

Array = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]

SEED = 7
EPOCHS = 40
BATCH = 64
TEST_SAMPLES = 360
CALIBRATION_SAMPLES = 400


def digits_bilstm() -> keras.Model:
    """Reads the rows from both ends at once: image [B, 8, 8] to probabilities [B, 10]."""
    image = keras.Input((8, 8), name="image")
    noisy = keras.layers.GaussianNoise(0.15, name="noise")(image)
    rows = keras.layers.Bidirectional(keras.layers.LSTM(64), name="rows")(noisy)
    kept = keras.layers.Dropout(0.4, name="dropout")(rows)
    classes = keras.layers.Dense(10, activation="softmax", name="probabilities")(kept)
    return keras.Model(image, classes, name="digits_bilstm")


def digits_stacked() -> keras.Model:
    """Two LSTMs, one over the other: image [B, 8, 8] to probabilities [B, 10]."""
    image = keras.Input((8, 8), name="image")
    noisy = keras.layers.GaussianNoise(0.15, name="noise")(image)
    strokes = keras.layers.LSTM(64, return_sequences=True, name="strokes")(noisy)
    shape = keras.layers.LSTM(64, name="shape")(strokes)
    kept = keras.layers.Dropout(0.4, name="dropout")(shape)
    classes = keras.layers.Dense(10, activation="softmax", name="probabilities")(kept)
    return keras.Model(image, classes, name="digits_stacked")


MODELS: dict[str, Callable[[], keras.Model]] = {
    "digits-bilstm": digits_bilstm,
    "digits-stacked": digits_stacked,
}


def main(arguments: Sequence[str]) -> None:
    """Train one model and leave NAME.keras and NAME-test.npz in a folder.

    Args:
        arguments: The model's name, the folder, and optionally a number of epochs.
    """
    name, folder, *rest = arguments
    epochs = int(rest[0]) if rest else EPOCHS
    _be_deterministic()
    (images, labels), test = _data()
    model = MODELS[name]()
    model.compile(
        keras.optimizers.Adam(_falling_rate(len(images), epochs)),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(images, labels, batch_size=BATCH, epochs=epochs, verbose=2)
    accuracy = model.evaluate(*test, verbose=0, return_dict=True)["accuracy"]
    print(f"accuracy on {len(test[1])} digits never seen: {accuracy:.4f}")
    _save(model, test, images[:CALIBRATION_SAMPLES], name, Path(folder))


def _be_deterministic() -> None:
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(SEED)


def _falling_rate(samples: int, epochs: int) -> keras.optimizers.schedules.CosineDecay:
    return keras.optimizers.schedules.CosineDecay(1e-2, epochs * -(-samples // BATCH))


def _data() -> tuple[tuple[Array, Labels], tuple[Array, Labels]]:
    """Training and test digits, images [N, 8, 8] from 0 to 1, by one fixed shuffle."""
    digits = load_digits()
    order = np.random.default_rng(SEED).permutation(len(digits.target))
    images = (digits.images[order] / 16.0).astype(np.float32)
    labels = digits.target[order].astype(np.int64)
    split = len(labels) - TEST_SAMPLES
    return (images[:split], labels[:split]), (images[split:], labels[split:])


def _save(
    model: keras.Model, test: tuple[Array, Labels], calibration: Array, name: str, folder: Path
) -> None:
    """Leave each file whole, and equal to the byte for equal weights."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        saved = Path(scratch, "model.keras")
        keras.Model(model.inputs, model.outputs, name=model.name).save(saved)  # no optimizer
        _write(folder / f"{name}.keras", _reproducible(saved.read_bytes()))
    _write_arrays(folder / f"{name}-test.npz", image=test[0], labels=test[1])
    _write_arrays(folder / f"{name}-calibration.npz", image=calibration)


def _write_arrays(path: Path, **arrays: npt.NDArray[np.generic]) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    _write(path, _reproducible(buffer.getvalue()))


def _reproducible(archive: bytes) -> bytes:
    """The same zip without the moment it was saved at, and without addresses of objects."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(archive)) as source,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as target,
    ):
        for name in source.namelist():
            content = source.read(name)
            if name == "metadata.json":
                content = re.sub(rb'("date_saved": )"[^"]*"', rb'\1"1980-01-01@00:00:00"', content)
            if name == "config.json":
                content = _renumbered(content)
            target.writestr(zipfile.ZipInfo(name), content)
    return buffer.getvalue()


def _renumbered(config: bytes) -> bytes:
    """Keras names shared objects by their address; here they count up from 1."""
    numbers: dict[bytes, int] = {}
    return re.sub(
        rb'(?<="shared_object_id": )\d+',
        lambda found: b"%d" % numbers.setdefault(found[0], len(numbers) + 1),
        config,
    )


def _write(path: Path, content: bytes) -> None:
    beside = path.with_name(f".{path.name}")
    beside.write_bytes(content)
    beside.replace(path)


if __name__ == "__main__":
    main(sys.argv[1:])
