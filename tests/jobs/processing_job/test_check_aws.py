"""What doctor --launch finds in AWS: on moto's server, and with answers of our own."""

from __future__ import annotations

import json
from typing import Any

import pytest

from semscore.jobs.cli import app as cli
from semscore.jobs.processing_job import check_aws
from semscore.udfs.version import __version__

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "sagemaker.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}
ROLE = "arn:aws:iam::123456789012:role/semscore-job"
REGISTRY = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
OTHERS = "123456789012.dkr.ecr.us-east-1.amazonaws.com"


@pytest.fixture
def quotas(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """Service Quotas, which moto lacks: name -> value."""
    known = {"ml.g5.2xlarge for processing job usage": 4.0}
    whole = check_aws.Aws.client

    class Quotas:
        def get_paginator(self, _: str) -> Any:
            return self

        def paginate(self, **_: str) -> Any:
            yield {"Quotas": []}
            yield {"Quotas": [{"QuotaName": k, "Value": v} for k, v in known.items()]}

    def client(aws: check_aws.Aws, service: str) -> Any:
        return Quotas() if service == "service-quotas" else whole(aws, service)

    monkeypatch.setattr(check_aws.Aws, "client", client)
    return known


@pytest.fixture
def doctor(aws: Any, quotas: Any, capsys: pytest.CaptureFixture[str]) -> Any:
    """Ask doctor --launch; its exit code and findings: check -> (level, found, fix)."""

    def ask(*options: str) -> tuple[int, dict[str, tuple[str, str, str]]]:
        places = ["s3://input/pairs", "s3://output/scored"]
        code = cli.main(["doctor", *places, "--launch", "--json", *options])
        found = json.loads(capsys.readouterr().out)
        return code, {f["check"]: (f["level"], f["found"], f["fix"]) for f in found}

    return ask


def push_image(aws: Any, tag: str) -> str:
    ecr = aws.client("ecr")
    ecr.create_repository(repositoryName="semscore")
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    layers = {"schemaVersion": 2, "mediaType": kind, "config": {"digest": "x"}, "layers": []}
    ecr.put_image(repositoryName="semscore", imageTag=tag, imageManifest=json.dumps(layers))
    return f"{REGISTRY}/semscore:{tag}"


def test_all_is_well(aws: Any, doctor: Any) -> None:
    aws.client("iam").create_role(
        RoleName="semscore-job", AssumeRolePolicyDocument=json.dumps(TRUST)
    )
    image = push_image(aws, f"{__version__}-0123456789ab")
    before = len(aws.sent)
    code, found = doctor(
        *("--role", ROLE, "--image-uri", image, "--instance-type", "ml.g5.2xlarge"),
        *("--instances", "4", "--code-location", "s3://code-bucket/semscore"),
    )
    checks = {"credentials", "region", "role", "image", "quota", "network"}
    checks |= {"bucket input", "bucket output", "bucket code-bucket"}
    assert {check: level for check, (level, *_) in found.items()} == dict.fromkeys(checks, "ok")
    assert code == 0
    assert "4 (ml.g5.2xlarge for processing job usage)" in found["quota"][1]
    asked = {what.rpartition(".")[2] for what, _, _ in aws.sent[before:]}
    assert not [what for what in asked if what.startswith(("PUT", "DELETE", "Create", "Put"))]


def test_each_thing_that_is_missing_is_named_with_its_fix(aws: Any, doctor: Any) -> None:
    code, found = doctor(
        *("--role", ROLE, "--image-uri", f"{REGISTRY}/semscore:1", "--instances", "5"),
        *("--instance-type", "g5.2xlarge", "--code-location", "s3://nowhere-1/x"),
    )
    assert code == 2
    failed = {check for check, (level, *_) in found.items() if level == "fail"}
    assert failed == {"role", "image", "quota", "bucket nowhere-1"}
    assert found["role"][1:] == (f"there is no role {ROLE}", "create it: docs/security.md")
    assert found["quota"][2] == "request an increase: Service Quotas, Amazon SageMaker"
    assert all(fix for _, (level, _, fix) in found.items() if level != "ok")


def test_a_role_that_sagemaker_may_not_take(aws: Any, doctor: Any) -> None:
    other = json.loads(json.dumps(TRUST).replace("sagemaker", "ec2"))
    aws.client("iam").create_role(
        RoleName="semscore-job", AssumeRolePolicyDocument=json.dumps(other)
    )
    level, found, _ = doctor("--role", ROLE)[1]["role"]
    assert (level, found) == ("fail", f"{ROLE} does not trust sagemaker.amazonaws.com")


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("semscore:1", "is not the address of an image in ECR"),
        (f"{OTHERS}/semscore:1", "the image is in us-east-1"),
    ],
)
def test_images_of_elsewhere(doctor: Any, uri: str, says: str) -> None:
    level, found, fix = doctor("--image-uri", uri)[1]["image"]
    assert level == "fail" and says in found and fix


def test_an_image_of_another_version(aws: Any, doctor: Any) -> None:
    level, found, _ = doctor("--image-uri", push_image(aws, "0.0.1-0123456789ab"))[1]["image"]
    assert (level, found) == (
        "fail",
        f"the image has semscore 0.0.1, but {__version__} is installed here",
    )


def test_a_network_without_a_way_to_s3(aws: Any, doctor: Any) -> None:
    ec2 = aws.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    level, found, _ = doctor("--subnets", subnet)[1]["network"]
    assert level == "fail"
    assert found.endswith(
        "has no default route and no endpoints for s3, ecr.api, ecr.dkr, logs, sts"
    )
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    [table] = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])[
        "RouteTables"
    ]
    ec2.create_route(
        RouteTableId=table["RouteTableId"],
        DestinationCidrBlock="0.0.0.0/0",
        GatewayId=gateway,
    )
    assert doctor("--subnets", subnet)[1]["network"][0] == "ok"


def test_without_rights_what_was_not_looked_at_is_said(
    aws: Any, doctor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from botocore.exceptions import ClientError

    def refuse(*_: Any) -> Any:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetRole")

    monkeypatch.setattr(check_aws, "_trusts_sagemaker", refuse)
    aws.client("iam").create_role(
        RoleName="semscore-job", AssumeRolePolicyDocument=json.dumps(TRUST)
    )
    level, found, fix = doctor("--role", ROLE)[1]["role"]
    assert (level, found) == ("warn", "access to GetRole is denied, so this was not checked")
    assert "conf/iam/launcher.json" in fix


@pytest.mark.usefixtures("nowhere")
def test_without_credentials(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["doctor", "--launch", "--json", "--region", "eu-central-1"]) == 2
    found = {f["check"]: f for f in json.loads(capsys.readouterr().out)}
    assert found["credentials"]["level"] == "fail"
    assert "aws configure" in found["credentials"]["fix"]
