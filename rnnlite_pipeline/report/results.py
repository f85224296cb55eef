"""The results in a model's folder: figures from the files that the stages wrote."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rnnlite_pipeline.files import digest


@dataclass(frozen=True)
class Results:
    """The figures of one model. What was not made or not measured is None or empty.

    Attributes:
        folder: The model's folder.
        name: The model's name.
        verification: The content of verification.json.
        benchmark: The content of benchmark.json, if it belongs to this model.
        source: The sha256 of the imported graph; models of one source have the same.
        releases: The bundles, by name.
    """

    folder: Path
    name: str
    verification: dict[str, Any] = field(default_factory=dict)
    benchmark: dict[str, Any] = field(default_factory=dict)
    source: str = ""
    releases: tuple[str, ...] = ()

    @classmethod
    def of(cls, folder: Path) -> Results:
        """The results in a folder.

        Results of another model than the one in the folder do not count: the source or the config
        may have changed since, and the new conversion failed.
        """
        verification = _json(folder / "verification.json")
        own = _sha256(folder / "model.tflite")
        if verification.get("passed") and verification.get("model_sha256") != own:
            verification = {}
        benchmark = _json(folder / "benchmark.json")
        of_this = {own, verification.get("model_sha256")} - {"", None}
        if benchmark.get("model_sha256") not in of_this:
            benchmark = {}
        source = _sha256(folder / ".work" / "source.tflite")
        bundles = sorted(path.name for path in (folder / "dist").glob("*.zip"))
        return cls(folder, folder.name, verification, benchmark, source, tuple(bundles))

    @property
    def has_page(self) -> bool:
        """Whether it has a report."""
        return (self.folder / "report.html").is_file()

    def page(self, folder: Path) -> str:
        """The relative URL of its report, seen from a folder."""
        return link(self.folder / "report.html", folder)

    @property
    def passed(self) -> bool | None:
        """Whether it passed its verification; None if it was not verified."""
        return self.verification.get("passed") if self.verification else None

    @property
    def scheme(self) -> str:
        """Its quantization scheme."""
        return str(self.verification.get("quantization", {}).get("scheme", "none"))

    @property
    def bytes(self) -> int | None:
        """The size of the model, in bytes."""
        sizes = self.verification.get("bytes")
        return None if sizes is None else int(sizes["model"])

    @property
    def float_bytes(self) -> int | None:
        """The size of the same model in float, in bytes; None if it is not quantized."""
        sizes = self.verification.get("quantization", {}).get("bytes")
        return None if sizes is None else int(sizes["float"])

    @property
    def milliseconds(self) -> float | None:
        """The median time of a call, in milliseconds."""
        times = self.benchmark.get("models", {}).get("model.tflite", {}).get("ms")
        return None if times is None else float(times["median"])

    @property
    def machine(self) -> str:
        """Machine and input of the benchmark, as text. With equal texts, times can be compared."""
        if not self.benchmark:
            return ""
        shown = {key: self.benchmark.get(key) for key in ("machine", "settings")}
        shown["settings"] = {
            key: value for key, value in (shown["settings"] or {}).items() if key != "rounds"
        }
        return json.dumps(shown, sort_keys=True)

    @property
    def error(self) -> float | None:
        """The largest absolute error; infinite if shapes or infinite values differ."""
        largest = self.verification.get("max_abs_error")
        return None if largest is None else float(largest)

    @property
    def limit(self) -> float | None:
        """The error limit of the output with the largest error."""
        checks = [
            check
            for check in self.verification.get("checks", ())
            if "max_abs_error" in check and "limit" in check and "rounding" not in check
        ]
        worst = max(checks, key=lambda check: float(check["max_abs_error"]), default=None)
        return None if worst is None else float(worst["limit"])

    @property
    def snr_db(self) -> float | None:
        """The lowest signal-to-noise ratio of an output, in dB; None if none was judged."""
        found = [c["snr_db"] for c in self.verification.get("checks", ()) if "snr_db" in c]
        return min((float(each) for each in found if each is not None), default=None)

    @property
    def accuracy(self) -> tuple[float, float] | None:
        """The lowest accuracy of an output, and that of the source for the same output."""
        judged = self.verification.get("accuracy", ())
        worst = min(judged, key=lambda each: each["litert"], default=None)
        return None if worst is None else (worst["litert"], worst["source"])

    @property
    def accuracies(self) -> dict[str, float]:
        """The lowest accuracy of each output, by its name."""
        lowest: dict[str, float] = {}
        for each in self.verification.get("accuracy", ()):
            name, rate = each["output"], float(each["litert"])
            lowest[name] = min(rate, lowest.get(name, rate))
        return lowest

    @property
    def held(self) -> dict[str, str]:
        """How it was checked for each target: "run", "compiled" or "by table"; "no" if refused."""
        targets = self.verification.get("targets", {})
        return {name: each["held"] if each["takes"] else "no" for name, each in targets.items()}


def _sha256(path: Path) -> str:
    """The digest of a file; empty where there is none."""
    return digest(path) if path.is_file() else ""


def link(path: Path, folder: Path) -> str:
    """The relative URL of a file, seen from a folder."""
    return quote(Path(os.path.relpath(path, folder)).as_posix())


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
