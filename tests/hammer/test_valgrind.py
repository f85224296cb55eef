"""The runtime writes and reads nothing past the end of its memory, as valgrind sees it.

valgrind 3.19 hides AVX-512 from the process, so that XNNPACK runs its AVX2 kernels. It is told to
look for invalid accesses alone: Python itself reads what was never written.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest

from rnnlite_pipeline.child import run_apart
from rnnlite_pipeline.runtimes.interpreter import Runner
from tests.hammer.graphs import GRAPHS

#: Batches and lengths: growing, shrinking, and a step at a time.
SIZES = ((1, 1), (3, 9), (1, 2))

NAMES = (
    "states of a dense layer, GRU (open)",
    "encoder and decoder, SimpleRNN (open)",
    "attending decoder (open)",
    "growing widths (open)",
    *[next(n for n in GRAPHS if n.startswith(word)) for word in ("split_v", "convolution_2d")],
)

#: XNNPACK reads vectors whole, up to so many bytes behind the last number of a block that it then
#: leaves out (XNN_OOB_READS, XNN_EXTRA_BYTES in its src/xnnpack/common.h). It never writes there.
SLACK = 128


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("valgrind"), reason="valgrind is not installed (apt)")
@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_accessed_past_an_end(name: str, tmp_path: Path) -> None:
    """No call of a converted model writes or reads outside its memory, as sizes grow and shrink."""
    ops, why = run_apart("tests.hammer.make", [name, str(tmp_path)])
    assert not why, f"{name}: its conversion {why}"
    assert ops
    model = tmp_path / "model.tflite"
    assert not list(invalid(model, tmp_path))


def invalid(model: Path, folder: Path) -> Iterator[str]:
    """What valgrind says of the runtime's accesses, in words."""
    calls, report = folder / "calls.json", folder / "valgrind.xml"
    runner = Runner(model, "reference")
    shapes = [{p.index: _shape(p.shape, size) for p in runner.inputs.values()} for size in SIZES]
    calls.write_text(json.dumps(shapes), encoding="utf-8")
    watch = ["valgrind", "--undef-value-errors=no", "--leak-check=no", "--num-callers=30"]
    program = [sys.executable, str(Path(__file__).with_name("called_once.py"))]
    ended = subprocess.run(
        [*watch, "--xml=yes", f"--xml-file={report}", *program, str(model), str(calls)],
        env={**os.environ, "PYTHONMALLOC": "malloc"},
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    yield from of_runtime(report.read_text(encoding="utf-8"))


def of_runtime(report: str) -> Iterator[str]:
    """The invalid accesses of LiteRT's own code in a report; those of the loader are not told."""
    for error in ET.fromstring(report).iter("error"):
        kind, stack = error.findtext("kind", ""), error.find("stack")
        objects = [] if stack is None else [f.findtext("obj", "") for f in stack]
        if not kind.startswith("Invalid") or not any("ai_edge_litert" in o for o in objects):
            continue
        said = " ".join(each.text or "" for each in error if each.tag in ("what", "auxwhat"))
        behind = re.search(r"is (\d+) bytes after a block", said)
        if kind == "InvalidRead" and behind and int(behind[1]) < SLACK:
            continue
        yield f"{kind}: {said}"


def _shape(shape: tuple[int, ...], size: tuple[int, int]) -> list[int]:
    batch, length = size
    return [d if d >= 0 else batch if axis == 0 else length for axis, d in enumerate(shape)]


_REPORT = """<valgrindoutput>
<error><kind>InvalidWrite</kind><what>Invalid write of size 4</what>
<stack><frame><obj>/x/ai_edge_litert/_pywrap.so</obj></frame></stack>
<auxwhat>Address 0x1 is 0 bytes after a block of size 64 alloc'd</auxwhat></error>
<error><kind>InvalidRead</kind><what>Invalid read of size 16</what>
<stack><frame><obj>/x/ai_edge_litert/_pywrap.so</obj></frame></stack>
<auxwhat>Address 0x1 is 8 bytes after a block of size 64 alloc'd</auxwhat></error>
<error><kind>InvalidRead</kind><what>Invalid read of size 4</what>
<stack><frame><obj>/x/ai_edge_litert/_pywrap.so</obj></frame></stack>
<auxwhat>Address 0x1 is 8 bytes inside a block of size 64 free'd</auxwhat></error>
<error><kind>Overlap</kind><what>Source and destination overlap in memcpy(0x1, 0x1, 4)</what>
<stack><frame><obj>/x/ai_edge_litert/_pywrap.so</obj></frame></stack></error>
<error><kind>InvalidRead</kind><what>Invalid read of size 8</what>
<stack><frame><obj>/lib/ld-linux.so</obj></frame></stack></error></valgrindoutput>"""


def test_reports_are_read() -> None:
    """A write past an end and a read of freed memory are told; whole vectors of XNNPACK are not."""
    told = list(of_runtime(_REPORT))
    assert [each.split(":")[0] for each in told] == ["InvalidWrite", "InvalidRead"]
    assert "inside a block" in told[1]
