"""Print buildah's options, one per line, that give pip in a container this machine's settings.

    python pip_options.py build/pip.conf > build/pip.options
    mapfile -t options < build/pip.options
    buildah build "${options[@]}" …   # or buildah run

The file named is written: this machine's pip settings of files and environment, as far as they say
where packages come from. It, and the files and folders that it names, are mounted in the container
at the same place, read-only, while a command runs. The image's ENV knows nothing of them; its
layers have empty files and folders where they were.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

SINGLE = [
    "cert",
    "client-cert",
    "default-timeout",
    "index-url",
    "no-index",
    "proxy",
    "retries",
    "timeout",
]
LISTS = ["constraint", "extra-index-url", "find-links", "no-binary", "only-binary", "trusted-host"]
CERTIFICATES = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")  # used by pip if `cert` is not set
IN_CONTAINER = "/etc/pip.conf"


def settings() -> dict[str, str]:
    """Return pip's settings by long option name. The environment takes precedence."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    lines = subprocess.run(command, capture_output=True, check=True, text=True).stdout.splitlines()
    found: dict[str, str] = {}
    for line in sorted(lines, key=lambda line: line.startswith(":env:.")):
        name, _, value = line.partition("=")
        section, _, key = name.rpartition(".")
        if section in ("global", "install", ":env:") and key in SINGLE + LISTS:
            found[key] = str(ast.literal_eval(value))
    bundle = next((os.environ[name] for name in CERTIFICATES if os.environ.get(name)), None)
    return ({"cert": bundle} if bundle else {}) | found


def places(found: dict[str, str]) -> list[Path]:
    """Return files and folders of this machine that the settings refer to.

    Of an index the folder above it, for beside the pages lie the files that they link.
    """
    chosen = set()
    for key, value in found.items():
        for part in [value] if key in SINGLE else value.split():
            path = Path(part.removeprefix("file://"))
            if key.endswith("index-url"):
                path = path.parent
            if path.is_absolute() and path.exists():
                chosen.add(path)
    return sorted(chosen)


def main() -> None:
    target = Path(sys.argv[1]).resolve()
    found = settings()
    lines = [f"{key} = {' '.join(value.split())}\n" for key, value in sorted(found.items())]
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("[global]\ndisable-pip-version-check = true\n" + "".join(lines))
    mounts = [f"{target}:{IN_CONTAINER}", *(f"{path.resolve()}:{path}" for path in places(found))]
    sys.stdout.writelines(f"--volume={mount}:ro\n" for mount in mounts)


if __name__ == "__main__":
    main()
