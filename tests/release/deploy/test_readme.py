"""The README beside the generated code."""

from __future__ import annotations

import pytest

from rnnlite_pipeline.release.deploy.readme import _purpose, readme
from tests.release.deploy.ports import deployment, port


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("python/m.py", "Python"),
        ("android/M.kt", "Interpreter"),
        ("android/MCompiled.kt", "CompiledModel"),
        ("cpp/m.h", "C++17"),
        ("cpp/m_compiled.h", "C++20"),
        ("tflm/m.h", "microcontrollers"),
        ("c/m_model.h", "declaration"),
        ("c/m_model.c.bz2", "packed"),
    ],
)
def test_every_file_has_its_purpose(name: str, said: str) -> None:
    """By its folder and the end of its name, the longer end first."""
    assert said in _purpose(name)
    assert f"`{name}`" in readme(deployment(), [name])


def test_ops_that_litert_lacks_are_told_with_what_brings_them() -> None:
    """A Flex op names the delegate's library, a custom one how it is registered."""
    assert "LiteRT has no" not in readme(deployment(), [])
    text = readme(deployment(missing=("FlexRoll", "MyOp")), [])
    assert "LiteRT has no FlexRoll: these need the Flex delegate" in text
    assert "org.tensorflow:tensorflow-lite-select-tf-ops" in text
    assert "LiteRT has no MyOp: register a kernel" in text


def test_why_there_is_no_compiled_class_for_kotlin() -> None:
    """The reason stands there for the targets that would have one, and for no other."""
    opened = deployment(inputs=(port(shape=(None, 4)),), targets=("litert-compiled",))
    assert "it cannot resize an input" in readme(opened, [])
    assert "it cannot resize an input" not in readme(deployment(targets=("tflm",)), [])
