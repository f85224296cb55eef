"""`quantization.scheme: auto`: what a search chose, and the config that it settles.

The stage search leaves its choice in `OUT/.work/chosen.json`. Every later stage reads the config
with the choice in the place of `auto`; so does the lock, and a locked build takes it from there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast, get_args

from rnnlite_pipeline.config.conversion import CALIBRATED, Scheme
from rnnlite_pipeline.config.model import Config
from rnnlite_pipeline.errors import StageError

#: The file of the choice, below the model's folder.
CHOSEN = Path(".work") / "chosen.json"

#: The folder of a search's candidates, below the model's folder.
CANDIDATES = Path(".work") / "candidates"

#: The keys of a lock that hold a choice; `SKIP[0]` and so on, one key for each layer.
_SCHEME, _SKIP = "config.quantization.scheme", "config.quantization.skip["


@dataclass(frozen=True)
class Chosen:
    """A scheme, and the layers that stay in float."""

    scheme: Scheme
    skip: tuple[str, ...] = ()

    @property
    def called(self) -> str:
        """What the files of this candidate are called, without a suffix."""
        return f"{self.scheme}-{hashlib.sha256(self.as_json()).hexdigest()[:16]}"

    @classmethod
    def of(cls, text: str | bytes) -> Chosen:
        """What `as_json` wrote."""
        told = json.loads(text)
        return cls(told["scheme"], tuple(told["skip"]))

    def __str__(self) -> str:
        """For people."""
        return f"{self.scheme} without {', '.join(self.skip)}" if self.skip else self.scheme

    def as_json(self) -> bytes:
        """The file `CHOSEN`."""
        return (json.dumps(asdict(self), sort_keys=True) + "\n").encode()

    def settle(self, config: Config) -> Config:
        """The config with this choice; the drop that it was judged by stays in it."""
        update: dict[str, Any] = {"scheme": self.scheme, "skip": self.skip}
        if self.scheme not in CALIBRATED:
            update["calibration"] = None
        quantization = config.quantization.model_copy(update=update)
        return config.model_copy(update={"quantization": quantization})


#: The candidate with which all others are compared, and the file of its outputs on the data.
IN_FLOAT, ANSWERS = Chosen("none"), CANDIDATES / "answers.npz"


def settled(config: Config, out: Path) -> Config:
    """The config that holds for the stages after a search; the same one where none was asked for.

    Raises:
        StageError: The search has not run.
    """
    if config.quantization.scheme != "auto":
        return config
    try:
        chosen = Chosen.of((out / CHOSEN).read_bytes())
    except FileNotFoundError:
        raise StageError(
            f"There is no {out / CHOSEN}: the search of quantization.scheme auto has not run.",
            "Run `rnnlite convert` first.",
        ) from None
    return chosen.settle(config)


def chosen_by(lock: Mapping[str, str]) -> Chosen | None:
    """The choice that a lock holds; None where it has none that is known."""
    scheme = lock.get(_SCHEME, "")
    if scheme not in get_args(Scheme):
        return None
    numbers = sorted(int(key[len(_SKIP) : -1]) for key in lock if key.startswith(_SKIP))
    skip = tuple(lock[f"{_SKIP}{number}]"] for number in numbers)
    return Chosen(cast(Scheme, scheme), skip)
