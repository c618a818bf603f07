"""The steps of docs/sagemaker.md work one after the other, with stand-ins for AWS and docker."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.services.examples import blocks

ROOT = Path(__file__).parents[3]
ACCOUNT, REGION = "123456789012", "eu-central-1"  # of moto
AWS = f"""#!/bin/sh
echo "aws $*" >> "$CALLS"
case "$*" in
  *get-caller-identity*) echo {ACCOUNT} ;;
  *get-login-password*) echo password ;;
  *describe-images*) echo "(ImageNotFoundException)" >&2; exit 254 ;;
esac
"""
DOCKER = """#!/bin/sh
case "$*" in *--password-stdin*) cat > /dev/null ;; esac
echo "docker $*" >> "$CALLS"
"""
# Follows no job, since moto's never end.
SEMSCORE = """#!/bin/sh
case "$*" in
  launch*--dry-run*|launch*--explain*|doctor*) exec "$REAL" "$@" ;;
  launch*) exec "$REAL" "$@" --no-wait ;;
esac
"""


def steps(page: str) -> list[str]:
    """The shell blocks of a page, with moto's account and region."""
    text = (ROOT / "docs" / page).read_text("utf-8")
    text = text.replace("111122223333", ACCOUNT).replace("us-east-1", REGION)
    return blocks(text, "bash")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A committed copy of this project."""
    folder = tmp_path / "semscore"
    files = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z"], check=True, capture_output=True, text=True
    ).stdout
    for name in filter(None, files.split("\0")):
        if name.startswith(("container/", "conf/", "udfs/", "jobs/", "semscore/", "pyproject")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
            (folder / name).chmod((ROOT / name).stat().st_mode)
    git = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "all"]):
        subprocess.run([*git, *command], check=True)
    return folder


@pytest.mark.slow
def test_the_steps_in_their_order(aws: Any, clone: Path, tmp_path: Path) -> None:
    install, configure, build, config, doctor, look, attempt, run = steps("sagemaker.md")[:8]
    assert "pip install" in install and configure == "aws configure\n"
    [policies] = [block for block in steps("security.md") if "fill.sed" in block]
    commands = tmp_path / "bin"
    commands.mkdir()
    for name, text in (("aws", AWS), ("docker", DOCKER), ("semscore", SEMSCORE)):
        (commands / name).write_text(text)
        (commands / name).chmod(0o755)
    for bucket in ("my-data", "my-scored", "my-code"):
        where = {"CreateBucketConfiguration": {"LocationConstraint": REGION}}
        aws.client("s3").create_bucket(Bucket=bucket, **where)
    source = aws.client("s3").get_object(Bucket="input", Key="pairs/0.parquet")["Body"].read()
    aws.client("s3").put_object(Bucket="my-data", Key="pairs/0.parquet", Body=source)
    aws.sent.clear()
    environment = {
        **os.environ,
        "PATH": f"{commands}:{os.environ['PATH']}",
        "REAL": str(Path(sys.executable).with_name("semscore")),
        "CALLS": str(tmp_path / "calls"),
    }

    def shell(block: str) -> str:
        done = subprocess.run(
            ["bash", "-euc", block], cwd=clone, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    shell(policies)
    image = shell(build).strip()
    assert image.startswith(f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/semscore:")
    shell(f'IMAGE="{image}"\n{config}')
    prepare_account(aws, clone, image)
    checks = {each["check"]: each for each in json.loads(shell(f"{doctor.strip()} --json || true"))}
    failed = {name for name, each in checks.items() if each["level"] == "fail"}
    assert failed <= {"quota"}, checks  # which moto does not know
    explained, _, request = shell(look).partition("{\n")
    assert "cost        at most 144.00: 96.0 instance hours at 1.5" in explained
    assert json.loads("{" + request)["CreateProcessingJob"]["AppSpecification"]["ImageUri"] == image
    assert aws.jobs == []
    for block in (attempt, run):
        shell(block)
    tried, ran = (job["AppSpecification"]["ContainerArguments"] for job in aws.jobs)
    assert "--max-units=1" in tried
    assert "--mode=resume" in ran


def prepare_account(aws: Any, clone: Path, image: str) -> None:
    """What the stand-in for `aws` and docker did not really do: the role, and the image in ECR."""
    trust = (clone.parent / "semscore-policies" / "trust.json").read_text("utf-8")
    aws.client("iam").create_role(RoleName="semscore-job", AssumeRolePolicyDocument=trust)
    repository, _, tag = image.rpartition("/")[2].partition(":")
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    manifest = {"schemaVersion": 2, "mediaType": kind, "config": {"digest": "x"}, "layers": []}
    ecr = aws.client("ecr")
    ecr.create_repository(repositoryName=repository)
    ecr.put_image(repositoryName=repository, imageTag=tag, imageManifest=json.dumps(manifest))
