"""Simulate faults of networks and busy servers in S3 requests: `with FaultProxy(upstream)`.

Messages are relayed byte for byte, so signatures stay valid. Each client connection has a thread
with its own connection to the upstream.
"""

from __future__ import annotations

import random
import socket
import socketserver
import struct
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import wait
from threading import Event, Lock, Thread
from types import TracebackType
from urllib.parse import parse_qs, urlsplit

FAULTS = (
    "slow_down",  # 503 SlowDown; not forwarded
    "internal",  # 500 InternalError; not forwarded
    "reset_before",  # the connection is reset; not forwarded
    "reset_during",  # reset in the middle of the answer's body, or after its head
    "lost_response",  # reset after the request has taken effect, before the answer is sent
    "stall",  # nothing for `stall_s`, then the connection ends; not forwarded
)
ERRORS = {
    "slow_down": ("503 Slow Down", "SlowDown", "Please reduce your request rate."),
    "internal": (
        "500 Internal Server Error",
        "InternalError",
        "We encountered an internal error. Please try again.",
    ),
    "denied": ("403 Forbidden", "AccessDenied", "Access Denied"),  # only as `denied` asks for it
}
SPARED = 2  # tries of a request that pass after one that failed
BLOCK = 1 << 16  # bytes
CUT = 4  # bytes that are sent of a chunked answer; the shortest has 5
LINGER_S = 1.0  # data from a client is still read until it pauses for this long

OPERATIONS: list[tuple[str, str, set[str], str]] = [  # the first match counts
    ("PUT", "object", {"partNumber", "x-amz-copy-source"}, "UploadPartCopy"),
    ("PUT", "object", {"partNumber"}, "UploadPart"),
    ("PUT", "object", {"x-amz-copy-source"}, "CopyObject"),
    ("PUT", "object", set(), "PutObject"),
    ("POST", "object", {"uploads"}, "CreateMultipartUpload"),
    ("POST", "object", {"uploadId"}, "CompleteMultipartUpload"),
    ("POST", "bucket", {"delete"}, "DeleteObjects"),
    ("DELETE", "object", {"uploadId"}, "AbortMultipartUpload"),
    ("DELETE", "object", set(), "DeleteObject"),
    ("GET", "object", {"uploadId"}, "other"),  # ListParts
    ("GET", "object", set(), "GetObject"),
    ("GET", "bucket", {"uploads"}, "ListMultipartUploads"),
    ("GET", "bucket", {"list-type"}, "ListObjectsV2"),
    ("GET", "bucket", set(), "ListObjects"),
    ("HEAD", "object", set(), "HeadObject"),
    ("HEAD", "bucket", set(), "HeadBucket"),
]
# Query parameters for requests that are not about the object or listing itself.
OTHERS = {
    *("acl", "attributes", "cors", "encryption", "legal-hold", "lifecycle", "location"),
    *("notification", "object-lock", "policy", "replication", "restore", "retention", "select"),
    *("tagging", "torrent", "versioning", "versions", "website"),
}


class Head:
    """The first line and the fields of a message, raw and parsed."""

    def __init__(self, raw: bytes) -> None:
        first, *lines = raw.decode("latin-1").strip().split("\r\n")
        pairs = (line.partition(":") for line in lines)
        self.raw = raw
        self.words = first.split(" ", 2)
        self.fields = {name.lower(): value.strip() for name, _, value in pairs}
        self.chunked = self.fields.get("transfer-encoding", "").lower().endswith("chunked")
        length = self.fields.get("content-length")
        self.length = int(length) if length else None
        self.closes = self.fields.get("connection", "").lower() == "close"


class Request(Head):
    """A client's request."""

    def __init__(self, raw: bytes) -> None:
        super().__init__(raw)
        self.method, self.target = self.words[:2]
        self.path, _, query = self.target.partition("?")
        expects = self.fields.get("expect", "").lower() == "100-continue"
        self.waits = expects and bool(
            self.chunked or self.length
        )  # for permission to send its body
        asked = set(parse_qs(query, keep_blank_values=True))
        self.operation = operation(self.method, self.path, asked | self.fields.keys())
        # A client's tries have both in common; parts and ranges of an object only the first.
        whole = (self.method, self.target, self.fields.get("range"))
        self.keys = ((self.method, self.path), whole)


class Answer(Head):
    """What the upstream says."""

    def __init__(self, raw: bytes) -> None:
        super().__init__(raw)
        self.status = int(self.words[1])


def operation(method: str, path: str, asked: set[str]) -> str:
    """Return S3's name. `asked`: the names in query and header. A path is /bucket[/key]."""
    bucket, _, key = path[1:].partition("/")
    level = "object" if key else "bucket"
    if not bucket or asked & OTHERS:
        return "other"
    fits = (
        name
        for its_method, its_level, needs, name in OPERATIONS
        if (method, level) == (its_method, its_level) and needs <= asked
    )
    return next(fits, "other")


class Stream:
    """One side's connection. Knows what it has read ahead, so that it can wait for more."""

    def __init__(self, sock: socket.socket) -> None:
        # Head and body of a message may be sent apart: the second must not wait for an ACK.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = sock
        self.send = sock.sendall
        self.ended = False
        self._ahead = b""

    def ready(self, *others: Stream, timeout_s: float | None = None) -> list[Stream]:
        """Return the streams that have something to read, or have ended."""
        streams = (self, *others)
        found = [stream for stream in streams if stream._ahead]
        if found:
            return found
        readable = wait([stream.sock for stream in streams], timeout_s)
        return [stream for stream in streams if stream.sock in readable]

    def takes(self, block: bytes) -> bool:
        """Send data. Return False if the other side no longer reads."""
        try:
            self.send(block)
        except ConnectionError:
            return False
        return True

    def head(self) -> bytes:
        return self._until(b"\r\n\r\n")

    def body(self, head: Head) -> Iterator[bytes]:
        """Yield a request's body as on the wire. Without a length in the head, there is none."""
        return self._chunks() if head.chunked else self._exactly(head.length or 0)

    def answer_body(self, answer: Answer, request: Request) -> Iterator[bytes]:
        """Yield an answer's body as on the wire. Without a length, it ends with the stream."""
        if request.method == "HEAD" or answer.status in (204, 304):
            return iter(())
        if answer.chunked or answer.length is not None:
            return self.body(answer)
        return self._rest()

    def reset(self) -> None:
        """Send RST, so that the other side gets ECONNRESET and not an end of the stream."""
        with suppress(OSError):
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def finish(self) -> None:
        """End without an RST, which could overtake the last answer. Reads all that still comes."""
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)
            self.sock.settimeout(LINGER_S)
            while self.sock.recv(BLOCK):
                pass
        self.sock.close()

    def interrupt(self) -> None:
        """Wake up the thread that waits here. It finds that the stream has ended."""
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)

    def _more(self) -> bytes:
        """Return the available bytes; empty at the end."""
        block = self._ahead or self.sock.recv(BLOCK)
        self._ahead = b""
        self.ended = not block
        return block

    def _some(self) -> bytes:
        """Return the available bytes. Raises ConnectionError at the end."""
        block = self._more()
        if self.ended:
            raise ConnectionError("a message ended early")
        return block

    def _rest(self) -> Iterator[bytes]:
        while block := self._more():
            yield block

    def _exactly(self, size: int) -> Iterator[bytes]:
        while size:
            block = self._some()
            block, self._ahead = block[:size], block[size:]
            size -= len(block)
            yield block

    def _until(self, mark: bytes) -> bytes:
        read = b""
        while mark not in read:
            read += self._some()
        read, _, self._ahead = read.partition(mark)
        return read + mark

    def _chunks(self) -> Iterator[bytes]:
        """Yield chunks with their sizes, and the trailer."""
        size = None
        while size != 0:
            line = self._until(b"\r\n")
            yield line
            size = int(line.partition(b";")[0], 16)
            yield from self._exactly(size + 2 if size else 0)
        while line != b"\r\n":
            line = self._until(b"\r\n")
            yield line


class Relay(socketserver.BaseRequestHandler):
    """One connection of a client, from its first request to its end."""

    server: _Server

    def setup(self) -> None:
        self.proxy = self.server.proxy
        self.client = Stream(self.request)
        self.upstream: Stream | None = None
        self.proxy.relays.add(self)

    def handle(self) -> None:
        try:
            while self._exchange(Request(self.client.head())):
                pass
            self.client.finish()
        except OSError:  # a fault, or one side is gone: the other is closed
            self.client.reset()

    def finish(self) -> None:
        self.proxy.relays.discard(self)
        if self.upstream:
            self.upstream.sock.close()

    def interrupt(self) -> None:
        for stream in filter(None, (self.client, self.upstream)):
            stream.interrupt()

    def _exchange(self, request: Request) -> bool:
        """Return whether the connection can take another request."""
        fault = self.proxy.admit(request)
        if fault in ERRORS:
            return self._refuse(request, *ERRORS[fault])
        if fault == "reset_before":
            raise ConnectionResetError(fault)
        if fault == "stall":
            self.proxy.stopped.wait(self.proxy.stall_s)
            return False
        return self._forward(request, fault)

    def _refuse(self, request: Request, status: str, code: str, message: str) -> bool:
        closes = request.waits or request.closes
        if not request.waits:
            for _ in self.client.body(request):
                pass
        xml = '<?xml version="1.0" encoding="UTF-8"?>\n'
        xml += f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        body = b"" if request.method == "HEAD" else xml.encode()
        head = f"HTTP/1.1 {status}\r\nContent-Type: application/xml\r\n"
        head += f"Content-Length: {len(body)}\r\n" + "Connection: close\r\n" * closes + "\r\n"
        self.client.send(head.encode() + body)
        return not closes

    def _forward(self, request: Request, fault: str | None) -> bool:
        upstream = self._connect()
        upstream.send(request.raw)
        answer = self._early_answer(upstream) if request.waits else None
        whole = answer is None and self._pass_body(request, upstream)
        answer = answer or self._answer(upstream)
        body = upstream.answer_body(answer, request)
        if fault == "lost_response":
            for _ in body:
                pass
            raise ConnectionResetError(fault)
        self.client.send(answer.raw)
        if fault == "reset_during":
            self._send_half(answer, body)
            raise ConnectionResetError(fault)
        for block in body:
            self.client.send(block)
        return whole and not (request.closes or answer.closes or upstream.ended)

    def _connect(self) -> Stream:
        """Return the connection to the upstream; a new one if the upstream has ended the last."""
        if self.upstream and self.upstream.ready(timeout_s=0):
            self.upstream.sock.close()
            self.upstream = None
        if not self.upstream:
            self.upstream = Stream(socket.create_connection(self.proxy.address))
        return self.upstream

    def _early_answer(self, upstream: Stream) -> Answer | None:
        """To the head alone; None: the body is awaited, or the client sends it unasked."""
        if upstream not in upstream.ready(self.client):
            return None
        answer = Answer(upstream.head())
        if answer.status != 100:
            return answer
        self.client.send(answer.raw)
        return None

    def _pass_body(self, request: Request, upstream: Stream) -> bool:
        """Return whether the upstream reads all. If not, it has answered; the rest is dropped."""
        taken = True
        for block in self.client.body(request):
            taken = taken and upstream.takes(block)
        return taken

    def _answer(self, upstream: Stream) -> Answer:
        """Return the final answer. Earlier ones are passed on."""
        answer = Answer(upstream.head())
        while answer.status < 200:
            self.client.send(answer.raw)
            answer = Answer(upstream.head())
        return answer

    def _send_half(self, answer: Answer, body: Iterator[bytes]) -> None:
        left = CUT if answer.length is None else answer.length // 2
        for block in body:
            self.client.send(block[:left])
            left -= len(block)
            if left <= 0:
                return


class FaultProxy:
    """A server at `url` for S3 clients of `upstream`, an http URL. Without faults, it only counts.

    Of all requests `rate` are hit, by one of `kinds`. With `each_once`, besides, each kind of fault
    hits each operation at least once: more than `gap` requests of the operation after its last.
    After a hit the next tries of a request go through.
    """

    def __init__(
        self,
        upstream: str,
        *,
        rate: float = 0.0,
        kinds: Sequence[str] = FAULTS,
        each_once: bool = False,
        gap: int = 6,
        stall_s: float = 10.0,  # more than the clients' timeouts
        seed: int = 0,
    ) -> None:
        place = urlsplit(upstream)
        self.address = (place.hostname or "", place.port or 80)
        self.rate, self.kinds, self.each_once, self.gap = rate, kinds, each_once, gap
        self.stall_s = stall_s
        self.requests: Counter[str] = Counter()  # by operation
        self.faults: Counter[tuple[str, str]] = Counter()  # by operation and fault
        self.log: list[tuple[str, str, str]] = []  # operation, method and path of each request
        self.relays: set[Relay] = set()
        self.stopped = Event()
        self.denied: tuple[str, ...] = ()  # operations to refuse, as if a right had been withdrawn
        self._random = random.Random(seed)
        self._since: Counter[str] = Counter()  # requests of an operation after its last fault
        self._spared: Counter[tuple[str | None, ...]] = Counter()  # tries, by keys of requests
        self._lock = Lock()
        self._server = _Server(self)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End all connections. Clients can no longer connect to `url`."""
        self._server.shutdown()
        self._server.server_close()
        self.stopped.set()
        for relay in list(self.relays):
            relay.interrupt()

    def __enter__(self) -> FaultProxy:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.stop()

    def admit(self, request: Request) -> str | None:
        """Count a request. Return the fault that it gets, or None."""
        with self._lock:
            self.requests[request.operation] += 1
            self._since[request.operation] += 1
            self.log.append((request.operation, request.method, request.path))
            fault = "denied" if request.operation in self.denied else self._chosen(request)
            if fault:
                self.faults[request.operation, fault] += 1
                self._since[request.operation] = 0
                self._spared.update(dict.fromkeys(request.keys, SPARED))
            return fault

    def _chosen(self, request: Request) -> str | None:
        spared = any(self._spared[key] for key in request.keys)
        self._spared -= Counter(request.keys)  # and without those that are no longer
        if spared:
            return None
        if self._random.random() < self.rate:
            return self._random.choice(self.kinds)
        if not self.each_once or self._since[request.operation] <= self.gap:
            return None
        return next((kind for kind in self.kinds if not self.faults[request.operation, kind]), None)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128  # connections at once

    def __init__(self, proxy: FaultProxy) -> None:
        super().__init__(("127.0.0.1", 0), Relay)
        self.proxy = proxy
