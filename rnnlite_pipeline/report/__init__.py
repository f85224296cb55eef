"""The verification report: one self-contained HTML page, without scripts, the same every time.

All but the times in it, where there are any: see `latency.py`.
"""

from rnnlite_pipeline.report.about import About
from rnnlite_pipeline.report.page import render
from rnnlite_pipeline.report.stage import PAGE, report, with_times

__all__ = ["PAGE", "About", "render", "report", "with_times"]
