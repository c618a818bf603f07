"""The command `semscore`: parse the arguments, call the command, and report errors."""

from __future__ import annotations

import logging
import shlex
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise

from cyclopts import App, CycloptsError, MissingArgumentError, UnknownOptionError

from semscore.jobs.cli.commands import demo, doctor, embed, launch, plan, report, score
from semscore.jobs.cli.config_file import config_files
from semscore.jobs.cli.log import start_log
from semscore.jobs.cli.old_names import renamed
from semscore.jobs.failures.causes import judged
from semscore.jobs.failures.root_cause import root_cause
from semscore.jobs.failures.wording import as_options
from semscore.jobs.hosts import inside_job
from semscore.jobs.options.arguments import unfolded
from semscore.jobs.spark.surroundings import of_a_run, with_variables
from semscore.udfs.errors import JobError, StoppedEarly, StorageUnusable, UserError
from semscore.udfs.stores.folder import StorageError
from semscore.udfs.stores.names import is_utf8, printable
from semscore.udfs.version import __version__

app = App(
    name="semscore",
    version=__version__,
    help="Score pairs of texts in parquet datasets, or embed texts, with Spark.",
    help_format="markdown",
)
# In the order of the help.
USAGES: dict[Callable[..., int], str] = {
    score: "INPUT... OUTPUT [options]",
    embed: "INPUT... OUTPUT --text a,b [options]",
    launch: "INPUT... OUTPUT --role … --instance-type … --image-uri … [options]",
    plan: "INPUT... [--instance-type …] [--price …] [options]",
    doctor: "[INPUT... OUTPUT] [options]",
    report: "OUTPUT [options]",
    demo: "[FOLDER]",
}
for position, (command, usage) in enumerate(USAGES.items()):
    name = command.__name__
    app.command(command, name=name, usage=f"semscore {name} {usage}\n", sort_key=position)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code. Report a user's error in one sentence."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in arguments
    start_log(debug)
    try:
        changes = of_a_run()
    except OSError as error:
        return _complain(error, str(error), UserError.exit_code, debug)
    with with_variables(changes):
        return _run(arguments, debug)


def _run(arguments: Sequence[str], debug: bool) -> int:
    """Run the command, report any error, and return the exit code."""
    try:
        arguments = unfolded(arguments, inside_job.is_inside())
        _require_text(arguments)
        app.config = config_files(app, arguments)
        code = app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
    except StoppedEarly as error:
        message = f"{error}. To resume: {_resume_command(arguments)}"
        return _complain(error, message, error.exit_code, debug)
    except JobError as error:
        return _complain(error, _said(error), error.exit_code, debug)
    except CycloptsError as error:
        message = " ".join(str(error).split()) + _dash_hint(error, arguments)
        if isinstance(error, UnknownOptionError):
            message = renamed(arguments) or message
        return _complain(error, message, UserError.exit_code, debug)
    except StorageError as error:
        return _complain(error, _said(error), JobError.exit_code, debug)
    except KeyboardInterrupt:
        return _complain(None, "interrupted", 130, debug)
    except Exception as error:
        if explained := judged(error):
            return _complain(error, _said(explained), explained.exit_code, debug)
        hint = "" if debug else " (--debug shows where)"
        return _complain(error, f"internal error: {root_cause(error)}{hint}", 1, debug)
    return code if isinstance(code, int) else 0


def _said(error: JobError | StorageError) -> str:
    """Return what to say of an error: if the storage is the cause, also what to do afterwards."""
    if isinstance(error, StorageError | StorageUnusable):
        return f"{error}. Committed units stay. Continue with --mode resume"
    return str(error)


def _resume_command(arguments: Sequence[str]) -> str:
    """Return the command that resumes a run that was started with these arguments."""
    from semscore.jobs.spark.session import by_spark_submit

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


def _require_text(arguments: Sequence[str]) -> None:
    """Raise UserError for arguments that are not UTF-8, which Java and JSON do not accept."""
    for argument in arguments:
        if not is_utf8(argument):
            raise UserError(
                f"the argument {printable(argument)} is not valid UTF-8, which Spark requires. "
                "Rename the file or folder, or type the argument in UTF-8"
            )


def _dash_hint(error: Exception, arguments: Sequence[str]) -> str:
    """Return how to write a value that was taken for an option, or an empty string."""
    if isinstance(error, MissingArgumentError):
        for option, value in pairwise(arguments):
            if option.startswith("--") and value.startswith("-") and f"{option} " in str(error):
                return f" If a value begins with a dash, write it as {option}={value}"
    return ""


def _complain(error: BaseException | None, message: str, code: int, debug: bool) -> int:
    """Log the message, pass it on to the processing job, and return the exit code."""
    message = as_options(message)
    logging.getLogger("semscore").error(message, exc_info=error if debug else None)
    inside_job.tell_reason(message, code)
    return code


if __name__ == "__main__":
    sys.exit(main())
