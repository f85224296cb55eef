"""Faults of the machine, told from faults of the model and of this package."""

from __future__ import annotations

import resource
import signal
import sys
from pathlib import Path

import pytest

from rnnlite_pipeline.errors import SourceError, StageError
from rnnlite_pipeline.machine import of_machine, of_signal


def _caused(error: Exception, *causes: BaseException) -> Exception:
    """An error with a chain of causes, the last one the first that happened."""
    link: BaseException = error
    for cause in causes:
        link.__cause__ = cause
        link = cause
    return error


#: As the loader of glibc says it (elf/dl-load.c, dl-version.c, dl-lookup.c).
LOADER = {
    "libfoo.so.3: cannot open shared object file: No such file or directory": "libfoo.so.3",
    "/usr/lib/libstdc++.so.6: version `GLIBCXX_3.4.32' not found (required by x)": "libstdc++.so.6",
    "/a/b/_lib.cpython-311.so: undefined symbol: _ZN3foo": "_lib.cpython-311.so",
    "libx.so: invalid ELF header": "libx.so",
    "libx.so: cannot enable executable stack as shared object requires": "libx.so",
    "libx.so.1: failed to map segment from shared object": "libx.so.1",
}


@pytest.mark.parametrize(("text", "name"), LOADER.items())
def test_a_shared_library(text: str, name: str) -> None:
    """It is named without its folder, with the loader's reason and what to install."""
    for error in (OSError(text), ImportError(f"dlopen: {text}\nmore"), RuntimeError(text)):
        found = of_machine(error)
        assert found is not None
        assert f"The shared library {name} cannot be loaded on this machine: " in found.message
        assert "\n" not in found.message
        assert "Install the system package" in found.remedy


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("std::bad_alloc"),
        RuntimeError("ResourceExhausted: OOM when allocating tensor with shape [9, 9]"),
        OSError(12, "Cannot allocate memory"),
        ValueError("Unable to allocate 9. GiB for an array"),
    ],
)
def test_no_memory(error: Exception) -> None:
    """Whoever says so, in whatever words."""
    found = of_machine(error)
    assert found is not None
    assert found.message == "This machine has not enough memory for the stage."
    assert "-n 1" in found.remedy


@pytest.mark.parametrize(
    ("error", "package"),
    [
        (ModuleNotFoundError("No module named 'keras.api'", name="keras.api"), "keras"),
        (ImportError("Failed to load the native TensorFlow runtime.\nSee x"), "tensorflow"),
        (ModuleNotFoundError("No module named 'tqdm'", name="tqdm"), "tqdm"),
    ],
)
def test_a_package_that_cannot_be_imported(error: ImportError, package: str) -> None:
    """Of an error that nobody foresaw any package, by its first name and the first line."""
    found = of_machine(error)
    assert found is not None
    assert found.message.startswith(f"The Python package {package} cannot be imported: ")
    assert "\n" not in found.message
    assert not found.message.endswith("..")


def test_a_module_of_the_user_is_the_config_s() -> None:
    """An error that says so stays as it is; behind one, a package of the toolchain is missing."""
    own = ModuleNotFoundError("No module named 'mylayers'", name="mylayers")
    assert of_machine(_caused(SourceError("source.factory: no module mylayers."), own)) is None
    keras = ModuleNotFoundError("No module named 'keras'", name="keras")
    found = of_machine(_caused(SourceError("It cannot be read."), keras))
    assert found is not None
    assert "package keras" in found.message


def test_the_cause_may_be_far_behind() -> None:
    """Also where an error was raised while another one was handled."""
    found = of_machine(_caused(SourceError("x"), ValueError("y"), MemoryError()))
    assert found is not None
    error = ValueError("raised meanwhile")
    error.__context__ = MemoryError()
    assert of_machine(error) is not None


def test_a_library_is_said_before_memory_and_packages() -> None:
    """It is the cause of the others."""
    library = ImportError("liba.so: invalid ELF header", name="keras")
    found = of_machine(_caused(ImportError("no keras", name="keras"), MemoryError(), library))
    assert found is not None
    assert "liba.so" in found.message


@pytest.mark.parametrize(
    "error", [ValueError("x"), SourceError("It cannot be read."), ImportError("no name in it")]
)
def test_any_other_error_is_not_the_machine_s(error: Exception) -> None:
    """Nothing is blamed on the machine that is not known of it."""
    assert of_machine(error) is None


def test_causes_in_a_circle_end() -> None:
    """Python lets two errors be each other's cause."""
    one, two = ValueError("one"), ValueError("two")
    one.__cause__, two.__cause__ = two, one
    assert of_machine(one) is None


@pytest.mark.parametrize(
    ("number", "why"),
    [
        (signal.SIGKILL, "memory ran out"),
        (signal.SIGTERM, "Another program"),
        (signal.SIGILL, "instruction"),
        (signal.SIGBUS, "mapped"),
        (signal.SIGXCPU, "processor time"),
        (signal.SIGXFSZ, "file's size"),
    ],
)
def test_a_signal_that_tells_of_the_machine(number: int, why: str) -> None:
    """Why it was sent, and what to do."""
    said, remedy = of_signal(number)
    assert why in said
    assert remedy


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, 0, 99, -1])
def test_a_signal_that_tells_nothing(number: int) -> None:
    """A crash is a fault of a library; a number without a name is none that is known."""
    assert of_signal(number) == ("", "")


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
