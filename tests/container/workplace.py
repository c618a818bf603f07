"""A small repository with the build script, and stand-ins for aws, docker and buildah."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SCRIPT = Path("container", "build_and_push.sh")
ACCOUNTS = Path("container", "spark-image-accounts.txt")
BUILDSPEC = Path("container", "buildspec.yml")
PATIENCE_S = 30  # it takes a fifth of a second
PASSWORD = "correct-horse-battery"
# All that the script may need besides; the machine's own docker and aws are out of its sight.
COMMANDS = ["bash", "cp", "cut", "date", "dirname", "env", "find", "git", "rm", "sed", "sort", "tr"]

STAND_IN = f"""#!{sys.executable} -IS
import json, os, sys, time
from pathlib import Path

me = Path(sys.argv[0])
here = me.parent.parent
argv = [me.name, *sys.argv[1:]]
record = {{"argv": argv, "env": dict(os.environ)}}
if "--password-stdin" in argv:
    record["stdin"] = sys.stdin.read()
if "build" in argv:
    model = Path("container/model")
    record["model"] = sorted(
        str(file.relative_to(model))
        for file in model.rglob("*")
        if file.is_file() and not file.is_symlink()  # a link leads out of the build's sight
    )
with open(here / "log.jsonl", "a") as log:
    log.write(json.dumps(record) + "\\n")
for start, does in json.loads((here / "plan.json").read_text()).items():
    if " ".join(argv).startswith(start):
        sys.stdout.write(does.get("out", ""))
        sys.stderr.write(does.get("err", ""))
        sys.stdout.flush()
        time.sleep(does.get("sleep_s", 0))
        sys.exit(does.get("code", 0))
"""


def refusal(error: str) -> dict[str, Any]:
    """How aws refuses."""
    return {"err": f"\nAn error occurred ({error}) when calling an operation: no\n", "code": 254}


class Workplace:
    """A committed repository, the stand-ins, and what they are to do."""

    def __init__(self, folder: Path, repository: Path) -> None:
        self.folder = folder
        self.repository = folder / "repository"
        shutil.copytree(repository, self.repository)
        self.model = self.repository / "container" / "model"
        self.bin = folder / "bin"
        self.bin.mkdir()
        for name in COMMANDS:
            (self.bin / name).symlink_to(str(shutil.which(name)))
        for name in ("aws", "docker", "buildah"):
            (self.bin / name).write_text(STAND_IN)
            (self.bin / name).chmod(0o755)
        # An account that has the repository, but not this image.
        self.plan: dict[str, dict[str, Any]] = {
            "aws sts": {"out": "111122223333\n"},
            "aws ecr get-login-password": {"out": PASSWORD + "\n"},
            "aws ecr describe-images": refusal("ImageNotFoundException"),
            "aws configure": {"code": 1},
            "docker": {"out": "chatter\n"},
            "buildah": {"out": "chatter\n"},
        }

    def start(self, *options: str | Path, **variables: str) -> subprocess.Popen[str]:
        (self.folder / "plan.json").write_text(json.dumps(self.plan))
        (self.folder / "log.jsonl").write_text("")
        return subprocess.Popen(
            [self.repository / SCRIPT, *options],
            cwd=self.folder,
            env={"PATH": str(self.bin), "HOME": str(self.folder), **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # a group to interrupt
        )

    def run(self, *options: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
        script = self.start(*options, **variables)
        out, err = script.communicate(timeout=PATIENCE_S)
        assert PASSWORD not in out + err
        return subprocess.CompletedProcess(script.args, script.returncode, out, err)

    def refuses(self, *options: str | Path, **variables: str) -> str:
        """The one sentence with which it ends, before anybody is asked for anything."""
        done = self.run(*options, **variables)
        assert (done.returncode, done.stdout) == (2, ""), done.stderr
        assert done.stderr.count("\n") == 1
        assert not any("ecr" in each for each in self.calls())
        return done.stderr.removeprefix("build_and_push.sh: ").rstrip()

    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / "log.jsonl").read_text().splitlines()]

    def calls(self) -> list[str]:
        return [shlex.join(each["argv"]) for each in self.log()]

    def call(self, start: str) -> str:
        [found] = [each for each in self.calls() if each.startswith(start)]
        return found

    def built(self) -> dict[str, Any]:
        [found] = [each for each in self.log() if "build" in each["argv"]]
        return found

    def commit(self) -> str:
        return git(self.repository, "rev-parse", "HEAD")[:12]

    def new_model(self, **files: str) -> Path:
        """A model of today's layout, next to the repository."""
        folder = self.folder / "a model"
        (folder / "1_Pooling").mkdir(parents=True, exist_ok=True)
        for name in ("modules.json", "config.json", "1_Pooling/config.json", ".gitignore"):
            (folder / name).write_text("{}")
        for name, text in files.items():
            (folder / name).write_text(text)
        return folder


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-c", "user.name=me", "-c", "user.email=me@localhost", *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
