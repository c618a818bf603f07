"""Describe a processing job: what it runs, what it uploads, and its maximum cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from semscore.jobs.failures.wording import counted
from semscore.jobs.processing_job.launch_options import Launch
from semscore.jobs.processing_job.model_at_launch import kind_here
from semscore.jobs.processing_job.processor import size_job
from semscore.jobs.processing_job.submission import MODEL_FOLDER
from semscore.udfs.recipe import described_model

if TYPE_CHECKING:
    from semscore.jobs.options.settings import Settings

HOUR = 3600
CHANNELS = {  # channel of the request -> its contents
    "code": "the script",
    "py-files": "semscore's code",
    "files": "long arguments",
    "conf": "Spark's configuration",
}


def explain(launch: Launch, settings: Settings, request: dict[str, Any]) -> list[tuple[str, str]]:
    """Return pairs of label and text that describe the job to users.

    `request`: as rehearse() returns it. Raises UserError if the instance type cannot serve the run.
    """
    executors = size_job(launch, settings)
    _, _, shape = executors.explain()[0]
    return [
        ("job", request["ProcessingJobName"]),
        ("region", request["Environment"]["AWS_DEFAULT_REGION"]),
        ("role", launch.role),
        ("image", launch.image_uri),
        (
            "instances",
            f"{launch.instances} x {launch.instance_type} ({shape}), {launch.volume_size} GB of "
            "disk each",
        ),
        (
            "executors",
            f"{executors.count}, each with {counted(executors.cores, 'core')}, "
            f"{executors.heap // 2**30} GiB of heap and {executors.overhead // 2**30} GiB outside "
            f"it; {counted(executors.slots, 'task')} at once",
        ),
        ("model", described_model(settings.recipe.model, settings.recipe.revision)),
        ("kind", kind_here(settings.recipe)),
        ("precision", _precision(settings)),
        ("input", ", ".join(settings.inputs)),
        ("output", f"{settings.output} (--mode {settings.target.mode})"),
        *_uploads(request, settings),
        ("time limit", _time_limit(launch, settings)),
        ("cost", _cost(launch, settings)),
    ]


def what_runs(launch: Launch, settings: Settings, request: dict[str, Any]) -> dict[str, str]:
    """Return what is easily overlooked in a request: the model, how it is run, region and role."""
    described = dict(explain(launch, settings, request))
    return {name: described[name] for name in ("model", "kind", "precision", "region", "role")}


def _precision(settings: Settings) -> str:
    precision = settings.recipe.precision
    return "auto: the job measures which is best" if precision == "auto" else precision


def _uploads(request: dict[str, Any], settings: Settings) -> list[tuple[str, str]]:
    """Return where the job's inputs are on S3, and which of them are uploaded from here."""
    rows = []
    for channel in request.get("ProcessingInputs", ()):
        name, uri = channel["InputName"], channel["S3Input"]["S3Uri"]
        if channel["S3Input"]["LocalPath"] == MODEL_FOLDER:
            copied = settings.recipe.model.startswith("s3")
            what = "the model, copied from" if copied else "the model, uploaded to"
            rows.append(("", f"{what} {uri}"))
        elif name in CHANNELS:
            rows.append(("", f"{CHANNELS[name]}, uploaded to {uri}"))
        else:
            rows.append(("", f"{name}, copied from {uri}"))
    return [("files" if place == 0 else "", text) for place, (_, text) in enumerate(rows)]


def _time_limit(launch: Launch, settings: Settings) -> str:
    hours = launch.time_limit / HOUR
    deadline = settings.limits.deadline
    end = f"after {deadline:,.0f} s (--deadline)" if deadline else "shortly before that"
    return f"{hours:,.1f} h (--max-runtime); the run stops by itself {end} and can be resumed"


def _cost(launch: Launch, settings: Settings) -> str:
    hours = launch.instances * launch.time_limit / HOUR
    price, most = settings.report.price, settings.limits.max_cost
    if price is not None and most is not None and most < hours * price:
        return f"at most {most:,.2f} (--max-cost), with the earlier runs of OUTPUT"
    if price is None:
        return (
            f"at most {hours:,.1f} instance hours; give --price, of one instance per hour, to see "
            "the cost"
        )
    return f"at most {hours * price:,.2f}: {hours:,.1f} instance hours at {price:g}"
