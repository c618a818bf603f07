"""What a Spark stream wrote: its log lists the files that count.

Spark follows the log even when it reads such a folder as plain parquet, and so does semscore.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence

from semscore.jobs.failures.wording import counted
from semscore.jobs.table_logs.locations import decoded_url
from semscore.jobs.table_logs.recognised import STREAM, Table
from semscore.udfs.errors import UserError
from semscore.udfs.stores.folder import Entry, Folder
from semscore.udfs.stores.names import is_hidden

logger = logging.getLogger("semscore")


def committed(
    given: str, folder: Folder, entries: Sequence[Entry], is_file: bool, stream: Table
) -> list[Entry]:
    """Return the files of an input that a stream's log lists, or that are outside its folder."""
    home, log = f"{stream.url}/", f"{stream.name}/{STREAM}"
    listed = _listed(stream, log)
    urls = {f"{folder.url}/{entry.path}": entry for entry in entries}
    expected = [] if is_file else [url for url in listed if url.startswith(f"{folder.url}/")]
    for url in sorted({*expected, *(url for url in listed if not url.startswith(home))} - {*urls}):
        # A file of the stream that exists was added after the listing.
        if not (url.startswith(home) and _exists(stream.folder, url)):
            raise UserError(
                f"INPUT {given}: the log {log} lists {url}, which is not in the stream's folder, "
                "so Spark could not read it either. Restore the file, or export the rows that "
                "count as plain parquet"
            )
    left = [entry for url, entry in urls.items() if url in listed or not url.startswith(home)]
    if not left:
        raise UserError(
            f"INPUT {given}: the log {log} lists none of its files, so none of them counts"
        )
    others = {*entries}.difference(left)
    if out := sorted(entry.path for entry in others if not is_hidden(entry.path)):
        message = "INPUT %s: ignored %s not listed in the log %s, such as %s"
        logger.warning(message, given, counted(len(out), "file"), log, out[0])
    return left


def _exists(folder: Folder, url: str) -> bool:
    try:
        folder.entry(url.removeprefix(f"{folder.url}/"))
    except FileNotFoundError:
        return False
    return True


def _listed(stream: Table, log: str) -> set[str]:
    """Return the URLs of the files that a stream's log lists, in its last summary and after it."""
    batches: dict[int, tuple[bool, str]] = {}
    for entry in stream.folder.entries(f"{stream.root}/{STREAM}".lstrip("/")):
        number, _, ending = entry.path.rpartition("/")[2].partition(".")
        if number.isdecimal() and ending in ("", "compact"):
            batches[int(number)] = (ending == "compact", entry.path)
    start = max((number for number, (summary, _) in batches.items() if summary), default=0)
    listed: set[str] = set()
    for _, (_, path) in sorted(item for item in batches.items() if item[0] >= start):
        version, *lines = (stream.folder.read(path) or b"").decode().splitlines() or [""]
        if version != "v1":
            raise UserError(f"the log {log} cannot be read: its version is {version!r}, not 'v1'")
        try:
            actions = [json.loads(line) for line in lines]
            for action in actions:
                known = {"add": listed.add, "delete": listed.discard}
                known[action["action"]](decoded_url(action["path"]))
        except (ValueError, KeyError) as error:
            raise UserError(f"the log {log} cannot be read: {path} is broken") from error
    return listed
