"""The tutorial of the TensorFlow Lite LSTM ops API: two stacked layers that read digits.

    python -m examples.lstm_ops_digits.train examples/lstm_ops_digits/models

Trains in a TensorFlow 1 graph and session, under TensorFlow 2, and leaves the frozen graph and
the digits to test it on; examples/README.md says when. configs/digits-lstm-ops.yaml converts,
quantizes and verifies it.
"""

from __future__ import annotations

import os

# Read by TensorFlow when it is imported. A GPU would add nothing to so small a model.
os.environ.update(
    CUDA_VISIBLE_DEVICES="-1",
    TF_CPP_MIN_LOG_LEVEL="3",
    TF_ENABLE_ONEDNN_OPTS="0",
)

import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from examples.handwriting import SEED, Digits, save_arrays, training_and_test
from rnnlite_pipeline import lstm_ops
from rnnlite_pipeline.files import write_atomically

v1 = tf.compat.v1
v1.disable_eager_execution()
v1.logging.set_verbosity(v1.logging.ERROR)  # of its deprecations; the tutorial is of this age

NAME = "digits-lstm-ops"
EPOCHS = 25
BATCH = 64


class DigitsLstmModel:
    """LSTM layers, one over the other, and a softmax of the last step.

    Args:
        time_steps: The rows of an image.
        input_size: The pixels of a row.
        num_lstm_layer: How many layers.
        num_lstm_units: The units of each.
        num_class: How many digits there are.
    """

    def __init__(
        self,
        time_steps: int = 8,
        input_size: int = 8,
        *,
        num_lstm_layer: int = 2,
        num_lstm_units: int = 64,
        num_class: int = 10,
    ) -> None:
        self.time_steps = time_steps
        self.input_size = input_size
        self.num_lstm_layer = num_lstm_layer
        self.num_lstm_units = num_lstm_units
        self.num_class = num_class

    def build_model(self) -> tuple[Any, Any, Any]:
        """Builds the model in the default graph.

        Returns:
            The images [B, T, F], the logits and the probabilities, both [B, classes].
        """
        shape = [None, self.time_steps, self.input_size]
        x = v1.placeholder(tf.float32, shape, name="INPUT")
        cells = lstm_ops.MultiRNNCell(
            [
                lstm_ops.TFLiteLSTMCell(self.num_lstm_units, forget_bias=0)
                for _ in range(self.num_lstm_layer)
            ]
        )
        weights = v1.get_variable("out_weights", [self.num_lstm_units, self.num_class])
        bias = v1.get_variable("out_bias", [self.num_class], initializer=v1.zeros_initializer())
        rows = tf.transpose(x, [1, 0, 2])  # time-major
        outputs, _ = lstm_ops.dynamic_rnn(cells, rows, dtype="float32", time_major=True)
        logits = outputs[-1] @ weights + bias
        return x, logits, tf.nn.softmax(logits, name="OUTPUT_CLASS")


def main(arguments: Sequence[str]) -> None:
    """Train the model and leave its frozen graph and its test data in a folder.

    Args:
        arguments: The folder, and optionally a number of epochs.
    """
    folder, *rest = arguments
    training, test = training_and_test()
    with tempfile.TemporaryDirectory() as model_dir:
        checkpoint = str(Path(model_dir, "model"))
        train(checkpoint, training, epochs=int(rest[0]) if rest else EPOCHS)
        graph = export(checkpoint, test)
    write_atomically(Path(folder, f"{NAME}.pb"), graph)
    save_arrays(Path(folder, f"{NAME}-test.npz"), INPUT=test.images, labels=test.labels)


def train(checkpoint: str, data: Digits, epochs: int) -> None:
    """Trains the model, at a rate that falls to nothing, and saves its variables."""
    random.seed(SEED)  # the cells draw the seeds of their initializers from it
    with tf.Graph().as_default(), v1.Session(config=_one_thread()) as session:
        v1.set_random_seed(SEED)
        x, logits, _ = DigitsLstmModel().build_model()
        y = v1.placeholder(tf.int64, [None])
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits))
        step = v1.train.get_or_create_global_step()
        rate = v1.train.cosine_decay(1e-2, step, epochs * -(-len(data.images) // BATCH))
        optimize = v1.train.AdamOptimizer(rate).minimize(loss, global_step=step)
        session.run(v1.global_variables_initializer())
        for epoch in range(epochs):
            losses = [
                session.run([loss, optimize], {x: images, y: labels})[0]
                for images, labels in _batches(data, epoch)
            ]
            print(f"epoch {epoch + 1}: loss {np.mean(losses):.4f}")
        v1.train.Saver().save(session, checkpoint)


def export(checkpoint: str, test: Digits) -> bytes:
    """The trained model as a frozen graph; built anew, as its loop has nothing of the training.

    Args:
        checkpoint: What `train` saved.
        test: Digits never seen, to tell the accuracy.
    """
    with tf.Graph().as_default(), v1.Session(config=_one_thread()) as session:
        x, _, output_class = DigitsLstmModel().build_model()
        v1.train.Saver().restore(session, checkpoint)
        found = session.run(output_class, {x: test.images}).argmax(axis=1)
        accuracy = np.mean(found == test.labels)
        print(f"accuracy on {len(test.labels)} digits never seen: {accuracy:.4f}")
        definition = v1.graph_util.convert_variables_to_constants(
            session, session.graph.as_graph_def(), [output_class.op.name]
        )
    content: bytes = definition.SerializeToString(deterministic=True)
    return content


def _one_thread() -> Any:
    """The same machine then gives the same weights to the bit."""
    return v1.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)


def _batches(data: Digits, epoch: int) -> Iterator[Digits]:
    order = np.random.default_rng([SEED, epoch]).permutation(len(data.labels))
    for start in range(0, len(order), BATCH):
        chosen = order[start : start + BATCH]
        yield Digits(data.images[chosen], data.labels[chosen])


if __name__ == "__main__":
    main(sys.argv[1:])
