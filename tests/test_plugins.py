"""What installed packages add to rnnlite, found without importing them."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from rnnlite_pipeline.plugins import GROUP, Plugin, plugins


def plugin(pattern: str = "acme.*", value: str = "acme_rnn.lstm:convert") -> Plugin:
    """A converter of a package."""
    return Plugin(pattern, "acme 1.0", EntryPoint(pattern, value, GROUP))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that packages are imported from."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def install(site: Path, package: str, version: str, **entries: str) -> None:
    """The metadata of an installed package, with its entry points."""
    info = site / f"{package}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
    lines = "".join(f"{name} = {value}\n" for name, value in entries.items())
    (info / "entry_points.txt").write_text(f"[{GROUP}]\n{lines}")


def test_converters_are_found_by_pattern_and_package(site: Path) -> None:
    """Their modules are not imported: they need not even be there."""
    install(site, "zeta", "2", **{"acme.A*": "nowhere_zeta:convert"})
    install(site, "acme", "1.5", **{"acme.B": "nowhere_acme:b", "acme.A*": "nowhere_acme:a"})
    found = [(each.pattern, each.package) for each in plugins() if "acme." in each.pattern]
    assert found == [("acme.A*", "acme 1.5"), ("acme.A*", "zeta 2"), ("acme.B", "acme 1.5")]


@pytest.mark.parametrize(
    ("pattern", "name", "yes"),
    [
        ("acme.*", "acme.LSTM", True),
        ("acme.*", "acmeLSTM", False),
        ("acme.*", "Acme.LSTM", False),
        ("lstm", "lstm", True),
        ("lstm", "lstm2", False),
        ("*", "", True),
    ],
)
def test_a_pattern_matches_the_whole_name(pattern: str, name: str, yes: bool) -> None:
    """Case counts."""
    assert plugin(pattern).matches(name) == yes


def test_the_files_of_a_package_are_found_without_importing_it(site: Path) -> None:
    """All Python files below the top-level package, sorted; other files are no part of it."""
    (site / "acme_rnn" / "sub").mkdir(parents=True)
    names = ("__init__.py", "lstm.py", "sub/gru.py")
    for name in names:
        (site / "acme_rnn" / name).write_text("raise RuntimeError")
    (site / "acme_rnn" / "data.json").write_text("{}")
    assert plugin().files() == sorted(site / "acme_rnn" / name for name in names)
    assert "acme_rnn" not in sys.modules


def test_a_module_is_its_own_file(site: Path) -> None:
    """A namespace package has the files of all its folders; what is not there has none."""
    (site / "single_rnn.py").write_text("raise RuntimeError")
    assert plugin(value="single_rnn:convert").files() == [site / "single_rnn.py"]
    (site / "space_rnn").mkdir()
    (site / "space_rnn" / "a.py").write_text("raise RuntimeError")
    assert plugin(value="space_rnn.a:convert").files() == [site / "space_rnn" / "a.py"]
    assert plugin(value="nowhere_rnn:convert").files() == []


def test_a_converter_is_loaded_when_it_is_asked_for() -> None:
    """The object that the entry point names."""
    assert plugin(value="pathlib:Path").load() is Path


def test_a_package_without_a_distribution_is_called_by_its_module() -> None:
    """An entry point made by hand belongs to no installed package."""
    from rnnlite_pipeline.plugins import _package

    assert _package(EntryPoint("a", "acme:convert", GROUP)) == "acme:convert"
