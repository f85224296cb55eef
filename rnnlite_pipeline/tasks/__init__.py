"""The doit task graph: dependencies, what is up to date, how a stage is run."""

from rnnlite_pipeline.tasks.graph import group
from rnnlite_pipeline.tasks.plan import load_plans
from rnnlite_pipeline.tasks.settings import doit_settings
from rnnlite_pipeline.tasks.work import Task, program

__all__ = ["Task", "doit_settings", "group", "load_plans", "program"]
