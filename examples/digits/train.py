"""Trains the two Keras models that read digits; examples/README.md says when.

    python -m examples.digits.train digits-bilstm examples/digits/models

The same machine gives the same weights to the bit: one seed, deterministic kernels, one thread.
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

import re
import sys
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import tensorflow as tf

from examples.handwriting import SEED, save_arrays, training_and_test
from rnnlite_pipeline.files import FIRST_MOMENT, write_atomically, zip_bytes

EPOCHS = 40
BATCH = 64
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
    """Train one model; leave NAME.keras, and the data it is tested and calibrated on, in a folder.

    Args:
        arguments: The model's name, the folder, and optionally a number of epochs.
    """
    name, folder, *rest = arguments
    epochs = int(rest[0]) if rest else EPOCHS
    _be_deterministic()
    training, test = training_and_test()
    model = MODELS[name]()
    model.compile(
        keras.optimizers.Adam(_falling_rate(len(training.images), epochs)),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(*training, batch_size=BATCH, epochs=epochs, verbose=2)
    accuracy = model.evaluate(*test, verbose=0, return_dict=True)["accuracy"]
    print(f"accuracy on {len(test.labels)} digits never seen: {accuracy:.4f}")
    write_atomically(Path(folder, f"{name}.keras"), _saved(model))
    save_arrays(Path(folder, "digits-test.npz"), image=test.images, labels=test.labels)
    calibration = training.images[:CALIBRATION_SAMPLES]
    save_arrays(Path(folder, "digits-calibration.npz"), image=calibration)


def _be_deterministic() -> None:
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(SEED)


def _falling_rate(samples: int, epochs: int) -> keras.optimizers.schedules.CosineDecay:
    return keras.optimizers.schedules.CosineDecay(1e-2, epochs * -(-samples // BATCH))


def _saved(model: keras.Model) -> bytes:
    """A .keras file without the optimizer, and equal to the byte for equal weights.

    Keras writes the moment of saving into it, and the addresses of objects.
    """
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch, "model.keras")
        keras.Model(model.inputs, model.outputs, name=model.name).save(path)  # not compiled
        with zipfile.ZipFile(path) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
    members["metadata.json"] = re.sub(
        rb'("date_saved": )"[^"]*"', rb'\1"1980-01-01@00:00:00"', members["metadata.json"]
    )
    members["config.json"] = _renumbered(members["config.json"])
    return zip_bytes(members, FIRST_MOMENT)


def _renumbered(config: bytes) -> bytes:
    """Keras names shared objects by their address; here they count up from 1."""
    numbers: dict[bytes, int] = {}
    return re.sub(
        rb'(?<="shared_object_id": )\d+',
        lambda found: b"%d" % numbers.setdefault(found[0], len(numbers) + 1),
        config,
    )


if __name__ == "__main__":
    main(sys.argv[1:])
