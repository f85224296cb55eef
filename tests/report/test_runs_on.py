"""The section on targets."""

from __future__ import annotations

from rnnlite_pipeline.report.evidence import Held
from rnnlite_pipeline.report.runs_on import runs_on
from tests.report.samples import text


def test_each_target_says_how_the_model_was_held_to_it() -> None:
    """Run, compiled, by table and no are told apart, with what was found."""
    held = {
        "litert": Held("run", takes=True),
        "ethos-u55": Held(
            "compiled",
            takes=True,
            npu_share=1.0,
            cycles=12345,
            sram_bytes=2048,
            flash_bytes=40_000,
            numbers_from=("tflm",),
        ),
        "qualcomm": Held("by table", takes=True, not_run="no device"),
        "edgetpu": Held("by table", takes=False, reasons=["RSQRT (y): unknown"]),
    }
    shown = runs_on(held)
    assert shown is not None
    said = text(shown.html)
    assert "litert run" in said
    assert "compiler 100% of the ops run on the NPU; 12,345 cycles" in said
    assert "qualcomm compared with the runtime&#39;s list of ops; not run no device" in said
    assert "of the model before it was compiled, come from tflm" in said
    assert "edgetpu no (by table) RSQRT (y): unknown" in said
    assert runs_on({}) is None


def test_a_target_of_an_unknown_kind_is_shown_as_it_is() -> None:
    """A report of a newer version is still a table; figures of 0 are left out."""
    shown = runs_on({"new": Held("guessed", takes=True, sram_bytes=0, cycles=0)})
    assert shown is not None
    assert "new guessed" in text(shown.html)
    assert "SRAM" not in shown.html
    assert "cycles" not in shown.html
