"""C++ for TensorFlow Lite Micro: the resolver's methods and the size of the arena."""

from __future__ import annotations

import re

import pytest

from rnnlite_pipeline.release.deploy.tflm import METHODS, method, tflm_files
from rnnlite_pipeline.runtimes.tflm import OPS
from tests.release.deploy.ports import deployment


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("ADD", "AddAdd"),
        ("CONV_2D", "AddConv2D"),
        ("PADV2", "AddPadV2"),
        ("RELU6", "AddRelu6"),
        ("SPLIT_V", "AddSplitV"),
        ("UNIDIRECTIONAL_SEQUENCE_LSTM", "AddUnidirectionalSequenceLSTM"),
    ],
)
def test_methods_of_the_resolver(code: str, name: str) -> None:
    """An op is registered by the method that TensorFlow Lite Micro has for it."""
    assert method(code) == name


def test_exceptions_are_ops_that_the_runtime_has() -> None:
    """An exception for an op that is spelled wrongly would never be used."""
    assert METHODS.keys() <= set(OPS.split())


def test_every_op_is_registered_and_the_arena_grows_with_them() -> None:
    """Tensors, 16 KiB of the interpreter's own, and 512 bytes for each op."""
    text = tflm_files(deployment(ops=("ADD", "WHILE"), arena=1000))["tflm/m.h"]
    assert re.findall(r"\b(Add[A-Z]\w+)\(\)", text) == ["AddAdd", "AddWhile"]
    assert str(1000 + 16384 + 1024) in text


def test_the_files_are_named_after_the_model() -> None:
    """The class by the model's name; the example and its build beside."""
    files = tflm_files(deployment(name="my-model"))
    assert set(files) == {"tflm/my_model.h", "tflm/example.cc", "tflm/CMakeLists.txt"}
    assert '#include "my_model.h"' in files["tflm/example.cc"]
