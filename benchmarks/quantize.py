"""Quantization beside the stock converter's: the noise each scheme leaves in an LSTM's output.

    PYTHONPATH=. python benchmarks/quantize.py

The stock converter can quantize tf-keras models with a closed batch only. The same weights become
a model of both, and both are held to tf-keras itself: signal to noise in dB, more is better, on
samples that were not calibrated on, in one interpreter as an application keeps it. The stock
model's state leaks from call to call, so it also runs in a new interpreter a call. Then what only
rnnlite quantizes, held to its own float model. Needs the package tf-keras.
"""

from __future__ import annotations

import copy
import os

os.environ.update(CUDA_VISIBLE_DEVICES="-1", TF_CPP_MIN_LOG_LEVEL="3", TF_ENABLE_ONEDNN_OPTS="0")

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf  # noqa: TID251  # it is the stock converter that is measured
import tf_keras  # noqa: TID251  # as above
from numpy.typing import NDArray

from benchmarks.peers.cases import cell
from rnnlite_pipeline.cells.gate import Gate
from rnnlite_pipeline.cells.lstm import Lstm
from rnnlite_pipeline.cells.recurrence import BIDIRECTIONAL, RECURRENCE, Recurrence
from rnnlite_pipeline.cells.simple_rnn import SimpleRnn
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower import lower
from rnnlite_pipeline.quantize.dynamic_range import dynamic_range
from rnnlite_pipeline.quantize.float16 import float16
from rnnlite_pipeline.quantize.full_integer import rewrite
from rnnlite_pipeline.quantize.ranges import measure
from rnnlite_pipeline.quantize.skip import Skip
from rnnlite_pipeline.runtimes.interpreter import Runner

Array = NDArray[np.float32]
SCHEMES = ("float16", "dynamic_range", "int8")
#: T steps, F features, H units.
SIZES = ((28, 28, 64), (100, 40, 128), (20, 8, 12))
CALIBRATION, TEST = 100, 20


def samples(steps: int, features: int, count: int, seed: int) -> Array:
    """Slowly varying sequences [N, T, F], as speech and sensors give them."""
    rng = np.random.default_rng(seed)
    return np.cumsum(rng.normal(0, 0.3, (count, steps, features)), 1).astype(np.float32)


def stock(model: Any, scheme: str, data: Array) -> bytes | str:
    """The stock converter's model, or what it says."""
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if scheme == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if scheme == "int8":
        converter.representative_dataset = lambda: ([row[None]] for row in data)
    try:
        return bytes(converter.convert())
    except Exception as error:  # noqa: BLE001  # whatever the converter raises is its result
        return type(error).__name__


def graph_of(cells: list[Any], steps: int, scheme: str = "none") -> Model:
    """One recurrence, or a forward and a backward one, lowered, with an open batch.

    Integers are computed in loops where no fused op has them (`lower`).
    """
    layers = [Recurrence(f"layer{k}", c, k > 0, False) for k, c in enumerate(cells)]
    x = Tensor("x", "FLOAT32", (OPEN, steps, cells[0].features))
    results = [
        Tensor(f"{layer.name}_{k}", "FLOAT32", shape)
        for layer in layers
        for k, shape in enumerate(_shapes(layer, steps))
    ]
    names = ["recurrence"] if len(cells) == 1 else ["forward", "backward"]
    code = RECURRENCE if len(cells) == 1 else BIDIRECTIONAL
    states = [None] * sum(len(cell.states) for cell in cells)
    options = dict(zip(names, layers, strict=True))
    outputs = [t for t in results if t.name.endswith("_0")]
    main = Subgraph("main", [x], outputs, [Op(code, [x, *states], results, options)])
    named = {t.name: t for t in outputs}
    model = Model([main], [Signature("serving_default", main, {"x": x}, named)])
    lower(model, integers=scheme == "int8")
    return model


def _shapes(layer: Recurrence, steps: int) -> Iterator[tuple[int, ...]]:
    widths = layer.cell.states
    yield (OPEN, steps, widths[0])
    yield from ((OPEN, width) for width in widths)


def lstm_of(layer: Any) -> Lstm:
    """The cell of a tf-keras LSTM: kernels [F, 4H] and [H, 4H], gates i, f, c, o."""
    parts = zip(*(np.split(w.numpy(), 4, -1) for w in layer.weights), strict=True)
    return Lstm(*(Gate(kernel.T, recurrent.T, bias) for kernel, recurrent, bias in parts))


def ours(model: Model, scheme: str, data: Array) -> bytes:
    """The model by a scheme, as a file."""
    made = copy.deepcopy(model)
    if scheme == "int8":
        feeds = ({"x": data[k : k + 20]} for k in range(0, len(data), 20))
        rewrite(made, scheme, measure(made, feeds), Skip())
    else:
        {"float16": float16, "dynamic_range": dynamic_range}[scheme](made, Skip())
    return write_model(made)


def db(content: bytes | str, data: Array, expected: Array, *, anew: bool = False) -> str:
    """The ratio over one sample a call, each in an interpreter of its own if `anew`; the size."""
    if isinstance(content, str):
        return f"{content:>16}"
    kept = Runner(content)
    name, results = next(iter(kept.inputs)), []
    for row in data:
        runner = Runner(content) if anew else kept
        results.append(np.concatenate([*runner.run({name: row[None]}).values()], -1))
    noise = np.sum((np.concatenate(results) - expected) ** 2, dtype=np.float64)
    ratio = 10 * np.log10(np.sum(expected**2, dtype=np.float64) / noise)
    return f"{ratio:6.1f} dB {len(content) / 1000:5.0f} kB"


def main() -> None:
    """Prints both tables."""
    print(f"{'T, F, H':>14} {'scheme':>14} {'stock':>16} {'stock, anew':>16} {'rnnlite':>16}")
    for steps, features, units in SIZES:
        tf_keras.utils.set_random_seed(1)
        layer = tf_keras.layers.LSTM(units, return_sequences=True)
        x = tf_keras.Input((steps, features), batch_size=1)
        source = tf_keras.Model(x, layer(x))
        data = samples(steps, features, CALIBRATION, 0)
        test = samples(steps, features, TEST, 1)
        expected = np.concatenate([source(row[None]).numpy() for row in test])
        lowered = graph_of([lstm_of(layer)], steps)
        for scheme in SCHEMES:
            theirs, own = stock(source, scheme, data), ours(lowered, scheme, data)
            columns = (
                f"{f'{steps}, {features}, {units}':>14} {scheme:>14}",
                db(theirs, test, expected),
                db(theirs, test, expected, anew=True),
                db(own, test, expected),
            )
            print(*columns, flush=True)
    _only_ours()


def _only_ours() -> None:
    steps, features, units = 28, 28, 64
    rng, data, test = (
        np.random.default_rng(0),
        samples(steps, features, CALIBRATION, 0),
        samples(steps, features, TEST, 1),
    )

    def weights(*shape: int) -> Array:
        return (rng.normal(size=shape) / np.sqrt(shape[-1])).astype(np.float32)

    def gate() -> Gate:
        return Gate(weights(units, features), weights(units, units), weights(units))

    def rnn() -> SimpleRnn:
        return SimpleRnn(weights(units, features), weights(units, units), weights(units))

    models = {
        "bidirectional LSTM": [Lstm(gate(), gate(), gate(), gate()) for _ in range(2)],
        "simple RNN": [rnn()],
        "bidirectional RNN": [rnn(), rnn()],
        "LSTM, coupled": [Lstm(None, gate(), gate(), gate())],
        "GRU": [cell("GRU", np.random.default_rng(0), features, units)],
    }
    print(f"\n{'only rnnlite':>20} {'scheme':>14}")
    for name, cells in models.items():
        model = graph_of(cells, steps)
        expected = np.concatenate([*Runner(write_model(model)).run({"x": test}).values()], -1)
        for scheme in SCHEMES:
            made = ours(graph_of(cells, steps, scheme), scheme, data)
            print(f"{name:>20} {scheme:>14} {db(made, test, expected)}")


if __name__ == "__main__":
    main()
