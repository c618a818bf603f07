"""`semscore plan`."""

from __future__ import annotations

import json
import sys
from typing import Annotated

from cyclopts import Group, Parameter
from rich.console import Console

from semscore.jobs.cli.log import set_log
from semscore.jobs.cli.shared_options import Scoring
from semscore.jobs.options.settings import Settings
from semscore.jobs.planner.plan_options import Ask
from semscore.udfs.errors import UserError

PLANNED_OUTPUT = "scored"  # in the commands that a plan prints


def plan(
    *inputs: Annotated[
        str, Parameter(name="INPUT...", group=Group("Places", sort_key=-2), negative="")
    ],
    ask: Ask = Ask(),
    words: Scoring = Scoring(),
) -> int:
    """Predict time and cost of `semscore score`, within a minute, from a sample of INPUT.

    Runs the model on this machine for some seconds; starts no Spark and writes nothing. Without
    --instance-type: this machine alone.

    Parameters
    ----------
    inputs
        A parquet file or folder (partition folders too), or several.
    """
    from semscore.jobs import plan as planner
    from semscore.jobs.cli.plan_tables import print_plan

    if not inputs:
        raise UserError("INPUT is needed: semscore plan INPUT...")
    settings = Settings(inputs=inputs, output=PLANNED_OUTPUT, **words.slices())
    set_log(settings.run)
    found = planner.plan(settings, ask)
    if ask.json:
        sys.stdout.write(json.dumps(found.as_json(), indent=1, ensure_ascii=False) + "\n")
    else:
        print_plan(Console(), found)
    return 0
