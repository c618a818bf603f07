"""The build script in a small repository of its own, with stand-ins for aws, docker and buildah."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import botocore
import pytest

from tests.container.workplace import (
    ACCOUNTS,
    PASSWORD,
    PATIENCE_S,
    ROOT,
    SCRIPT,
    Workplace,
    git,
    refusal,
)

OURS = "111122223333.dkr.ecr.us-east-1.amazonaws.com"
AMAZONS = "173754725891.dkr.ecr.us-east-1.amazonaws.com"
BASE = "sagemaker-spark-processing:3.5-cpu-py312-v1.3"
BUILD_ARGS = f"--build-arg BASE_IMAGE={AMAZONS}/{BASE} --build-arg SEMSCORE_VERSION=1.2.3"

ACCOUNT = "aws sts get-caller-identity --query Account --output text"
PASS = "aws ecr get-login-password --region us-east-1"
FIND_REPOSITORY = "aws ecr describe-repositories --region us-east-1 --repository-names semscore"
CREATE_REPOSITORY = (
    "aws ecr create-repository --region us-east-1 --repository-name semscore "
    "--image-scanning-configuration scanOnPush=true --image-tag-mutability IMMUTABLE "
    "--encryption-configuration encryptionType=AES256"
)
FIND_IMAGE = "aws ecr describe-images --region us-east-1 --repository-name semscore --image-ids"


def test_shellcheck_has_nothing_to_say() -> None:
    shellcheck = Path(sys.executable).with_name("shellcheck")
    done = subprocess.run([shellcheck, ROOT / SCRIPT], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_help_is_the_head_comment(place: Workplace) -> None:
    done = place.run("--help")
    assert (done.returncode, done.stderr, place.calls()) == (0, "", [])
    assert done.stdout.startswith("Build the image for Amazon SageMaker")
    options = set(re.findall(r"^  (--[a-z-]+)", done.stdout, re.MULTILINE))
    parsing = (ROOT / SCRIPT).read_text().partition("while (($#))")[2].partition("\ndone\n")[0]
    handled = set(re.findall(r"(--[a-z-]+)(?: \||\))", parsing))
    assert options == handled - {"--help"}
    assert len(options) == 11


@pytest.mark.parametrize(
    ("tool", "build"),
    [("docker", "docker build"), ("buildah", "buildah build --format docker")],
)
def test_what_is_run_in_what_order(place: Workplace, tool: str, build: str) -> None:
    uri = f"{OURS}/semscore:1.2.3-{place.commit()}"
    done = place.run("--tool", tool)
    assert (done.returncode, done.stdout) == (0, uri + "\n"), done.stderr
    options = f"--platform linux/amd64 --file container/Dockerfile {BUILD_ARGS} --tag {uri} ."
    assert place.calls() == [
        "aws configure get region",
        ACCOUNT,
        PASS,
        f"{tool} login --username AWS --password-stdin {AMAZONS}",
        PASS,
        f"{tool} login --username AWS --password-stdin {OURS}",
        FIND_REPOSITORY,
        f"{FIND_IMAGE} imageTag=1.2.3-{place.commit()}",
        f"{build} {options}",
        f"{tool} push {uri}",
    ]
    assert "chatter" in done.stderr
    assert [each["stdin"] for each in place.log() if "stdin" in each] == [PASSWORD + "\n"] * 2
    assert place.built()["model"] == [".gitignore"]


def test_a_dry_run_prints_what_a_run_prints_and_calls_nothing(place: Workplace) -> None:
    place.plan["aws ecr describe-repositories"] = refusal("RepositoryNotFoundException")
    options = ("--tool", "docker", "--torch", "2.8.0", "--model", place.new_model())
    dry = place.run(*options, "--dry-run", AWS_ACCOUNT_ID="111122223333")
    assert (dry.returncode, place.calls()) == (0, [])
    assert place.run(*options, "--dry-run").stdout == dry.stdout.replace(
        "111122223333", "000000000000"
    )
    wet = place.run(*options)
    printed = [line for line in wet.stderr.splitlines() if line and "chatter" not in line]
    refused = [line for line in printed if line.startswith("An error occurred")]
    assert (dry.stderr.splitlines(), dry.stdout, refused) == (printed, wet.stdout, [])
    commands = [command for line in printed for command in line.split(" | ")]
    shell = ("find", "cp")
    said = [shlex.split(each) for each in commands if not each.startswith(shell)]
    made = [each["argv"] for each in place.log()]
    assert [each[each.index("docker") :] if each[0] == "env" else each for each in said] == made
    assert [each.split()[0] for each in commands if each.startswith(shell)] == ["cp", "find"]
    assert place.built()["env"]["BUILDX_NO_DEFAULT_ATTESTATIONS"] == "1"


def test_a_dry_run_needs_no_tool(place: Workplace) -> None:
    for name in ("aws", "docker", "buildah"):
        (place.bin / name).unlink()
    before = {file: file.stat() for file in place.repository.rglob("*")}
    done = place.run("--dry-run", "--model", place.new_model())
    assert done.stdout.startswith("000000000000.dkr.ecr.us-east-1.amazonaws.com/semscore:1.2.3-")
    assert f"{PASS} | docker login --username AWS --password-stdin {AMAZONS}\n" in done.stderr
    after = {file: file.stat() for file in place.repository.rglob("*")}
    assert {k: v.st_mtime_ns for k, v in after.items()} == {
        k: v.st_mtime_ns for k, v in before.items()
    }


def test_a_repository_is_created_if_absent(place: Workplace) -> None:
    place.plan["aws ecr describe-repositories"] = refusal("RepositoryNotFoundException")
    assert place.run().returncode == 0
    calls = place.calls()
    assert calls[calls.index(FIND_REPOSITORY) + 1] == CREATE_REPOSITORY


@pytest.mark.parametrize("call", ["ecr describe-repositories", "ecr describe-images", "sts"])
def test_what_aws_refuses_otherwise_ends_it_with_its_words(place: Workplace, call: str) -> None:
    place.plan[f"aws {call}"] = refusal("AccessDeniedException")
    done = place.run("--tool", "docker")
    assert (done.returncode, done.stdout) == (1, "")
    assert "An error occurred (AccessDeniedException) when calling" in done.stderr
    assert f"aws {call}" in place.calls()[-1]


def test_a_login_that_fails_ends_it(place: Workplace) -> None:
    place.plan["aws ecr get-login-password"] = refusal("AccessDeniedException")
    done = place.run("--tool", "docker")
    assert (done.returncode, done.stdout) == (1, "")
    assert "AccessDeniedException" in done.stderr
    assert "docker login" in place.calls()[-1]


def test_an_image_that_is_there_is_not_built_again(place: Workplace) -> None:
    place.plan["aws ecr describe-images"] = {"out": '{"imageDetails": []}'}
    done = place.run()
    uri = f"{OURS}/semscore:1.2.3-{place.commit()}"
    assert (done.returncode, done.stdout) == (0, uri + "\n")
    assert "has this image already" in done.stderr
    assert place.calls()[-1].startswith(FIND_IMAGE)


def test_a_build_that_fails_is_not_pushed(place: Workplace) -> None:
    place.plan = {"docker build": {"err": "no space left\n", "code": 17}} | place.plan
    done = place.run("--tool", "docker", "--model", place.new_model())
    assert (done.returncode, done.stdout) == (1, "")
    assert "no space left\n" in done.stderr
    assert place.calls()[-1].startswith("docker build")
    assert len(place.built()["model"]) == 4
    assert [file.name for file in place.model.iterdir()] == [".gitignore"]


def test_a_push_that_fails_prints_no_uri(place: Workplace) -> None:
    place.plan = {"docker push": {"err": "denied\n", "code": 1}} | place.plan
    done = place.run("--tool", "docker")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith("denied\n")


@pytest.mark.parametrize(
    ("options", "variables", "configured", "region"),
    [
        (
            ["--region", "us-west-2"],
            {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-central-1"},
            "us-east-1",
            "us-west-2",
        ),
        ([], {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "us-east-1"}, "", "eu-west-1"),
        ([], {"AWS_DEFAULT_REGION": "eu-central-1", "AWS_REGION": ""}, "", "eu-central-1"),
        ([], {}, "us-west-2\n", "us-west-2"),
        ([], {}, "", "us-east-1"),
    ],
)
def test_where_the_region_comes_from(
    place: Workplace, options: list[str], variables: dict[str, str], configured: str, region: str
) -> None:
    accounts = {
        "us-east-1": "173754725891",
        "us-west-2": "153931337802",
        "eu-west-1": "571004829621",
        "eu-central-1": "906073651304",
    }
    place.plan["aws configure"] = {"out": configured, "code": 0 if configured else 1}
    done = place.run(*options, **variables)
    assert done.stdout.startswith(f"111122223333.dkr.ecr.{region}.amazonaws.com/semscore:")
    base = f"{accounts[region]}.dkr.ecr.{region}.amazonaws.com"
    assert f"BASE_IMAGE={base}/{BASE}" in place.built()["argv"]
    assert place.log()[-3]["argv"][:5] == ["aws", "ecr", "describe-images", "--region", region]
    assert any(call.endswith(f"--password-stdin {base}") for call in place.calls())


def table() -> dict[str, tuple[str, str]]:
    """Region -> account and suffix."""
    lines = (ROOT / ACCOUNTS).read_text("utf-8").splitlines()
    rows = [line.split() for line in lines if not line.startswith("#")]
    found = {region: (account, suffix) for region, account, suffix in rows}
    assert len(found) == len(rows) >= 40
    return found


def test_the_table_of_accounts_is_sagemakers() -> None:
    sagemaker = importlib.util.find_spec("sagemaker")  # its import takes seconds
    if not (sagemaker and sagemaker.submodule_search_locations):
        pytest.skip("sagemaker-core is not installed")
    uris = Path(sagemaker.submodule_search_locations[0], "core/image_uri_config/spark.json")
    registries = json.loads(uris.read_text())["processing"]["versions"]["3.5"]["registries"]
    ours = {region: account for region, (account, _) in table().items()}
    assert ours == registries, f"bring {ACCOUNTS} up to date, with its version and date"


def test_the_suffixes_are_botocores() -> None:
    folder = Path(str(botocore.__file__)).parent
    partitions = json.loads((folder / "data/partitions.json").read_text())["partitions"]
    for region, (_, suffix) in table().items():
        [found] = [each for each in partitions if re.match(each["regionRegex"], region)]
        assert suffix == found["outputs"]["dnsSuffix"], region


@pytest.mark.parametrize("region", ["ap-south-1", "cn-north-1", "eusc-de-east-1", "us-gov-west-1"])
def test_the_table_names_registry_and_account(place: Workplace, region: str) -> None:
    account, suffix = table()[region]
    done = place.run("--region", region)
    host = f"dkr.ecr.{region}.{suffix}"
    assert done.stdout.startswith(f"111122223333.{host}/semscore:")
    assert f"BASE_IMAGE={account}.{host}/{BASE}" in place.built()["argv"]
    assert sum(call.endswith(f".{host}") for call in place.calls()) == 2  # logins


def test_a_region_that_the_table_lacks_needs_its_account(place: Workplace) -> None:
    said = place.refuses("--region", "xx-south-1")
    assert said.startswith(f"{ACCOUNTS} does not have the registry account of SageMaker's Spark")
    call = 'retrieve("spark", "xx-south-1", version="3.5", py_version="py312", container_version='
    assert "give --base-account" in said and call in said
    place.run("--region", "xx-south-1", "--base-account", "105495057255")
    base = f"105495057255.dkr.ecr.xx-south-1.amazonaws.com/{BASE}"
    assert f"BASE_IMAGE={base}" in place.built()["argv"]


def test_a_base_image_of_ones_own_needs_no_login_to_amazons(place: Workplace) -> None:
    place.run("--region", "ap-south-1", "--base-image", "localhost/spark:3.5")
    assert "BASE_IMAGE=localhost/spark:3.5" in place.built()["argv"]
    assert sum("--password-stdin" in call for call in place.calls()) == 1


def test_options_that_are_passed_on(place: Workplace) -> None:
    index = "https://download.pytorch.org/whl/cu126"
    done = place.run(
        *("--torch", "2.8.0", "--torch-index", index, "--requirements", "container/gpu.txt"),
        *("--repository", "team/semscore"),
    )
    given = [f"TORCH=2.8.0 --build-arg TORCH_INDEX={index} --build-arg", "container/gpu.txt"]
    assert f"{BUILD_ARGS} --build-arg {' REQUIREMENTS='.join(given)} --tag" in place.call(
        "docker b"
    )
    assert done.stdout.startswith(f"{OURS}/team/semscore:")
    assert place.call("aws ecr describe-rep").endswith("--repository-names team/semscore")


def test_what_else_is_in_the_image_has_a_tag_of_its_own(place: Workplace) -> None:
    def tag(*options: str | Path) -> str:
        return place.run("--dry-run", "--allow-dirty", *options).stdout.partition(":")[2].strip()

    plain = f"1.2.3-{place.commit()}"
    model = place.new_model()
    assert tag("--region", "us-west-2", "--repository", "other") == plain
    variants = [
        tag("--torch", "2.8.0"),
        tag("--torch-index", "2.8.0"),
        tag("--base-image", "2.8.0"),
        tag("--requirements", "container/gpu.txt"),
        tag("--model", model),
        tag("--model", model, "--torch", "2.8.0"),
    ]
    assert variants[4] == tag("--model", shutil.copytree(model, place.folder / "copy"))
    variants.append(tag("--model", place.new_model(weights="1")))
    variants.append(tag("--model", place.new_model(weights="2")))
    assert all(re.fullmatch(plain + "-[0-9a-f]{8}", each) for each in variants)
    assert len(set(variants)) == len(variants)


@pytest.mark.parametrize("file", ["udfs/version.py", "udfs/new.py"])
def test_what_is_in_no_commit_is_refused_or_told_by_the_tag(place: Workplace, file: str) -> None:
    with (place.repository / file).open("a") as text:
        text.write("# new\n")
    said = place.refuses()
    assert file in said and "commit them or give --allow-dirty" in said
    done = place.run("--allow-dirty")
    tag = rf"1\.2\.3-{place.commit()}-dirty-\d{{8}}T\d{{6}}Z"
    assert re.fullmatch(re.escape(OURS) + "/semscore:" + tag + "\n", done.stdout)


@pytest.mark.parametrize("tool", ["docker", "buildah"])
def test_a_model_lies_in_the_context_while_it_is_built(place: Workplace, tool: str) -> None:
    model = place.new_model()
    (model / "model.safetensors").symlink_to(shutil.copy(model / "config.json", place.folder))
    done = place.run("--tool", tool, "--model", "a model")  # from where one is
    assert done.returncode == 0, done.stderr
    files = ["1_Pooling/config.json", "config.json", "model.safetensors", "modules.json"]
    assert place.built()["model"] == [".gitignore", *files]
    assert [file.name for file in place.model.iterdir()] == [".gitignore"]
    assert git(place.repository, "status", "--porcelain") == ""  # our .gitignore, not the model's


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_build_leaves_no_model(place: Workplace, sent: signal.Signals) -> None:
    place.plan = {"docker build": {"sleep_s": PATIENCE_S}} | place.plan
    script = place.start("--tool", "docker", "--model", place.new_model())
    try:
        deadline = time.monotonic() + PATIENCE_S
        while not any("docker build" in call for call in place.calls()):
            assert script.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)
        assert (place.model / "config.json").exists()
        os.killpg(script.pid, sent)
        out, _ = script.communicate(timeout=PATIENCE_S)
    finally:
        script.kill()
    assert (script.returncode in (1, 128 + sent), out) == (True, "")
    assert [file.name for file in place.model.iterdir()] == [".gitignore"]
    assert "push" not in place.calls()[-1]


def test_a_folder_that_is_no_model_is_refused(place: Workplace) -> None:
    (place.folder / "empty").mkdir()
    for folder in ("empty", "absent"):
        said = place.refuses("--model", folder)
        assert (
            said == f"{folder} is not a model folder: it has neither modules.json nor config.json"
        )


def test_a_model_that_lies_there_is_never_baked_in_unasked(place: Workplace) -> None:
    (place.model / "config.json").touch()
    said = "container/model holds container/model/config.json"
    assert said in place.refuses()
    assert said in place.refuses("--model", place.new_model())
    assert (place.model / "config.json").exists()


def test_the_tool_is_docker_where_its_engine_answers(place: Workplace) -> None:
    place.plan["aws ecr describe-images"] = {}  # it is there, so that logins are all

    def tool() -> str:
        assert place.run().returncode == 0
        return str(next(each["argv"][0] for each in place.log() if "stdin" in each))

    assert tool() == "docker"
    place.plan = {"docker info": {"err": "Cannot connect", "code": 1}} | place.plan
    assert tool() == "buildah"
    (place.bin / "docker").unlink()
    assert tool() == "buildah"


def test_a_tool_that_is_missing_is_named(place: Workplace) -> None:
    place.plan = {"docker info": {"err": "Cannot connect", "code": 1}} | place.plan
    (place.bin / "buildah").unlink()
    assert "docker's engine does not answer" in place.refuses()
    assert place.refuses("--tool", "buildah") == "buildah is not installed"
    (place.bin / "docker").unlink()
    assert "neither docker nor buildah is installed" in place.refuses()
    (place.bin / "aws").unlink()
    assert place.refuses() == "aws is not installed"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--regoin", "x"], "--regoin is not an option; see --help"),
        (["latest"], "latest is not an option; see --help"),
        (["--region"], "--region needs a value"),
        (["--region", ""], "--region needs a value"),
        (["--region", "--dry-run"], "--region needs a value"),
        (["--tool", "podman"], "--tool must be docker or buildah, got podman"),
        (["--requirements", "gpu.txt"], "--requirements gpu.txt must be a file in "),
        (["--requirements", "container/../../x"], "--requirements container/../../x must be a "),
    ],
)
def test_options_that_are_wrong(place: Workplace, options: list[str], said: str) -> None:
    (place.folder / "x").touch()
    assert place.refuses(*options).startswith(said)


def test_a_version_that_is_not_stated_is_missed(place: Workplace) -> None:
    (place.repository / "udfs" / "version.py").write_text("")
    assert "udfs/version.py has no version" in place.refuses("--allow-dirty")
