"""Faults of the machine, told from those of a model."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import pytest

from rnnlite_pipeline.errors import SourceError, StageError
from rnnlite_pipeline.machine import of_machine, of_signal

#: A package of the toolchain.
PACKAGE = "h5py"


def _raised(package: Path, code: str, module: str) -> BaseException:
    """What importing a module raises, where a package of this code stands first on the path."""
    package.mkdir()
    (package / "__init__.py").write_text(code, encoding="utf-8")
    before = {name: sys.modules.pop(name) for name in [*sys.modules] if name.startswith(PACKAGE)}
    sys.path.insert(0, str(package.parent))
    try:
        __import__(module)
    except BaseException as error:  # noqa: BLE001  # whatever it is
        return error
    finally:
        sys.path.remove(str(package.parent))
        sys.modules.update(before)
        sys.modules.pop(module, None) if module not in before else None
    raise AssertionError(module)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("raise AttributeError('_ARRAY_API not found')", "imported: _ARRAY_API not found."),
        ("raise ImportError('cannot import name x')", "imported: cannot import name x."),
        ("raise RuntimeError", "imported: RuntimeError."),
        ("def f(): 1 / 0\nf()", "imported: division by zero."),
    ],
)
def test_a_toolchain_that_does_not_fit(tmp_path: Path, code: str, said: str) -> None:
    """Whatever is raised while one of its packages is imported, also where an error wraps it."""
    error = _raised(tmp_path / PACKAGE, code, PACKAGE)
    wrapped = SourceError("It cannot be read.")
    wrapped.__cause__ = error
    for each in (error, wrapped):
        fault = of_machine(each)
        assert isinstance(fault, StageError)
        assert fault.message == f"The Python package {PACKAGE} cannot be {said}"
        assert "make demo" in fault.remedy


def test_a_module_of_the_user(tmp_path: Path) -> None:
    """An error in it is the config's."""
    (tmp_path / "own.py").write_text("1 / 0", encoding="utf-8")
    error = _raised(tmp_path / "unused", "", "own")
    assert isinstance(error, ZeroDivisionError)
    assert of_machine(error) is None


def test_a_limit_of_memory_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Imports fail in odd ways where there is too little of it."""
    error = _raised(tmp_path / PACKAGE, "raise AttributeError('half')", PACKAGE)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1 << 30, 1 << 30))
    fault = of_machine(error)
    assert fault is not None
    assert fault.remedy.startswith("Raise the limit of memory, `ulimit -v unlimited`.")


def test_errors_of_a_model_are_none_of_the_machine() -> None:
    """Neither an error of a stage nor any other; a signal without a meaning says nothing."""
    assert of_machine(SourceError("It is damaged.")) is None
    assert of_machine(ValueError("odd")) is None
    assert of_signal(10_000) == ("", "")
