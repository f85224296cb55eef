"""`python -m tests.coverage [--stock]`: measures every row, and writes the page and the README.

What a row needs must be there. The stock converter is asked again with `--stock` alone, or about
rows that are new: it takes minutes.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from importlib.metadata import version

from tests.coverage.measure import measured
from tests.coverage.rows import ROWS, missing
from tests.coverage.stock import stock
from tests.coverage.table import PAGE, README, RESULTS, load_results, page, readme

#: What the numbers depend on.
PACKAGES = ("tensorflow", "keras", "tf-keras", "jax", "flax", "dm-haiku", "ai-edge-litert")


def main(again: bool) -> None:
    """Measures, and writes."""
    before = load_results()["rows"] if RESULTS.exists() and not again else []
    known = {(row["source"], row["cell"]): row["stock"] for row in before}
    rows = []
    for row in ROWS:
        lacking = missing(row)
        if lacking:
            raise SystemExit(f"{row.name}: {lacking}")
        with contextlib.redirect_stdout(io.StringIO()):
            found = measured(row).as_json()
        found["stock"] = known.get((row.source, row.cell)) or stock(row)
        print(row.name, *found["ops"], found["error"], found["stock"], sep="  ", flush=True)
        rows.append(found)
    results = {"versions": {name: version(name) for name in PACKAGES}, "rows": rows}
    RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    PAGE.write_text(page(results))
    README.write_text(readme(README.read_text(), results))


if __name__ == "__main__":
    main(again="--stock" in sys.argv)
