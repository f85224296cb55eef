"""The report of a model, and the index of all: HTML pages that need no server and no network.

A model's page has no script and is the same every time, but for the times in it, where there are
any: see `stage.py`.
"""

from rnnlite_pipeline.report.evidence import About
from rnnlite_pipeline.report.index import write_index
from rnnlite_pipeline.report.page import render
from rnnlite_pipeline.report.stage import PAGE, report, with_times

__all__ = ["PAGE", "About", "render", "report", "with_times", "write_index"]
