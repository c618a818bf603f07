"""The CloudFormation template: valid, the same rights as conf/iam, and what a stack of it has.

moto creates the stack. It is not AWS, but it resolves the template's functions on its own.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from moto import mock_aws
from moto.events.models import EventPattern

from semscore.jobs.ledger.ledger import STAGING
from semscore.jobs.processing_job.follow import LOG_GROUP
from semscore.jobs.telemetry.stalls import STALLED

# moto's word for what it cannot make: bucket policies, subscriptions, filters, alarms and projects
pytestmark = pytest.mark.filterwarnings("ignore:Tried to parse")
ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "conf/cloudformation/semscore.yaml"
REGION, ACCOUNT = "eu-central-1", "123456789012"
# The template's parameters, and the placeholders in conf/iam that stand for the same.
SAMPLE = {
    "InputBucket": ("my-data", "INPUT_BUCKET"),
    "InputPrefix": ("pairs", "INPUT_PREFIX"),
    "BucketName": ("my-scored", "OUTPUT_BUCKET CODE_BUCKET LOGS_BUCKET"),
    "OutputPrefix": ("scored", "OUTPUT_PREFIX"),
    "CodePrefix": ("code", "CODE_PREFIX"),
    "LogsPrefix": ("events", "LOGS_PREFIX"),
    "ModelBucket": ("my-models", "MODEL_BUCKET"),
    "ModelPrefix": ("minilm", "MODEL_PREFIX"),
    "RoleName": ("the-role", "ROLE_NAME"),
    "JobPrefix": ("scoring-", "JOB_PREFIX"),
    "Repository": ("images", "REPOSITORY"),
    "KeyId": ("11111111-2222-3333-4444-555555555555", "KMS_KEY_ID"),
    "VolumeKeyId": ("66666666-7777-8888-9999-000000000000", "VOLUME_KEY_ID"),
    "VpcId": ("vpc-1234", "VPC_ID"),
    "AlarmEmail": ("on-call@example.com", ""),
    "SourceLocation": ("https://github.com/example/semscore", ""),
    "SourceVersion": ("main", ""),
    "BuildOptions": ("--torch 2.13.0", ""),
}


def filled(name: str) -> list[dict[str, Any]]:
    """The statements in conf/iam, with the sample's values."""
    text = (ROOT / f"conf/iam/{name}.json").read_text("utf-8")
    values = {word: value for value, names in SAMPLE.values() for word in names.split()}
    values |= {"REGION": REGION, "ACCOUNT": ACCOUNT}
    for word in sorted(values, key=len, reverse=True):
        text = text.replace(word, values[word])
    assert not re.search(r"[A-Z]+_[A-Z]+", text)
    return list(json.loads(text)["Statement"])


@pytest.fixture(scope="module")
def stack() -> Iterator[dict[str, str]]:
    """The outputs of a stack. While it exists, boto3 talks to moto."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        cloud = boto3.client("cloudformation")
        cloud.create_stack(
            StackName="semscore",
            TemplateBody=TEMPLATE.read_text("utf-8"),
            Parameters=[
                {"ParameterKey": key, "ParameterValue": value} for key, (value, _) in SAMPLE.items()
            ],
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        [made] = cloud.describe_stacks(StackName="semscore")["Stacks"]
        yield {each["OutputKey"]: each["OutputValue"] for each in made["Outputs"]}


def parsed() -> dict[str, Any]:
    """The template as YAML, with CloudFormation's tags as plain values."""

    class Loader(yaml.SafeLoader):
        pass

    def plain(loader: yaml.SafeLoader, _: str, node: yaml.Node) -> Any:
        if isinstance(node, yaml.ScalarNode):
            return loader.construct_scalar(node)
        if isinstance(node, yaml.SequenceNode):
            return loader.construct_sequence(node, deep=True)
        return loader.construct_mapping(node, deep=True)

    Loader.add_multi_constructor("!", plain)
    return dict(yaml.load(TEMPLATE.read_text("utf-8"), Loader))


def statements(document: str | dict[str, Any]) -> list[dict[str, Any]]:
    """The statements of a policy. moto returns one that a stack has made as Python text."""
    policy = ast.literal_eval(document) if isinstance(document, str) else document
    return list(policy["Statement"])


def properties(name: str) -> dict[str, Any]:
    """The properties of a resource in the template. moto cannot make some of them."""
    return dict(parsed()["Resources"][name]["Properties"])


def test_cfn_lint_has_nothing_to_say() -> None:
    command = [str(Path(sys.executable).with_name("cfn-lint")), str(TEMPLATE)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_job_has_the_rights_of_the_policy(stack: dict[str, str]) -> None:
    iam = boto3.client("iam")
    role = iam.get_role(RoleName="the-role")["Role"]
    assert statements(role["AssumeRolePolicyDocument"]) == filled("trust")
    inline = iam.get_role_policy(RoleName="the-role", PolicyName="semscore-job")
    assert statements(inline["PolicyDocument"]) == filled("job")
    assert stack["Role"] == role["Arn"]
    assert not iam.list_attached_role_policies(RoleName="the-role")["AttachedPolicies"]


def test_the_launcher_has_the_rights_of_the_policy(stack: dict[str, str]) -> None:
    iam = boto3.client("iam")
    arn = stack["LauncherPolicy"]
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    policy = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]
    assert statements(policy["Document"]) == filled("launcher")


def test_nothing_else_is_allowed_but_building(stack: dict[str, str]) -> None:
    roles = {role["RoleName"] for role in boto3.client("iam").list_roles()["Roles"]}
    [builder] = roles - {"the-role"}
    iam = boto3.client("iam")
    inline = iam.get_role_policy(RoleName=builder, PolicyName="semscore-build")
    given = statements(inline["PolicyDocument"])
    repository = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/images"
    wide = {each["Sid"] for each in given if each["Resource"] == "*"}
    pushing = [each for each in given if "ecr:PutImage" in each["Action"]]
    assert wide == {"LogInToRegistries"}
    assert [each["Resource"] for each in pushing] == [repository]


def test_the_rights_to_build_are_those_in_the_docs() -> None:
    text = (ROOT / "docs/security.md").read_text("utf-8")
    part = text.partition("**To build the image**")[2].partition("\n## ")[0]
    named = set(re.findall(r"`(ecr:\w+)`", part))
    [policy] = properties("BuildRole")["Policies"]
    given = {
        action
        for each in statements(policy["PolicyDocument"])
        for action in ([each["Action"]] if isinstance(each["Action"], str) else each["Action"])
        if action.startswith("ecr:")
    }
    # The stack creates the repository, and scan results are for people.
    assert named - given == {"ecr:CreateRepository", "ecr:DescribeImageScanFindings"}
    assert not given - named


def test_the_bucket_is_closed_encrypted_and_cleaned(stack: dict[str, str]) -> None:
    bucket = properties("Bucket")
    closed = bucket["PublicAccessBlockConfiguration"]
    assert len(closed) == 4 and all(closed.values())
    [rule] = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    condition, with_key, without = rule["ServerSideEncryptionByDefault"]
    assert condition == "HasKey"
    assert with_key["SSEAlgorithm"] == "aws:kms"
    assert with_key["KMSMasterKeyID"].endswith(":key/${KeyId}")
    assert without == {"SSEAlgorithm": "AES256"}
    rules = bucket["LifecycleConfiguration"]["Rules"]
    expiring = {each["Prefix"]: each["ExpirationInDays"] for each in rules if "Prefix" in each}
    # Nothing that a dataset needs expires. A job takes at most 9 days.
    assert expiring == {
        f"${{OutputPrefix}}/{STAGING}/": 10,
        "${LogsPrefix}/": "DaysKept",
    }
    assert parsed()["Parameters"]["DaysKept"]["MinValue"] == 10
    assert stack["Output"] == "s3://my-scored/scored"
    assert stack["CodeLocation"] == "s3://my-scored/code"
    [statement] = statements(properties("BucketPolicy")["PolicyDocument"])
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


@pytest.mark.parametrize("name", ["Bucket", "Images", "JobLogs"])
def test_what_holds_data_outlives_the_stack(name: str) -> None:
    resource = parsed()["Resources"][name]
    assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"


def test_the_repository_is_like_that_of_the_script() -> None:
    script = (ROOT / "container/build_and_push.sh").read_text("utf-8")
    made = properties("Images")
    assert made["ImageScanningConfiguration"] == {"ScanOnPush": True}
    assert made["ImageTagMutability"] == "IMMUTABLE"
    assert made["EncryptionConfiguration"]["EncryptionType"] == "AES256"
    for option in ("scanOnPush=true", "--image-tag-mutability IMMUTABLE", "encryptionType=AES256"):
        assert option in script
    text = made["LifecyclePolicy"]["LifecyclePolicyText"].replace("${ImagesKept}", "20")
    [rule] = json.loads(text)["rules"]
    assert rule["selection"]["countNumber"] == 20


def test_logs_are_kept_for_a_time(stack: dict[str, str]) -> None:
    groups = boto3.client("logs").describe_log_groups(logGroupNamePrefix=LOG_GROUP)["logGroups"]
    assert [group["retentionInDays"] for group in groups] == [30]


def event(**detail: str) -> dict[str, Any]:
    return {
        "source": "aws.sagemaker",
        "detail-type": "SageMaker Processing Job State Change",
        "region": REGION,
        "detail": {"ProcessingJobName": "scoring-1", "ProcessingJobStatus": "Failed"} | detail,
    }


@pytest.mark.parametrize(
    ("detail", "alarms"),
    [
        ({}, True),
        ({"ProcessingJobStatus": "Stopped"}, True),
        ({"ProcessingJobStatus": "Completed"}, False),
        ({"ProcessingJobStatus": "InProgress"}, False),
        ({"ProcessingJobName": "scorings-of-others"}, False),
        ({"ProcessingJobName": "training"}, False),
    ],
)
def test_which_jobs_end_in_an_alarm(
    stack: dict[str, str], detail: dict[str, str], alarms: bool
) -> None:
    events = boto3.client("events")
    [rule] = events.list_rules()["Rules"]
    pattern = EventPattern.load(rule["EventPattern"])
    assert pattern.matches_event(event(**detail)) is alarms
    [target] = events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
    assert target["Arn"] == stack["Alarms"]


def test_a_stall_that_the_job_logs_raises_an_alarm() -> None:
    found = properties("Stalls")
    assert found["LogGroupName"] == ["CreatesLogGroup", "JobLogs", LOG_GROUP]
    assert found["FilterPattern"] == f'"{STALLED}"'
    [metric] = found["MetricTransformations"]
    alarm = properties("JobStalled")
    assert (alarm["Namespace"], alarm["MetricName"]) == (
        metric["MetricNamespace"],
        metric["MetricName"],
    )
    assert alarm["AlarmActions"] == ["Alarms"]
    assert alarm["TreatMissingData"] == "notBreaching"


def test_the_project_builds_with_the_buildspec() -> None:
    project = properties("Build")
    assert (ROOT / project["Source"]["BuildSpec"]).is_file()
    given = {each["Name"] for each in project["Environment"]["EnvironmentVariables"]}
    spec = yaml.safe_load((ROOT / project["Source"]["BuildSpec"]).read_text("utf-8"))
    commands = "\n".join(spec["phases"]["build"]["commands"])
    assert given == set(re.findall(r"\$\{?([A-Z_]+)", commands)) - {"IMAGE"}
    assert project["Environment"]["PrivilegedMode"] is True


def test_each_parameter_is_used_and_described() -> None:
    template = parsed()
    text = TEMPLATE.read_text("utf-8")
    for name, parameter in template["Parameters"].items():
        assert re.search(rf"(!Ref |\$\{{){name}\b", text), name
        assert parameter["Description"].endswith("."), name
