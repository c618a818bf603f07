"""The IAM policies: of the right form, no wider than they must be, and as docs/security.md says."""

from __future__ import annotations

import json
import os
import re
import subprocess
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from tests.services.iam import OPERATORS, allows, listed

ROOT = Path(__file__).parents[2]
HOME = ROOT / "conf" / "iam"
DOCS = (ROOT / "docs" / "security.md").read_text("utf-8")
POLICIES = ("job", "launcher")  # what is allowed; trust.json says to whom

PLACEHOLDER = re.compile(r"\b[A-Z]{2,}(?:_[A-Z]+)*\b")
ACTION = re.compile(r"[a-z0-9-]+:[A-Z][A-Za-z]+")  # and so no wildcards
ARN = re.compile(r"arn:aws:[a-z0-9]+:[A-Z]*:[A-Z]*:[^*?]+\*?")
S3_ARN = re.compile(r"arn:aws:s3:::([A-Z]+)_BUCKET(?:/([A-Z]+)_PREFIX(?:/_semscore)?(?:/\*)?)?")

# For these AWS documents no resources, so Resource must be `*`; with the condition key that it
# documents for them, if any. Service Authorization Reference, "Actions, resources, and condition
# keys for" Amazon ECR, Amazon CloudWatch, Amazon EC2:
# docs.aws.amazon.com/service-authorization/latest/reference/list_SERVICE.html
WITHOUT_RESOURCES = {
    "ecr:GetAuthorizationToken": None,  # list_amazonelasticcontainerregistry
    # list_amazoncloudwatch; the type `dataset`, which newer lists name, is for OTLP's metrics
    "cloudwatch:PutMetricData": "cloudwatch:namespace",
    "ec2:DescribeDhcpOptions": "ec2:Region",  # list_amazonec2, and so the rest
    "ec2:DescribeNetworkInterfaces": "ec2:Region",
    "ec2:DescribeRouteTables": "ec2:Region",
    "ec2:DescribeSecurityGroups": "ec2:Region",
    "ec2:DescribeSubnets": "ec2:Region",
    "ec2:DescribeVpcEndpoints": "ec2:Region",
    "ec2:DescribeVpcs": "ec2:Region",
    "sagemaker:ListProcessingJobs": None,  # list_amazonsagemaker
    "servicequotas:ListServiceQuotas": None,
}
# The key s3:prefix is documented for s3:ListBucket, not for this (list_amazons3).
WITHOUT_PREFIX = "s3:ListBucketMultipartUploads"

# How the names of jobs begin; SageMaker Pipelines names them pipelines-EXECUTION-STEP-….
NAMES = ("JOB_PREFIX", "pipelines-")

# Characters without white space: "IAM and AWS STS quotas",
# docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
LIMITS = {"job": 10_240, "launcher": 6_144, "trust": 2_048}  # a role's inline; managed; trust


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """JSON takes a key that comes twice, and IAM does not."""
    assert len(dict(pairs)) == len(pairs), f"a key comes twice in {pairs}"
    return dict(pairs)


def read(name: str, home: Path = HOME) -> list[dict[str, Any]]:
    """The statements of a policy."""
    policy = json.loads((home / f"{name}.json").read_text("utf-8"), object_pairs_hook=unique)
    assert set(policy) == {"Version", "Statement"}
    assert policy["Version"] == "2012-10-17"
    return list(policy["Statement"])


def statements(action: str, *names: str) -> list[dict[str, Any]]:
    return [
        found for name in names for found in read(name) if action in listed(found.get("Action", []))
    ]


def conditions(statement: dict[str, Any]) -> dict[str, list[str]]:
    """Key -> values, whatever the operator."""
    blocks = statement.get("Condition", {}).values()
    return {key: listed(value) for block in blocks for key, value in block.items()}


def every_statement() -> list[Any]:
    found = [(name, statement) for name in POLICIES for statement in read(name)]
    return [pytest.param(part, id=f"{name}-{part['Sid']}") for name, part in found]


def placeholders(text: str) -> set[str]:
    return set(PLACEHOLDER.findall(text))


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The policies as the commands in docs/security.md fill them in; `aws` is only called."""
    folder = tmp_path_factory.mktemp("filled") / "clone"
    folder.mkdir()
    (folder / "conf").symlink_to(ROOT / "conf")
    aws = folder / "aws"
    aws.write_text('#!/bin/sh\necho "$*" >> called\n')
    aws.chmod(0o755)
    (block,) = (block for block in re.findall(r"```bash\n(.*?)```", DOCS, re.S) if "sed" in block)
    subprocess.run(
        ["bash", "-euc", block],
        cwd=folder,
        env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"},
        check=True,
        timeout=60,
    )
    return folder.parent / "semscore-policies"


@pytest.mark.parametrize("statement", every_statement())
def test_a_statement_has_the_form_that_iam_takes(statement: dict[str, Any]) -> None:
    assert {"Sid", "Effect", "Action", "Resource"} <= set(statement)
    assert set(statement) <= {"Sid", "Effect", "Action", "Resource", "Condition"}
    assert re.fullmatch(r"[A-Za-z0-9]+", statement["Sid"])
    assert statement["Effect"] == "Allow"
    for action in listed(statement["Action"]):
        assert ACTION.fullmatch(action), action
    for resource in listed(statement["Resource"]):
        assert resource == "*" or ARN.fullmatch(resource), resource
    assert set(statement.get("Condition", {})) <= set(OPERATORS)
    for key, values in conditions(statement).items():
        assert re.fullmatch(r"[a-z0-9]+:[A-Za-z]+", key)
        assert values and all(isinstance(value, str) and value for value in values)


@pytest.mark.parametrize("name", POLICIES)
def test_each_statement_has_a_name_of_its_own(name: str) -> None:
    names = [statement["Sid"] for statement in read(name)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("statement", every_statement())
def test_all_resources_only_where_there_is_no_other_way(statement: dict[str, Any]) -> None:
    if "*" not in listed(statement["Resource"]):
        return
    for action in listed(statement["Action"]):
        key = WITHOUT_RESOURCES[action]
        assert key is None or key in conditions(statement), f"{action} knows the condition {key}"


@pytest.mark.parametrize("statement", every_statement())
def test_s3_only_below_the_prefixes(statement: dict[str, Any]) -> None:
    actions = [action for action in listed(statement["Action"]) if action.startswith("s3:")]
    if not actions:
        return
    assert actions == listed(statement["Action"])
    of_bucket = {action.startswith("s3:List") for action in actions}
    assert len(of_bucket) == 1, "rights on buckets and on objects are statements of their own"
    for resource in listed(statement["Resource"]):
        found = S3_ARN.fullmatch(resource)
        assert found, resource
        bucket, prefix = found.groups()
        if of_bucket == {False}:
            assert prefix == bucket, resource
            continue
        assert prefix is None, resource
        if actions != [WITHOUT_PREFIX]:
            expected = [f"{bucket}_PREFIX", f"{bucket}_PREFIX/*"]
            assert statement["Condition"] == {"StringLike": {"s3:prefix": expected}}


def granted(name: str, place: str) -> set[str]:
    """The S3 actions that a policy allows on a bucket, or in its prefix."""
    return {
        action
        for statement in read(name)
        if any(f":::{place}_BUCKET" in resource for resource in listed(statement["Resource"]))
        for action in listed(statement["Action"])
    }


def test_the_job_has_all_that_the_docs_say_it_needs_on_s3() -> None:
    text = (ROOT / "docs" / "s3.md").read_text("utf-8")
    (said,) = re.findall(r"\*\*Actions that a role needs:\*\*(.*?)\n\n", text, re.S)
    given, _, written = said.partition("on OUTPUT")
    on_input, on_output = (set(re.findall(r"`(s3:\w+)`", part)) for part in (given, written))
    assert on_input == {"s3:GetObject", "s3:ListBucket"}
    assert len(on_output) > len(on_input)
    assert granted("job", "INPUT") == on_input
    assert granted("job", "MODEL") == on_input
    assert granted("job", "OUTPUT") == on_output


def test_nothing_is_written_but_where_it_must_be() -> None:
    reading = {"s3:GetObject", "s3:ListBucket", WITHOUT_PREFIX}
    places = ("INPUT", "MODEL", "CODE", "OUTPUT", "LOGS")
    writing = {
        (name, place): granted(name, place) - reading for name in POLICIES for place in places
    }
    assert {key: value for key, value in writing.items() if value} == {
        ("job", "OUTPUT"): {"s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"},
        ("job", "LOGS"): {"s3:PutObject"},
        ("launcher", "CODE"): {"s3:PutObject"},
    }


def test_the_launcher_passes_one_role_to_sagemaker_alone() -> None:
    (passing,) = statements("iam:PassRole", *POLICIES)
    assert passing in read("launcher")
    assert listed(passing["Action"]) == ["iam:PassRole"]
    assert passing["Resource"] == "arn:aws:iam::ACCOUNT:role/ROLE_NAME"
    assert passing["Condition"] == {
        "StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}
    }


def test_grants_are_for_aws_resources_alone() -> None:
    (granting,) = statements("kms:CreateGrant", *POLICIES)
    assert listed(granting["Action"]) == ["kms:CreateGrant"]
    assert granting["Condition"] == {"Bool": {"kms:GrantIsForAWSResource": "true"}}


def test_only_jobs_of_this_account_take_the_role() -> None:
    (statement,) = read("trust")
    assert re.fullmatch(r"[A-Za-z0-9]+", statement.pop("Sid"))
    jobs = [f"arn:aws:sagemaker:REGION:ACCOUNT:processing-job/{name}*" for name in NAMES]
    assert statement == {
        "Effect": "Allow",
        "Principal": {"Service": "sagemaker.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {
            "StringEquals": {"aws:SourceAccount": "ACCOUNT"},
            "ArnLike": {"aws:SourceArn": jobs},
        },
    }
    for action in ("sagemaker:CreateProcessingJob", "sagemaker:AddTags"):
        (statement,) = statements(action, "launcher")
        assert statement["Resource"] == jobs
    (logging,) = statements("logs:PutLogEvents", "job")
    streams = [each.partition(":log-stream:")[2] for each in logging["Resource"]]
    assert streams == [f"{name}*" for name in NAMES]


def test_the_docs_describe_each_placeholder_and_no_other() -> None:
    used = placeholders("".join(path.read_text("utf-8") for path in HOME.glob("*.json")))
    rows = [line.split("|")[1] for line in DOCS.splitlines() if line.startswith("| `")]
    described = {name for row in rows for name in re.findall(r"`([A-Z_]+)`", row)}
    assert described == used
    assert set(re.findall(r"^s\|([A-Z_]+)\|", DOCS, re.M)) == used
    parts = [(one, other) for one in used for other in used if one != other and one in other]
    assert not parts, "sed would replace a part of the longer one"


def test_filled_in_nothing_is_left_to_fill(filled: Path) -> None:
    for name in ("trust", *POLICIES):
        text = (filled / f"{name}.json").read_text("utf-8")
        assert not placeholders(text)
        small = json.dumps(read(name, filled), separators=(",", ":"))
        assert len(small) < LIMITS[name] / 1.5, "leave room for longer names"
        assert not re.search(r"[^\t\n\r\x20-\xff]", text), "IAM takes no other characters"


def test_the_commands_make_the_role_and_the_policies(filled: Path) -> None:
    called = (filled.parent / "clone/called").read_text("utf-8")
    role = set(re.findall(r"--role-name (\S+)", called))
    assert role == set(re.findall(r"^s\|ROLE_NAME\|([^|]+)\|", DOCS, re.M))
    for name in ("trust", *POLICIES):
        assert f"file://../semscore-policies/{name}.json" in called


@pytest.mark.parametrize(
    ("name", "action", "key", "allowed"),
    [
        ("job", "GetObject", "my-data/pairs", True),  # a single file; S3A asks for folders so too
        ("job", "GetObject", "my-data/pairs/k=1/a.parquet", True),
        ("job", "GetObject", "my-data/pairs-of-others/a.parquet", False),
        ("job", "GetObject", "other-data/pairs/a.parquet", False),
        ("job", "PutObject", "my-data/pairs/a.parquet", False),
        ("job", "DeleteObject", "my-data/pairs/a.parquet", False),
        ("job", "GetObject", "my-scored/scored", True),
        ("job", "PutObject", "my-scored/scored/", True),  # S3A's mark of a folder
        ("job", "DeleteObject", "my-scored/scored/_semscore/staging/a", True),
        ("job", "DeleteObject", "my-scored/scored-before/a", False),
        ("job", "GetObject", "my-code/semscore/semscore-1/input/code/score.py", True),
        ("job", "PutObject", "my-code/semscore/semscore-1/input/code/score.py", False),
        ("job", "PutObject", "my-logs/spark/semscore-1/events", True),
        ("job", "GetObject", "my-logs/spark/semscore-1/events", False),
        ("launcher", "PutObject", "my-code/semscore/semscore-1/input/code/score.py", True),
        ("launcher", "GetObject", "my-scored/scored/_semscore/progress.json", True),
        ("launcher", "GetObject", "my-scored/scored/part-0.zstd.parquet", False),
        ("launcher", "PutObject", "my-scored/scored/_semscore/progress.json", False),
    ],
)
def test_who_may_do_what_to_which_object(
    filled: Path, name: str, action: str, key: str, allowed: bool
) -> None:
    found = allows(read(name, filled), f"s3:{action}", f"arn:aws:s3:::{key}")
    assert found is allowed


@pytest.mark.parametrize("job", ["semscore-2026", "pipelines-fc3b5kdylqoy-Score-Nm4HTpFCBD"])
def test_jobs_by_name_and_in_pipelines_are_allowed(filled: Path, job: str) -> None:
    here = "eu-central-1:111122223333"
    arn = f"arn:aws:sagemaker:{here}:processing-job/{job}"
    assert allows(read("launcher", filled), "sagemaker:CreateProcessingJob", arn)
    (trust,) = read("trust", filled)
    sources = conditions(trust)["aws:SourceArn"]
    assert any(fnmatchcase(arn, source) for source in sources)
    stream = f"arn:aws:logs:{here}:log-group:/aws/sagemaker/ProcessingJobs:log-stream:{job}/algo-1"
    assert allows(read("job", filled), "logs:PutLogEvents", stream)


@pytest.mark.parametrize(
    ("prefix", "allowed"),
    [
        ("pairs", True),  # SageMaker's own download, and whether the bucket can be reached
        ("pairs/", True),
        ("pairs/k=1/", True),
        ("pairs-of-others/", False),
        ("", False),
    ],
)
def test_lists_show_what_is_below_the_prefix(filled: Path, prefix: str, allowed: bool) -> None:
    for name in POLICIES:
        bucket = "arn:aws:s3:::my-data"
        found = allows(read(name, filled), "s3:ListBucket", bucket, s3__prefix=prefix)
        assert found is allowed


JOB = "arn:aws:sagemaker:eu-central-1:111122223333:processing-job/"
ROLE = "arn:aws:iam::111122223333:role/semscore-job"
STREAM = (
    "arn:aws:logs:eu-central-1:111122223333:log-group:/aws/sagemaker/ProcessingJobs:log-stream:"
)
SAGEMAKER = "sagemaker.amazonaws.com"


@pytest.mark.parametrize(
    ("action", "resource", "context", "allowed"),
    [
        ("sagemaker:CreateProcessingJob", f"{JOB}semscore-2026-11-30", {}, True),
        ("sagemaker:CreateProcessingJob", f"{JOB}pipelines-fc3b5k-Score-Nm4H", {}, True),
        ("sagemaker:CreateProcessingJob", f"{JOB}semscore", {}, False),
        ("sagemaker:CreateProcessingJob", f"{JOB}semscores-of-others", {}, False),
        ("sagemaker:CreateProcessingJob", f"{JOB}training", {}, False),
        ("sagemaker:StopProcessingJob", f"{JOB}training", {}, False),
        ("sagemaker:CreateTrainingJob", f"{JOB}semscore-1", {}, False),
        (
            "sagemaker:AddTags",
            f"{JOB}semscore-1",
            {"sagemaker__TaggingAction": "CreateProcessingJob"},
            True,
        ),
        ("sagemaker:AddTags", f"{JOB}semscore-1", {}, False),
        ("iam:PassRole", ROLE, {"iam__PassedToService": SAGEMAKER}, True),
        ("iam:PassRole", ROLE, {"iam__PassedToService": "ec2.amazonaws.com"}, False),
        ("iam:PassRole", ROLE, {}, False),
        ("iam:PassRole", f"{ROLE}-admin", {"iam__PassedToService": SAGEMAKER}, False),
        ("iam:CreateRole", ROLE, {}, False),
        ("iam:PutRolePolicy", ROLE, {}, False),
        ("ecr:PutImage", "arn:aws:ecr:eu-central-1:111122223333:repository/semscore", {}, False),
        ("servicequotas:ListServiceQuotas", "*", {}, True),
        ("sagemaker:ListProcessingJobs", "*", {}, True),
    ],
)
def test_what_the_launcher_may_do(
    filled: Path, action: str, resource: str, context: dict[str, str], allowed: bool
) -> None:
    assert allows(read("launcher", filled), action, resource, **context) is allowed


@pytest.mark.parametrize(
    ("action", "resource", "context", "allowed"),
    [
        ("logs:PutLogEvents", f"{STREAM}semscore-1/algo-1-1", {}, True),
        ("logs:PutLogEvents", f"{STREAM}training/algo-1-1", {}, False),
        (
            "cloudwatch:PutMetricData",
            "*",
            {"cloudwatch__namespace": "/aws/sagemaker/ProcessingJobs"},
            True,
        ),
        ("cloudwatch:PutMetricData", "*", {"cloudwatch__namespace": "billing"}, False),
        ("iam:PassRole", ROLE, {"iam__PassedToService": SAGEMAKER}, False),
        ("sagemaker:CreateProcessingJob", f"{JOB}semscore-2", {}, False),
        ("ecr:PutImage", "arn:aws:ecr:eu-central-1:111122223333:repository/semscore", {}, False),
        ("s3:DeleteBucket", "arn:aws:s3:::my-scored", {}, False),
        ("s3:PutBucketPolicy", "arn:aws:s3:::my-scored", {}, False),
    ],
)
def test_what_the_job_may_do(
    filled: Path, action: str, resource: str, context: dict[str, str], allowed: bool
) -> None:
    assert allows(read("job", filled), action, resource, **context) is allowed


@pytest.mark.parametrize(
    ("job", "account", "allowed"),
    [
        ("semscore-1", "111122223333", True),
        ("training", "111122223333", False),
        ("semscore-1", "444455556666", False),
    ],
)
def test_for_which_jobs_the_role_is_assumed(
    filled: Path, job: str, account: str, allowed: bool
) -> None:
    context = {"aws__SourceAccount": account, "aws__SourceArn": f"{JOB}{job}"}
    assert allows(read("trust", filled), "sts:AssumeRole", **context) is allowed


@pytest.mark.parametrize(
    ("action", "resource", "context", "allowed"),
    [
        ("s3:GetObject", "arn:aws:s3:::their-data/pairs/k=1/a.parquet", {}, True),
        ("s3:GetObject", "arn:aws:s3:::their-data/pairs-of-others/a.parquet", {}, False),
        ("s3:PutObject", "arn:aws:s3:::their-data/pairs/a.parquet", {}, False),
        ("s3:ListBucket", "arn:aws:s3:::their-data", {"s3__prefix": "pairs/"}, True),
        ("s3:ListBucket", "arn:aws:s3:::their-data", {"s3__prefix": ""}, False),
    ],
)
def test_what_another_account_gives_the_role(
    action: str, resource: str, context: dict[str, str], allowed: bool
) -> None:
    page = (ROOT / "docs/operations.md").read_text("utf-8")
    bucket, _ = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", page, re.S))
    assert {each["Principal"]["AWS"] for each in bucket["Statement"]} == {
        "arn:aws:iam::111122223333:role/semscore-job"
    }
    assert allows(bucket["Statement"], action, resource, **context) is allowed
