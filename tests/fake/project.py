"""A project in a folder of its own, and what a test wants to do with it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from rnnlite_pipeline.files import zip_bytes

ROOT = Path(__file__).parents[2]

#: `rnnlite`, with the fake stages in place of the real ones.
RNNLITE = (sys.executable, str(Path(__file__).parent / "rnnlite.py"))


#: The same, where the stages are forks of a process that has imported them.
WARM_RNNLITE = (sys.executable, str(Path(__file__).parent / "warm_rnnlite.py"))


#: Keys of a config that asks for a search.
AUTO = (
    "quantization: {scheme: auto, max_accuracy_drop: 0.01}\n"
    "verification: {data: {path: test.npz}}\n"
)


def keras_file(content: bytes) -> bytes:
    """An archive with the members of a .keras file; equal content gives equal bytes."""
    members = {"config.json": b"{}", "metadata.json": b"{}", "model.weights.h5": content}
    return zip_bytes(members)


@dataclass(frozen=True)
class Project:
    """A folder with `config.yaml`, `source.keras`, and results in `build/`.

    Attributes:
        folder: The folder.
        program: What is run as `rnnlite`.
    """

    folder: Path
    program: tuple[str, ...] = WARM_RNNLITE

    @property
    def config(self) -> Path:
        """The config."""
        return self.folder / "config.yaml"

    @property
    def source(self) -> Path:
        """The source."""
        return self.folder / "source.keras"

    @property
    def build(self) -> Path:
        """The folder DIR."""
        return self.folder / "build"

    @property
    def out(self) -> Path:
        """The model's folder."""
        return self.build / "fake"

    @property
    def bundle(self) -> Path:
        """The release."""
        return self.out / "dist" / "fake-0.0.0.zip"

    def write_config(self, more: str = "") -> Project:
        """Write the config, with more lines at its end."""
        self.folder.mkdir(exist_ok=True)
        text = f"name: fake\nsource: {{format: keras, path: source.keras}}\n{more}"
        self.config.write_text(text, encoding="utf-8")
        return self

    def write_source(self, content: bytes) -> Project:
        """Write the source: an archive that `validate` takes for a .keras file."""
        self.source.write_bytes(keras_file(content))
        return self

    def run(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run `rnnlite WORDS`, with the fake stages, in the folder."""
        return subprocess.run(
            [*self.program, *words],
            cwd=self.folder,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def package(self, **environment: str) -> list[str]:
        """Bring the release up to date; the stages that ran, in their order."""
        runs = self.build / "runs"
        runs.unlink(missing_ok=True)
        ended = self.run("package", "config.yaml", **environment)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        told = [line for line in ended.stdout.splitlines() if ": done in" in line]
        return [line.split()[0] for line in told if not line.startswith("validate")]

    def results(self) -> dict[str, bytes]:
        """Every result by name, without logs and memories."""
        skipped = (".log", "lock", "runs")
        return {
            str(path.relative_to(self.build)): path.read_bytes()
            for path in sorted(self.build.rglob("*"))
            if path.is_file() and not path.name.endswith(skipped) and ".state" not in path.parts
        }
