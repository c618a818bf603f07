"""Check what a SageMaker job needs from AWS before it is created. Changes nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from semscore.jobs.diagnosis.finding import Check, Finding
from semscore.jobs.hosts.instances import short_name
from semscore.jobs.processing_job.aws_question import AwsQuestion
from semscore.udfs.errors import UserError
from semscore.udfs.stores.s3 import is_s3, split
from semscore.udfs.version import __version__

if TYPE_CHECKING:
    from semscore.jobs.options.settings import Settings

SERVICE = "sagemaker.amazonaws.com"
IMAGE = re.compile(r"(\d{12})\.dkr\.ecr\.([\w-]+)\.[\w.-]+/([\w./-]+):([\w.-]+)")
DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403", "Forbidden"}
NEEDED_IN_A_VPC = (
    "s3",
    "ecr.api",
    "ecr.dkr",
    "logs",
    "sts",
)  # if the VPC has no route to the internet
RIGHTS = "conf/iam/launcher.json has the right; docs/security.md shows how to attach it"


@dataclass(frozen=True)
class Aws:
    """A boto3 session, and the job to check with it."""

    session: Any  # boto3.Session
    question: AwsQuestion
    settings: Settings

    def client(self, service: str) -> Any:
        """Return a client that gives up after a few seconds."""
        from botocore.config import Config

        config = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 2})
        return self.session.client(service, config=config)


def aws_checks(question: AwsQuestion, settings: Settings) -> dict[str, Check]:
    """Return the checks that apply, by name, for findings().

    Raises UserError if boto3 is not installed or the AWS settings here cannot be read.
    """
    try:
        import boto3
        from botocore.exceptions import BotoCoreError
    except ImportError as error:
        raise UserError("--launch needs boto3: pip install 'semscore[launch]'") from error
    try:
        session = boto3.Session(region_name=question.region)
    except BotoCoreError as error:
        raise UserError(f"AWS settings: {' '.join(str(error).split())}") from error
    aws = Aws(session, question, settings)
    places = [*settings.locations, settings.output, question.code_location or ""]
    buckets = dict.fromkeys(split(place)[0] for place in places if is_s3(place))
    checks: dict[str, Callable[[], Iterator[Finding]]] = {
        "credentials": lambda: check_credentials(aws),
        "region": lambda: check_region(aws),
        "role": lambda: check_role(aws),
        "image": lambda: check_image(aws),
        "quota": lambda: check_quota(aws),
        "network": lambda: check_network(aws),
    }
    if not session.region_name:
        return {name: checks[name] for name in ("region",)}
    checks |= {f"bucket {name}": _for_bucket(aws, name) for name in buckets}
    return {name: _guarded(name, check) for name, check in checks.items()}


def check_credentials(aws: Aws) -> Iterator[Finding]:
    """Report whose AWS credentials are used."""
    who = aws.client("sts").get_caller_identity()
    yield Finding("credentials", "ok", f"{who['Arn']} in account {who['Account']}")


def check_region(aws: Aws) -> Iterator[Finding]:
    """Report the region in which the job would run."""
    if region := aws.session.region_name:
        yield Finding("region", "ok", region)
    else:
        yield Finding("region", "fail", "no region is set", "give --region or set AWS_REGION")


def check_role(aws: Aws) -> Iterator[Finding]:
    """Check that the role exists and that SageMaker may assume it."""
    if not (role := aws.question.role):
        yield Finding("role", "warn", "no role is given", "give --role, as for semscore launch")
        return
    try:
        found = aws.client("iam").get_role(RoleName=role.rpartition("/")[2])["Role"]
    except Exception as error:
        if _code(error) != "NoSuchEntity":
            raise
        yield Finding("role", "fail", f"there is no role {role}", "create it: docs/security.md")
        return
    if found["Arn"] != role:
        yield Finding("role", "fail", f"the role's ARN is {found['Arn']}, not {role}", "correct it")
    elif not _trusts_sagemaker(found["AssumeRolePolicyDocument"]):
        fix = "let it assume the role: conf/iam/trust.json, as docs/security.md shows"
        yield Finding("role", "fail", f"{role} does not trust {SERVICE}", fix)
    else:
        yield Finding("role", "ok", f"{role} exists and trusts {SERVICE}")


def check_image(aws: Aws) -> Iterator[Finding]:
    """Check that the image is in its registry, in this region, and has this version."""
    if not (uri := aws.question.image_uri):
        fix = "give --image-uri; container/build_and_push.sh prints it"
        yield Finding("image", "warn", "no image is given", fix)
        return
    parts = IMAGE.fullmatch(uri)
    if not parts:
        fix = "use the last line that container/build_and_push.sh prints"
        yield Finding("image", "fail", f"{uri} is not the address of an image in ECR", fix)
        return
    account, region, repository, tag = parts.groups()
    if region != aws.session.region_name:
        found = f"the image is in {region}, but the job would run in {aws.session.region_name}"
        fix = f"push it there: container/build_and_push.sh --region {aws.session.region_name}"
        yield Finding("image", "fail", found, fix)
        return
    try:
        aws.client("ecr").describe_images(
            registryId=account, repositoryName=repository, imageIds=[{"imageTag": tag}]
        )
    except Exception as error:
        if _code(error) not in ("ImageNotFoundException", "RepositoryNotFoundException"):
            raise
        fix = "push it: container/build_and_push.sh"
        yield Finding("image", "fail", f"there is no {repository}:{tag} in ECR", fix)
        return
    version = tag.partition("-")[0]
    if version != __version__ and re.match(r"\d+\.\d+", version):
        found = f"the image has semscore {version}, but {__version__} is installed here"
        fix = "build the image again, or install that version"
        yield Finding("image", "fail", found, fix)
    else:
        yield Finding("image", "ok", f"{repository}:{tag} is in ECR")


def check_quota(aws: Aws) -> Iterator[Finding]:
    """Check that the account may run enough instances of this type in processing jobs."""
    spark = aws.settings.spark
    if not spark.instance_type:
        yield Finding("quota", "warn", "no instance type is given", "give --instance-type")
        return
    kind = f"ml.{short_name(spark.instance_type)}"
    name = f"{kind} for processing job usage"
    pages = aws.client("service-quotas").get_paginator("list_service_quotas")
    for page in pages.paginate(ServiceCode="sagemaker"):
        for quota in page["Quotas"]:
            if quota["QuotaName"] == name:
                yield _judged(name, quota["Value"], spark.instances)
                return
    fix = "check the name of the type under Service Quotas, Amazon SageMaker"
    yield Finding("quota", "fail", f"AWS has no quota {name!r} in this region", fix)


def check_network(aws: Aws) -> Iterator[Finding]:
    """Check that instances in the subnets can reach S3, the registry and the logs."""
    if not (subnet_ids := list(aws.question.subnets)):
        yield Finding("network", "ok", "no subnets are given; SageMaker's own network is used")
        return
    ec2 = aws.client("ec2")
    subnets = ec2.describe_subnets(SubnetIds=subnet_ids)["Subnets"]
    vpcs = sorted({subnet["VpcId"] for subnet in subnets})
    if len(vpcs) != 1:
        found = f"the subnets are in several VPCs: {', '.join(vpcs)}"
        yield Finding("network", "fail", found, "choose subnets of one VPC")
        return
    vpc = {"Name": "vpc-id", "Values": vpcs}
    endpoints = ec2.describe_vpc_endpoints(Filters=[vpc])["VpcEndpoints"]
    reached = {endpoint["ServiceName"].split(".", 3)[-1] for endpoint in endpoints}
    tables = ec2.describe_route_tables(Filters=[vpc])["RouteTables"]
    missing = [service for service in NEEDED_IN_A_VPC if service not in reached]
    if not missing or all(_leads_out(tables, subnet) for subnet in subnet_ids):
        yield Finding("network", "ok", f"{vpcs[0]}: S3, the registry and the logs can be reached")
    else:
        found = f"{vpcs[0]} has no default route and no endpoints for {', '.join(missing)}"
        fix = "create these endpoints, or a NAT gateway"
        yield Finding("network", "fail", found, fix)


def check_bucket(aws: Aws, bucket: str) -> Iterator[Finding]:
    """Check that a bucket exists, may be listed, and is in the job's region."""
    name = f"bucket {bucket}"
    try:
        headers = aws.client("s3").head_bucket(Bucket=bucket)["ResponseMetadata"]["HTTPHeaders"]
    except Exception as error:
        if _code(error) not in ("404", "NoSuchBucket"):
            raise
        yield Finding(name, "fail", "there is no such bucket", "correct the name or create it")
        return
    region, here = headers.get("x-amz-bucket-region"), aws.session.region_name
    if region and region != here:
        found = f"it is in {region}, but the job would run in {here}"
        fix = f"run the job in {region}: transfers between regions are slow and cost money"
        yield Finding(name, "warn", found, fix)
    else:
        yield Finding(name, "ok", f"it is in {region or here} and can be read from here")


def _for_bucket(aws: Aws, bucket: str) -> Callable[[], Iterator[Finding]]:
    return lambda: check_bucket(aws, bucket)


def _guarded(name: str, check: Callable[[], Iterator[Finding]]) -> Check:
    """Return the check, with errors from AWS turned into findings."""

    def run() -> Iterator[Finding]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield from check()
        except ClientError as error:
            if _code(error) in DENIED:
                found = f"access to {error.operation_name} is denied, so this was not checked"
                yield Finding(name, "warn", found, RIGHTS)
            else:
                yield Finding(
                    name, "fail", f"AWS refused the request: {error}", "correct the credentials"
                )
        except BotoCoreError as error:
            fix = "run `aws configure`, or set AWS_PROFILE or the AWS_… variables"
            yield Finding(name, "fail", " ".join(str(error).split()), fix)

    return run


def _code(error: Exception) -> str:
    """Return the service's error code, or an empty string for other errors."""
    return str(getattr(error, "response", {}).get("Error", {}).get("Code", ""))


def _trusts_sagemaker(document: Any) -> bool:
    policy = json.loads(document) if isinstance(document, str) else document
    statements = policy.get("Statement", [])
    for statement in statements if isinstance(statements, list) else [statements]:
        services = (statement.get("Principal") or {}).get("Service", [])
        if statement.get("Effect") == "Allow" and SERVICE in (
            services if isinstance(services, list) else [services]
        ):
            return True
    return False


def _judged(name: str, allowed: float, needed: int) -> Finding:
    found = f"{allowed:,.0f} ({name}), and the job needs {needed}"
    if allowed >= needed:
        return Finding("quota", "ok", found)
    return Finding("quota", "fail", found, "request an increase: Service Quotas, Amazon SageMaker")


def _leads_out(tables: list[dict[str, Any]], subnet: str) -> bool:
    """Return whether a subnet's route table has a default route.

    A subnet without a table of its own uses the VPC's main one.
    """
    own = [
        table
        for table in tables
        if any(link.get("SubnetId") == subnet for link in table["Associations"])
    ]
    main = [table for table in tables if any(link.get("Main") for link in table["Associations"])]
    routes = [route for table in own or main for route in table["Routes"]]
    return any(
        route.get("DestinationCidrBlock") == "0.0.0.0/0" and route.get("State") != "blackhole"
        for route in routes
    )
