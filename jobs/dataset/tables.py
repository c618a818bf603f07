"""Folders in which a log decides which files count: Delta and other tables, Spark's streams.

Such a folder also holds files of earlier versions, and of writes that never succeeded. Spark reads
the log of its own streams even where plain parquet is asked for, and so does semscore. The other
logs need their own readers: these folders are refused, as INPUT and as OUTPUT.
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

from semscore.udfs.errors import UserError
from semscore.udfs.stores.folder import Entry, Folder
from semscore.udfs.stores.local_folder import local_path
from semscore.udfs.stores.names import is_hidden
from semscore.udfs.stores.s3 import is_s3, split

logger = logging.getLogger("semscore")

THREADS = 8  # that look for logs on S3
HELP = "docs/scoring.md#tables"
STREAM = "_spark_metadata"
WAYS = (
    f"Read the table by its own format and score it with similarity() ({HELP}), or write its rows "
    "out as plain parquet and give that folder"
)
# Of a Hive table with transactions: a new base or delta for each write.
HIVE = re.compile(r"(^|/)(base_0\d{6}|(delete_)?delta_0\d{6}_0\d{6}(_\d{4})?)(_v\d+)?/")


@dataclass(frozen=True)
class Kind:
    """A kind of table, and by which files its log is known."""

    what: str
    log: str  # its folder
    files: str  # a pattern of names right in there
    beginnings: tuple[str, ...] = ("",)  # of these names


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
    """A folder with a log, at, above or below a place."""

    kind: Kind
    folder: Folder  # the place, or one above it
    root: str = ""  # the table's path in `folder`

    @property
    def name(self) -> str:
        """The table's own folder, for people."""
        return self.folder.full(self.root).rstrip("/")

    @property
    def url(self) -> str:
        """The table's own folder, as Spark has it."""
        return f"{self.folder.url}/{self.root}".rstrip("/")


def files_that_count(
    given: str, folder: Folder, entries: Sequence[Entry], is_file: bool
) -> Sequence[Entry]:
    """Those files of an input that count: all, or what a stream's log lists.

    `folder` is what was given, or what the one file lies in. Raises UserError for tables.
    """
    found = [*([] if is_file else _below(folder, entries)), *_around(folder, is_file)]
    for table in found:
        if table.kind.log != STREAM:
            itself = table.folder is folder and not is_file
            relation = "holds" if table.root else "is" if itself else "lies in"
            raise UserError(
                f"INPUT {given} {relation} {table.kind.what} ({table.name}), and the log in "
                f"{table.kind.log} decides which of its files count. {WAYS}"
            )
    if hive := next(filter(HIVE.search, (entry.path for entry in entries)), None):
        raise UserError(
            f"INPUT {given} is a Hive table with transactions ({hive}), in which later folders "
            f"change the rows of earlier ones. {WAYS}"
        )
    for stream in found:
        entries = _committed(given, folder, entries, is_file, stream)
    return entries


def require_no_table(output: Folder) -> None:
    """Raise UserError if OUTPUT is a table, or lies in one, or in what a Spark stream writes."""
    for table in _around(output, True):
        relation = "is" if table.folder is output else "lies in"
        raise UserError(
            f"OUTPUT {output.name} {relation} {table.kind.what} ({table.name}), whose log in "
            f"{table.kind.log} does not list what others write there. Choose a folder outside it"
        )


def _below(folder: Folder, entries: Iterable[Entry]) -> Iterator[Table]:
    """The tables that a folder is or holds, by the files in it; none in hidden folders."""
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
    """The tables that a folder lies in, or is; folders that may not be listed show none."""
    places = [*([folder] if itself else []), *folder.above()]
    with ThreadPoolExecutor(THREADS) as pool:
        return [table for found in pool.map(_tables, places) for table in found]


def _tables(folder: Folder) -> list[Table]:
    found = []
    for kind in KINDS:
        for beginning in kind.beginnings:
            names: list[str] = []
            with suppress(OSError):
                names = folder.names(f"{kind.log}/{beginning}")
            if any(re.fullmatch(kind.files, name) for name in names):
                found.append(Table(kind, folder))
    return found


def _committed(
    given: str, folder: Folder, entries: Sequence[Entry], is_file: bool, stream: Table
) -> list[Entry]:
    """The files of an input that a stream's log lists, and those outside the stream's folder."""
    home, log = f"{stream.url}/", f"{stream.name}/{STREAM}"
    listed = _listed(stream, log)
    urls = {f"{folder.url}/{entry.path}": entry for entry in entries}
    expected = [] if is_file else [url for url in listed if url.startswith(f"{folder.url}/")]
    for url in sorted({*expected, *(url for url in listed if not url.startswith(home))} - {*urls}):
        if not (url.startswith(home) and _exists(stream.folder, url)):  # else it came just now
            raise UserError(
                f"INPUT {given}: the log {log} lists {url}, which is not in that folder, so Spark "
                "could not read it either. Restore the file, or write the rows that count out as "
                "plain parquet"
            )
    left = [entry for url, entry in urls.items() if url in listed or not url.startswith(home)]
    if not left:
        raise UserError(f"INPUT {given}: the log {log} lists none of its files, so none counts")
    others = {*entries}.difference(left)
    if out := sorted(entry.path for entry in others if not is_hidden(entry.path)):
        told = "INPUT %s: %s files are not in the log %s and do not count, such as %s"
        logger.warning(told, given, f"{len(out):,}", log, out[0])
    return left


def _exists(folder: Folder, url: str) -> bool:
    try:
        folder.entry(url.removeprefix(f"{folder.url}/"))
    except FileNotFoundError:
        return False
    return True


def _listed(stream: Table, log: str) -> set[str]:
    """The URLs of the files that a stream's log lists: in its last summary, and after that."""
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
    """A path of a stream's log, which is a URL with escapes, as folders here have theirs."""
    plain = unquote(path)
    if is_s3(plain):
        return "s3a://{}/{}".format(*split(plain))
    return f"file://{local_path(plain)}"
