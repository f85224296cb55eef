"""Reads many damaged files in one process: `python -m tests.fuzz.run KIND FIRST COUNT FOLDER`.

It prints a line for each seed before it is read, and one for each that went wrong, so that who
started it knows where it crashed or hung. Its memory is bounded.
"""

from __future__ import annotations

import resource
import signal
import sys
import time
import traceback
from pathlib import Path

from rnnlite_pipeline.errors import RnnliteError
from tests.fuzz.mutate import mutated
from tests.fuzz.readers import READERS, whole

#: Address space beyond what the libraries take: a damaged file of kilobytes needs none of it.
MEMORY = 512 * 2**20

#: A file of kilobytes is read in milliseconds.
SECONDS = 20


def main(kind: str, first: int, count: int, folder: Path) -> None:
    """Reads the files of the seeds from `first` on."""
    content, read = whole(kind), READERS[kind]
    read(folder, content)  # the whole one is read
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    refused = 0
    slowest = 0.0
    for seed in range(first, first + count):
        print(f"seed {seed}", flush=True)
        signal.alarm(SECONDS)
        start = time.monotonic()
        try:
            read(folder, mutated(content, seed))
        except RnnliteError:
            refused += 1
        except Exception:  # noqa: BLE001  # that is what is looked for
            print(f"wrong {seed} {traceback.format_exc(limit=-3)}", flush=True)
        slowest = max(slowest, time.monotonic() - start)
    signal.alarm(0)
    print(f"refused {refused} slowest {slowest:.3f}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
