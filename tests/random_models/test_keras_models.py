"""Keras 3 models built at random, each converted and held to what Keras computes."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from rnnlite_pipeline.config import Config
from rnnlite_pipeline.convert import check_convertible, converted
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.runtime import Runner
from rnnlite_pipeline.verify.compare import compare as compare_outputs
from tests.random_models.keras_cells import AnyCellAuthor, models_of_any_cell
from tests.random_models.keras_models import Author, keras_models

#: Largest difference, as a part of the output's scale (issue 2, acceptance).
LIMIT = 1e-5

QUIET = settings(
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.generate,),
)


@settings(QUIET, max_examples=12)
@given(keras_models())
def test_a_random_model_is_fused_and_right(written: tuple[Any, Author]) -> None:
    """A Keras 3 model of any mix of layers is fused whole and equals Keras, in every call."""
    check(*written)


@pytest.mark.slow
@settings(QUIET, max_examples=220)
@given(keras_models())
def test_many_random_models_are_fused_and_right(written: tuple[Any, Author]) -> None:
    """More than 200 models of any mix of layers are fused whole and equal Keras."""
    check(*written)


@settings(QUIET, max_examples=8)
@given(models_of_any_cell())
def test_a_random_model_of_any_cell_is_right(written: tuple[Any, AnyCellAuthor]) -> None:
    """A Keras 3 model of any recurrent layers, masks too, needs builtin ops alone and is right."""
    check_any(*written)


@pytest.mark.slow
@settings(QUIET, max_examples=200)
@given(models_of_any_cell())
def test_many_random_models_of_any_cell_are_right(written: tuple[Any, AnyCellAuthor]) -> None:
    """200 models of any recurrent layers need builtin ops alone and equal Keras."""
    check_any(*written)


def check_any(model: Any, author: AnyCellAuthor) -> None:
    """Converts a model, whatever its cells, and compares it with Keras."""
    import keras

    from rnnlite_pipeline.sources.assigned import with_states
    from rnnlite_pipeline.sources.keras import source_model
    from rnnlite_pipeline.sources.to_tflite import to_tflite

    source = with_states(source_model(model, {}))
    fields = {"name": "random", "source": {"format": "keras", "path": "random.keras"}}
    config = Config.model_validate(fields)
    conversion = converted(read_model(to_tflite(source)), config)
    check_convertible(conversion, config)
    story = "\n".join([*author.story, *(f"{x.name}: {x.op} {x.reason}" for x in conversion.layers)])
    compare(conversion.model, source, author, story)
    keras.backend.clear_session()


def check(model: Any, author: Author) -> None:
    """Converts a model and compares it with Keras: fused ops, every output, batch and call."""
    import keras

    from rnnlite_pipeline.sources.assigned import with_states
    from rnnlite_pipeline.sources.keras import source_model
    from rnnlite_pipeline.sources.to_tflite import to_tflite

    source = with_states(source_model(model, {}))
    config = Config.model_validate(
        {
            "name": "random",
            "source": {"format": "keras", "path": "random.keras"},
            "recurrent": {
                "lowering": "fused",
                "time_major": author.choose(["keep", True, False]),
                "bidirectional": author.choose(["group", "group", "split"]),
            },
        }
    )
    story = "\n".join([*author.story, str(config.recurrent)])
    conversion = converted(read_model(to_tflite(source)), config)
    check_convertible(conversion, config)
    expected = Counter(author.fused)
    if config.recurrent.bidirectional == "split":
        expected = Counter()
        for op, count in author.fused.items():
            both = op.startswith("BI")
            expected["UNI" + op.removeprefix("BI").removeprefix("UNI")] += count * (
                2 if both else 1
            )
    ops = Counter(op.code for op in conversion.model.ops())
    found = Counter({code: n for code, n in ops.items() if "SEQUENCE" in code})
    assert found == expected, f"{found} instead of {expected}\n{story}"
    assert "WHILE" not in ops, story
    assert not any(code.startswith("Flex") for code in ops), story
    compare(conversion.model, source, author, story)
    keras.backend.clear_session()


def compare(converted_model: Any, source: Any, author: Author, story: str) -> None:
    """Runs both on the same numbers: batches of 1 and 3, twice, on both sets of kernels."""
    written = write_model(converted_model)
    random = np.random.default_rng(0)
    runners = [Runner(written, "reference"), Runner(written, "default")]
    for batch, length, magnitude in ((1, 4, 1.0), (3, 9, 1.0), (3, 30, 3.0)):
        arrays = {}
        for spec in source.inputs:
            first = batch if spec.shape[0] is None else spec.shape[0]
            rest = [length if d is None else d for d in spec.shape[1:]]
            values = random.normal(0.0, magnitude, (first, *rest))
            arrays[spec.name] = values.astype(np.float32)
        reference = source.run(arrays)
        for runner in runners:
            first_call, second_call = runner.run(arrays), runner.run(arrays)
            for name, value in reference.items():
                assert first_call[name].shape == value.shape, f"{name}\n{story}"
                assert np.array_equal(first_call[name], second_call[name]), f"{name} leaks\n{story}"
                difference = compare_outputs(value, first_call[name])
                assert difference.error <= difference.limit(LIMIT), f"{name}: {difference}\n{story}"
