"""Opens damaged Keras files: `python -m tests.fuzz.opened WHOLE COUNT FOLDER`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from rnnlite_pipeline.sources.described import describe_file
from tests.fuzz.mutate import mutated


def main(whole: Path, count: int, folder: Path) -> None:
    """A line a file: what it is refused for, or that it is a model."""
    kind, content = whole.suffix[1:], whole.read_bytes()
    for seed in range(count):
        print(f"seed {seed}", flush=True)
        path = folder / f"damaged{whole.suffix}"
        path.write_bytes(mutated(content, seed))
        told = json.loads(describe_file(json.dumps({"format": kind, "path": str(path)})))
        if told.get("unforeseen"):
            print(f"wrong {seed}: {told['message']}", flush=True)
    print(f"done {count}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
