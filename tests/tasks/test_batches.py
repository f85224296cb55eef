"""Parts of a large data set in the graph: how many there are, and who makes them."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlite_pipeline.config.part import BATCHES, Part
from rnnlite_pipeline.fleet.cache import Cache
from rnnlite_pipeline.fleet.sharing import Shared
from rnnlite_pipeline.graph.ir import Model, Op, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.tasks import batches, graph
from rnnlite_pipeline.tasks.batches import parts_of
from rnnlite_pipeline.tasks.graph import Bring, Means
from rnnlite_pipeline.tasks.keys import stage_digest
from rnnlite_pipeline.tasks.plan import Plan, load_plan
from tests.conftest import FAKE
from tests.fake.project import Project


@pytest.fixture
def parted(project: Project, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """A release whose data is worth three parts, with its model made."""
    monkeypatch.setattr(batches, "parts_of", lambda _: 3)
    plan = load_plan(project.config, project.build)
    for group in ("import", "graph", "model"):
        do(group, plan, 1)
    return plan


def do(group: str, plan: Plan, at_once: int, bring: Bring | None = None) -> str:
    """Brings one stage up to date; how it was done."""
    (task,) = graph.group(group, [plan], Means.of(FAKE, bring, at_once, 0, None))
    how: str = task["actions"][0][1][0]()
    return how


def _ran(plan: Plan) -> list[str]:
    path = plan.out.parent / "runs"
    ran = [line.split()[0] for line in path.read_text().splitlines()] if path.exists() else []
    path.unlink(missing_ok=True)
    return ran


def test_large_data_is_run_in_parts(parted: Plan) -> None:
    """Each part is a stage before verify, which finds all of them; none is left behind."""
    _ran(parted)
    do("verify", parted, 2)
    ran = _ran(parted)
    assert sorted(ran[:3]) == ["batch-0", "batch-1", "batch-2"]
    assert ran[3:] == ["verify"]
    assert "1/3 2/3 3/3" in (parted.out / "verify.log").read_text()
    assert not (parted.out / BATCHES).exists()


def test_one_process_runs_the_data_itself(parted: Plan) -> None:
    """Where one stage runs at a time there are no parts, and none of an earlier run is taken."""
    stale = parted.out / BATCHES / f"{Part(0, 3).called}.npz"
    stale.parent.mkdir(parents=True)
    stale.write_text("stale")
    _ran(parted)
    do("verify", parted, 1)
    assert _ran(parted) == ["verify"]
    assert "stale" not in (parted.out / "verify.log").read_text()


def test_a_part_that_fails_is_left_to_verify(
    parted: Plan, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The others are made, and verify runs with them."""
    monkeypatch.setenv("FAKE_TROUBLE", "batch-1=segfault")
    do("verify", parted, 2)
    assert "1/3 3/3" in (parted.out / "verify.log").read_text()
    assert (
        "part 2/3 of the data of fake is left to verify: batch of fake" in capsys.readouterr().err
    )


def test_parts_are_shared(parted: Plan, project: Project) -> None:
    """A verification that is in the cache asks for no part; one that is not, for those there."""
    pytest.importorskip("fsspec", reason="the extra `cache` is not installed")
    shared = Shared(Cache(str(project.folder / "cache")))
    _ran(parted)
    do("verify", parted, 2, shared)
    assert len(_ran(parted)) == 4
    assert do("verify", parted, 2, shared) == "from the cache"
    assert _ran(parted) == []
    for entry in (project.folder / "cache" / "stages").rglob(f"{stage_digest('verify', parted)}*"):
        entry.unlink()
    do("verify", parted, 2, shared)
    assert _ran(parted) == ["verify"]


def _costly(units: int) -> bytes:
    """A product with a matrix of `units` x `units`."""
    x, y = (Tensor(name, "FLOAT32", (-1, units)) for name in "xy")
    weights = Tensor.constant("w", np.zeros((units, units), np.float32))
    op = Op("FULLY_CONNECTED", [x, weights, None], [y], {}, "FullyConnectedOptions")
    main = Subgraph("main", [x], [y], [op])
    return write_model(Model([main], [Signature("serving_default", main, {"x": x}, {"y": y})]))


def _counted(project: Project, samples: int, units: int) -> int:
    project.write_config("verification: {data: {path: data.npz}}\n")
    np.savez(project.folder / "data.npz", x=np.zeros((samples, 2), np.int8))
    plan = load_plan(project.config, project.build)
    plan.out.mkdir(parents=True, exist_ok=True)
    (plan.out / "model.tflite").write_bytes(_costly(units))
    return parts_of(plan)


@pytest.mark.parametrize(
    ("samples", "expected"), [(1, 1), (1000, 1), (30_000, 3), (10_000_000, batches.MOST)]
)
def test_how_many_parts_there_are(
    project: Project, monkeypatch: pytest.MonkeyPatch, samples: int, expected: int
) -> None:
    """As many as the data is worth by the model's work for each sample, and no more than `MOST`."""
    monkeypatch.setattr(batches, "STEP", 0)
    assert _counted(project, samples, 1000) == expected


def test_data_that_cannot_be_read_is_not_parted(project: Project) -> None:
    """verify says what is wrong with it."""
    assert _counted(project, 30_000, 1000) == 3
    (project.folder / "data.npz").write_bytes(b"no arrays")
    assert parts_of(load_plan(project.config, project.build)) == 1
    assert parts_of(load_plan(project.write_config().config, project.build)) == 1
