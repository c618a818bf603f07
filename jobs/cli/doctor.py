"""`semscore doctor`."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter
from rich.console import Console

from semscore.jobs.cli.log import set_log
from semscore.jobs.cli.shared_options import Place, Whole
from semscore.jobs.hosts import inside_job as processing_job
from semscore.jobs.options.settings import GROUPS, Spark


def doctor(
    *places: Place,
    words: Whole = Whole(),
    spark: Spark = Spark(),
    as_json: Annotated[bool, Parameter(name="--json", negative="", group=GROUPS["Run"])] = False,
) -> int:
    """Find in seconds what would end or spoil a run in hours: give it the words of `score`.

    Looks at versions, GPUs, Spark's settings, memory, disks and limits; at INPUT, OUTPUT and the
    model, if given. Starts no Spark, and leaves nothing in OUTPUT. Exit codes: 0 nothing fails;
    2 something does.

    Parameters
    ----------
    places
        INPUT and OUTPUT of the run; one place alone is INPUT.
    as_json
        Print a list of {check, level, found, fix}, for scripts.
    """
    from semscore.jobs.doctor import Question, examine, show

    if not places and processing_job.is_inside():
        places = processing_job.PLACES
    question = Question(
        inputs=places[:-1] or places,
        output=places[-1] if len(places) > 1 else "",
        spark=spark,
        **words.slices(),
    )
    set_log(question.run)
    return show(Console(), examine(question), as_json)
