"""The verification of a large data set as stages of their own, on several processes or machines.

1. The data is run in parts (`Part`): each is a stage, with a digest by which it is shared. How many
   there are follows from the model and the data alone, so another machine asks for the same ones.
2. verify finds the outputs and judges them. It makes those that are missing: a part that fails is
   made there again, and verify fails on it in its own words.
3. Data that is soon run is not parted: each part opens the source and the model anew.

See `parted.py` for what such parts have in common.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from rnnlite_pipeline.config.arrays import NotArrays, read_headers
from rnnlite_pipeline.config.part import Part
from rnnlite_pipeline.errors import RnnliteError
from rnnlite_pipeline.tasks.parted import Make
from rnnlite_pipeline.tasks.plan import Plan

#: The multiply-adds of a part, for one call with each sample: the reference kernels, which make
#: some 1e9 a second and are called twice, then take about 20 s.
PART = 10_000_000_000

#: What a step of a sample costs besides its products, as multiply-adds.
STEP = 10_000

#: The most parts.
MOST = 64


def parts_of(plan: Plan) -> int:
    """In how many parts the data is run; 1 where more do not pay."""
    path = plan.config.verification.data.path
    if path is None:
        return 1
    from rnnlite_pipeline.graph.multiply_adds import multiply_adds
    from rnnlite_pipeline.graph.read import read_model

    try:
        shapes = [each.shape for each in read_headers(plan.config.resolve(path)).values()]
        count = multiply_adds(read_model((plan.out / "model.tflite").read_bytes()))
    except (NotArrays, OSError, RnnliteError):  # verify says so
        return 1
    samples = max((shape[0] for shape in shapes if shape), default=0)
    longest = max((shape[1] for shape in shapes if len(shape) > 1), default=1)
    steps = longest if count["per_step"] else 1
    cost = samples * (count["fixed"] + steps * (count["per_step"] + STEP))
    return max(1, min(MOST, samples, cost // PART))


def make_batches(plan: Plan, make: Make, at_once: int) -> None:
    """Has the data run, if it is in several parts.

    Args:
        plan: The release.
        make: Brings a stage of `GROUPS` up to date.
        at_once: How many at a time.
    """
    count = parts_of(plan)
    if count == 1:
        return

    def made(number: int) -> None:
        part = Part(number, count)
        try:
            make("batch", replace(plan, part=part))
        except (RnnliteError, OSError) as error:
            sys.stderr.write(f"part {part} of the data of {plan.name} is left to verify: {error}\n")

    with ThreadPoolExecutor(min(at_once, count)) as pool:
        list(pool.map(made, range(count)))
