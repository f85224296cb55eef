"""The models of configs/, built by doit into build/NAME/.

doit                             every stage of every model; doit list: what there is to do
doit package:digits-bilstm       one stage of one model, with all it needs
doit convert digits-bilstm       the same by command; configs/digits-bilstm.yaml works as well
doit info verify:digits-bilstm   why a task would run; doit -n 2: two stages at a time
"""

from collections.abc import Iterator
from pathlib import Path

from examples.digits import tasks as digits
from examples.lstm_ops_digits import tasks as lstm_ops_digits
from rnnlite_pipeline.tasks import Task, doit_settings, group, load_plans

ROOT = Path(__file__).parent
BUILD = ROOT / "build"
PLANS = load_plans(sorted(ROOT.glob("configs/*.yaml")), BUILD)
DOIT_CONFIG = {**doit_settings(BUILD), "default_tasks": ["package"]}


def task_train() -> Iterator[Task]:
    """Train the models of examples/ anew; they are checked in, and no other task needs this."""
    yield from (*digits.train(BUILD), *lstm_ops_digits.train(BUILD))


def task_validate() -> Iterator[Task]:
    """Check a config and the files it names."""
    yield from group("validate", PLANS)


def task_import() -> Iterator[Task]:
    """Read the source into one canonical graph."""
    yield from group("import", PLANS)


def task_inspect() -> Iterator[Task]:
    """Show what a model holds and how each layer will be lowered."""
    yield from group("inspect", PLANS)


def task_model() -> Iterator[Task]:
    """Convert and describe; `doit convert NAME` is the same."""
    yield from (*group("search", PLANS), *group("graph", PLANS), *group("model", PLANS))


def task_verify() -> Iterator[Task]:
    """Compare the converted model with its source, and write the report."""
    yield from (*group("verify", PLANS), *group("report", PLANS))


def task_package() -> Iterator[Task]:
    """Run every stage of the pipeline and make the release bundle."""
    yield from group("package", PLANS)


def task_benchmark() -> Iterator[Task]:
    """Measure latency, size and memory beside the stock conversion."""
    yield from group("benchmark", PLANS)
