"""Folders in which a log decides which files count: Delta and other tables, Spark's streams.

Such a folder also holds files of earlier versions and of failed writes. Spark follows the log of
its own streams even when it reads plain parquet, and so does semscore. The other logs need readers
of their own, so these folders are refused, both as INPUT and as OUTPUT.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import unquote

from semscore.jobs.failures.wording import counted
from semscore.udfs.errors import UserError
from semscore.udfs.stores.folder import Entry, Folder
from semscore.udfs.stores.local_folder import local_path
from semscore.udfs.stores.names import is_hidden
from semscore.udfs.stores.s3 import is_s3, split

logger = logging.getLogger("semscore")

THREADS = 8  # for finding logs on S3
HELP = "docs/scoring.md#tables"
STREAM = "_spark_metadata"
WAYS = (
    f"Read the table in its own format and score it with similarity() ({HELP}), or export its rows "
    "as plain parquet and use that folder"
)
# Folders of a transactional Hive table: each write creates a new base or delta.
HIVE = re.compile(r"(^|/)(base_0\d{6}|(delete_)?delta_0\d{6}_0\d{6}(_\d{4})?)(_v\d+)?/")


@dataclass(frozen=True)
class Kind:
    """A kind of table, with the files by which its log is recognised."""

    what: str
    log: str  # name of its folder
    files: str  # pattern of the names directly in that folder
    beginnings: tuple[str, ...] = ("",)  # of these names, for listing them


KINDS = (
    Kind("a Delta table", "_delta_log", r"\d{20}\..+|_last_checkpoint"),
    Kind(
        "an Iceberg table",
        "metadata",
        r"(v\d+|\d+-[0-9a-f-]{36})(\.gz)?\.metadata\.json(\.gz)?|version-hint\.text",
        ("v", "0"),
    ),
    Kind("a Hudi table", ".hoodie", ".+"),
    Kind("a Paimon table", "snapshot", r"snapshot-\d+", ("snapshot-",)),
    Kind("the output of a Spark stream", STREAM, r"\d+(\.compact)?"),
)
LOGS = re.compile(rf"(^|/)({'|'.join(re.escape(kind.log) for kind in KINDS)})/([^/]+)$")


@dataclass(frozen=True)
class Table:
    """A folder with a log. It is a given place, or above or below it."""

    kind: Kind
    folder: Folder  # the place, or a folder above it
    root: str = ""  # the table's path in `folder`

    @property
    def name(self) -> str:
        """Return the table's own folder, for messages."""
        return self.folder.full(self.root).rstrip("/")

    @property
    def url(self) -> str:
        """Return the URL of the table's own folder, as Spark writes it."""
        return f"{self.folder.url}/{self.root}".rstrip("/")


def files_that_count(
    given: str, folder: Folder, entries: Sequence[Entry], is_file: bool
) -> Sequence[Entry]:
    """Return the files of an input that count: all, or those that a stream's log lists.

    `folder` is the given folder, or the one that contains the given file. Raises UserError for
    tables.
    """
    tables = [*([] if is_file else _below(folder, entries)), *_around(folder, is_file)]
    for table in tables:
        if table.kind.log != STREAM:
            itself = table.folder is folder and not is_file
            relation = "contains" if table.root else "is" if itself else "is inside"
            raise UserError(
                f"INPUT {given} {relation} {table.kind.what} ({table.name}). The log in "
                f"{table.kind.log} decides which of its files count. {WAYS}"
            )
    if hive := next(filter(HIVE.search, (entry.path for entry in entries)), None):
        raise UserError(
            f"INPUT {given} is a transactional Hive table ({hive}), in which later folders change "
            f"the rows of earlier ones. {WAYS}"
        )
    for stream in tables:
        entries = _committed(given, folder, entries, is_file, stream)
    return entries


def require_no_table(output: Folder) -> None:
    """Raise UserError if OUTPUT is, or is inside, a table or the output of a Spark stream."""
    for table in _around(output, True):
        relation = "is" if table.folder is output else "is inside"
        raise UserError(
            f"OUTPUT {output.name} {relation} {table.kind.what} ({table.name}), whose log "
            f"in {table.kind.log} does not list files that others write there. Choose a folder "
            "outside it"
        )


def _below(folder: Folder, entries: Iterable[Entry]) -> Iterator[Table]:
    """Yield the tables that a folder is or contains, except those in hidden folders."""
    seen = set()
    for entry in entries:
        match = LOGS.search(entry.path)
        if match is None:
            continue
        kind = next(kind for kind in KINDS if kind.log == match[2])
        root = entry.path[: match.start()]
        is_log = re.fullmatch(kind.files, match[3]) and not is_hidden(root)
        if is_log and (kind, root) not in seen:
            seen.add((kind, root))
            yield Table(kind, folder, root)


def _around(folder: Folder, itself: bool) -> list[Table]:
    """Return the tables that a folder is inside, or is. Skips folders that cannot be listed."""
    places = [*([folder] if itself else []), *folder.above()]
    with ThreadPoolExecutor(THREADS) as pool:
        return [table for tables in pool.map(_tables, places) for table in tables]


def _tables(folder: Folder) -> list[Table]:
    tables = []
    for kind in KINDS:
        for beginning in kind.beginnings:
            names: list[str] = []
            with suppress(OSError):
                names = folder.names(f"{kind.log}/{beginning}")
            if any(re.fullmatch(kind.files, name) for name in names):
                tables.append(Table(kind, folder))
    return tables


def _committed(
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
                known[action["action"]](_url(action["path"]))
        except (ValueError, KeyError) as error:
            raise UserError(f"the log {log} cannot be read: {path} is broken") from error
    return listed


def _url(path: str) -> str:
    """Convert a path in a stream's log, which is a URL with escapes, to the form of Folder.url."""
    plain = unquote(path)
    if is_s3(plain):
        return "s3a://{}/{}".format(*split(plain))
    return f"file://{local_path(plain)}"
