"""The verification report: one self-contained HTML page, without scripts, the same every time."""

from rnnlite_pipeline.verify.report.about import About
from rnnlite_pipeline.verify.report.page import render

__all__ = ["About", "render"]
