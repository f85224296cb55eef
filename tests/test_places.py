"""Each error that a stage raises about the config says which value of it is wrong."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from pydantic import BaseModel

import rnnlite_pipeline
from rnnlite_pipeline import errors
from rnnlite_pipeline.config.keys import section_at
from rnnlite_pipeline.config.model import Config

PACKAGE = Path(rnnlite_pipeline.__file__).parent

#: The rooms whose errors are no stage's: they read the config themselves, or know none.
NO_STAGE = frozenset({"cli", "config", "diff", "fleet", "tasks", "trust"})

#: Messages that name a key of the config though it is not what is wrong, each with the reason.
NOT_THE_CONFIG = {
    "The runtime would give wrong numbers": "a fault of this package; the keys are a way around it",
    "TensorFlow's converter refuses": "an op of the model; a pin helps only some of them",
    "LiteRT's CompiledModel cannot": "the model was to run and did not: not verified",
    "LiteRT.js cannot": "the model was to run and did not: not verified",
    "TensorFlow Lite Micro cannot run": "the model was to run and did not: not verified",
}


@dataclass(frozen=True)
class Raised:
    """A call that makes an error: its place in the code, its text, and whether it has a key."""

    at: str
    kind: str
    text: str
    has_key: bool

    def __str__(self) -> str:
        return f"{self.at}: {self.text[:70]}"


def _text(node: ast.AST) -> str:
    """What an expression says by itself; what it is filled in with is left out."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    return "".join(map(_text, ast.iter_child_nodes(node)))


def _kinds() -> frozenset[str]:
    return frozenset(
        name
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, errors.RnnliteError)
    )


def _raised(path: Path) -> Iterator[Raised]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        kind = (
            node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
        )
        if not isinstance(node, ast.Call) or kind not in _kinds():
            continue
        named = {keyword.arg for keyword in node.keywords}
        has_key = len(node.args) > 2 or not named.isdisjoint({"key", "parts"})
        has_key = has_key or bool(getattr(errors, kind).default_key) or kind == "ConfigError"
        text = " ".join(map(_text, node.args))
        yield Raised(f"{path.relative_to(PACKAGE)}:{node.lineno}", kind, text, has_key)


@cache
def _all() -> tuple[Raised, ...]:
    files = [
        p for p in sorted(PACKAGE.rglob("*.py")) if p.relative_to(PACKAGE).parts[0] not in NO_STAGE
    ]
    return tuple(raised for path in files for raised in _raised(path))


def _keys() -> Iterator[str]:
    """`section.key` of every section, and the keys that are lists."""
    yield "targets"
    for name in Config.model_fields:
        below = section_at(Config, (name,))
        if isinstance(below, type) and issubclass(below, BaseModel):
            yield from (f"{name}.{key}" for key in below.model_fields)


def _about_the_config() -> list[Raised]:
    key = re.compile(rf"(?<!rnnlite )\b({'|'.join(map(re.escape, _keys()))})\b")
    return [raised for raised in _all() if key.search(raised.text)]


@pytest.mark.parametrize("raised", _about_the_config(), ids=str)
def test_an_error_about_the_config_has_its_key(raised: Raised) -> None:
    """An error that names a key says which value is wrong, or is listed above with a reason."""
    assert raised.has_key or raised.text.startswith(tuple(NOT_THE_CONFIG))


@pytest.mark.parametrize("message", NOT_THE_CONFIG)
def test_the_list_of_exceptions_is_current(message: str) -> None:
    """Each is still raised, and without a key."""
    assert any(r.text.startswith(message) and not r.has_key for r in _about_the_config())


def test_the_list_is_not_empty() -> None:
    """The errors are found: of sources, of the conversion, of quantization and of verification."""
    rooms = {raised.at.split("/")[0] for raised in _about_the_config()}
    assert rooms >= {"sources", "stages", "state", "lower", "quantize", "verify", "runtimes"}
