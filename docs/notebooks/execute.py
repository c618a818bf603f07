"""Run the notebooks of this folder and write them again, without large or personal outputs.

    python docs/notebooks/execute.py FOLDER

FOLDER gets them; `make notebooks` gives this one, and so commits what it shows. They run one after
the other in a temporary folder: what the first has scored is what the second finds on S3, and S3
and SageMaker are moto's.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from moto.server import ThreadedMotoServer
from nbclient import NotebookClient

HERE = Path(__file__).parent
NAMES = ("first-look.ipynb", "sagemaker.ipynb")
LARGE = "large"  # the tag of cells whose output is not kept
REGION = "us-east-1"
TIMEOUT_S = 300  # of a cell
# Variables of the person who runs this, which do not belong into examples.
THEIRS = ("AWS_", *(f"SEMSCORE_{name}" for name in ("INPUT", "OUTPUT", "CODE", "ROLE", "IMAGE")))
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def main(target: Path) -> None:
    """Run all notebooks and write them to `target`.

    Raises CellExecutionError for the first cell that fails.
    """
    with tempfile.TemporaryDirectory(prefix="semscore-notebooks-") as name:
        folder = Path(name).resolve()
        ours = {name: value for name, value in os.environ.items() if not name.startswith(THEIRS)}
        with aws() as there:
            environment = ours | there | {"IPYTHONDIR": str(folder / "ipython")}  # no profile
            for notebook in NAMES:
                done = asyncio.run(execute(HERE / notebook, folder, environment))
                tidy(done, folder)
                nbformat.write(done, target / notebook)
                if notebook == NAMES[0]:
                    upload(folder, there)


async def execute(path: Path, folder: Path, environment: dict[str, str]) -> nbformat.NotebookNode:
    """Run all cells in `folder`, with the Python that runs this; the notebook with its outputs."""
    # No folders: then the only kernel is this Python's own.
    kernel = AsyncKernelManager(kernel_spec_manager=KernelSpecManager(kernel_dirs=[]))
    client = NotebookClient(
        nbformat.read(path, as_version=4),
        km=kernel,
        timeout=TIMEOUT_S,
        record_timing=False,
        resources={"metadata": {"path": str(folder)}},
    )
    try:
        return await client.async_execute(env=environment)
    finally:
        await kernel.shutdown_kernel(now=True)


def tidy(notebook: nbformat.NotebookNode, folder: Path) -> None:
    """Leave only what is small and no machine's own; files are named as seen from `folder`."""
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        large = LARGE in cell.metadata.get("tags", ())
        # Standard error has Spark's and the SDK's remarks on the machine.
        kept = [output for output in cell.outputs if output.get("name") != "stderr" and not large]
        cell.outputs = [_portable(output, f"{folder}/") for output in kept]


def _portable(output: nbformat.NotebookNode, folder: str) -> nbformat.NotebookNode:
    texts = output.get("data", output)  # a stream has its text beside its name
    if "text/html" in texts:
        del texts["text/plain"]
    for kind, text in texts.items():
        texts[kind] = text.replace(folder, "") if isinstance(text, str) else text
    return output


@contextmanager
def aws() -> Iterator[dict[str, str]]:
    """Moto's server, as long as this lasts: the variables that send boto3 and pyarrow there."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # else a line for each request
    server = ThreadedMotoServer("127.0.0.1", _free_port(), verbose=False)
    server.start()
    nowhere = "http://127.0.0.1:9"  # for all who would go elsewhere
    try:
        yield {
            "AWS_ENDPOINT_URL": "http://{}:{}".format(*server.get_host_and_port()),
            "AWS_ACCESS_KEY_ID": "nobody",
            "AWS_SECRET_ACCESS_KEY": "nothing",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), nowhere),
            **dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,localhost"),
        }
    finally:
        server.stop()


def upload(folder: Path, there: dict[str, str]) -> None:
    """Put the first notebook's pairs and scores where the second one's job has its places."""
    client = boto3.client(
        "s3",
        endpoint_url=there["AWS_ENDPOINT_URL"],
        aws_access_key_id=there["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=there["AWS_SECRET_ACCESS_KEY"],
        region_name=REGION,
    )
    client.create_bucket(Bucket="my-code")
    for bucket, name in (("my-data", "pairs"), ("my-scored", "scored")):
        client.create_bucket(Bucket=bucket)
        for path in (folder / name).rglob("*"):
            if path.is_file():
                client.upload_file(str(path), bucket, path.relative_to(folder).as_posix())


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


if __name__ == "__main__":
    main(Path(sys.argv[1]))
