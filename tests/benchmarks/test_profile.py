"""The profile of a call: what functions are for, from perf's table, and which cases miss a goal."""

from __future__ import annotations

import pytest

from benchmarks.peers.cases import Case
from benchmarks.peers.profile import CALLS, KINDS, markdown, missed, shares

REPORT = """
    60.00%  libpywrap_litert_common.so   [.] xnn_f32_gemm_minmax_ukernel_1x16__asm   -      -
    10.00%  libpywrap_litert_common.so   [.] xnn_f32_gemm_minmax_ukernel_6x16__asm
     6.00%  libpywrap_litert_common.so   [.] tflite::xnnpack::(anonymous namespace)::SubgraphInvoke
     2.00%  libc.so.6                    [.] __memmove_avx_unaligned_erms
     2.00%  libc.so.6                    [.] _int_malloc
    15.00%  libpython3.11.so.1.0         [.] _PyEval_EvalFrameDefault
     5.00%  [kernel.kallsyms]            [k] finish_task_switch.isra.0
"""


def test_functions_are_put_together_by_what_they_are_for() -> None:
    """Shares are parts of the runtime's own time: Python's and the kernel's are none of it."""
    assert shares(REPORT) == {
        "products of a step": pytest.approx(0.75),
        "products over the sequence": pytest.approx(0.125),
        CALLS: pytest.approx(0.075),
        "memory copied": pytest.approx(0.025),
        "a loop prepared anew in each call": pytest.approx(0.025),
    }


@pytest.mark.parametrize(
    ("units", "loop", "int8", "columns"),
    [
        (64, [1.3, 1.25, 1.35], [0.6, 0.5, 0.7], ["loop"]),
        (64, [1.3, 1.15, 1.45], [0.8, 0.75, 0.9], ["loop, int8 weights"]),
        (256, [1.1, 1.05, 1.15], [0.7, 0.6, 0.8], ["loop"]),
    ],
)
def test_a_goal_is_missed_by_all_of_an_interval(
    units: int, loop: list[float], int8: list[float], columns: list[str]
) -> None:
    """A float loop has a goal by its units, one with int8 weights the same everywhere."""
    found = missed({"loop": loop, "loop, int8 weights": int8}, Case("LSTM", 28, 28, units))
    assert found == columns


def test_the_table_has_a_column_for_each_kind() -> None:
    """Shares are percent; ONNX Runtime's time stands beside, its ops are of other kinds."""
    found = {
        "LSTM: loop, int8 weights": {"us": 12.3, "shares": {CALLS: 0.4, "memory copied": 0.6}},
        "LSTM: ONNX Runtime": {"us": 9.0, "shares": {"LSTM": 1.0}},
        "GRU: loop": {"us": 1.0, "shares": {CALLS: 1.0}},
    }
    heading, _, lstm, gru = markdown(found).splitlines()
    assert heading.count("|") == lstm.count("|") == gru.count("|") == len(KINDS) + 5
    assert lstm.startswith("| LSTM, int8 weights | 12 | 9 |")
    assert lstm.endswith("| 60% | 0% | 40% |")
    assert gru.startswith("| GRU | 1 | - |")
