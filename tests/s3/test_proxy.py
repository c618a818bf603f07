"""What a client sends arrives as it is, and each fault does what it says."""

from __future__ import annotations

import http.client
import importlib.util
import re
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

SPEC = importlib.util.spec_from_file_location("s3_proxy", Path(__file__).with_name("proxy.py"))
assert SPEC
assert SPEC.loader
proxy_module = importlib.util.module_from_spec(SPEC)
sys.modules[SPEC.name] = proxy_module
SPEC.loader.exec_module(proxy_module)
FAULTS, FaultProxy = proxy_module.FAULTS, proxy_module.FaultProxy

OBJECT = bytes(range(256)) * 2000  # what each GET gives
SIGNED = b"Host: bucket.example:8333\r\nauthorization: AWS4-HMAC-SHA256 Signature=0f\r\n"
NOT_FORWARDED = ("slow_down", "internal", "reset_before", "stall")
KINDS = {  # operation -> method, target and headers
    "PutObject": ("PUT", "/b/a/key", {}),
    "CopyObject": ("PUT", "/b/key", {"x-amz-copy-source": "b/other"}),
    "UploadPart": ("PUT", "/b/key?partNumber=1&uploadId=u", {}),
    "UploadPartCopy": ("PUT", "/b/key?partNumber=2&uploadId=u", {"X-Amz-Copy-Source": "b/other"}),
    "CreateMultipartUpload": ("POST", "/b/key?uploads", {}),
    "CompleteMultipartUpload": ("POST", "/b/key?uploadId=u", {}),
    "AbortMultipartUpload": ("DELETE", "/b/key?uploadId=u", {}),
    "GetObject": ("GET", "/b/key?x-id=GetObject", {"Range": "bytes=0-9"}),
    "HeadObject": ("HEAD", "/b/folder/", {}),
    "HeadBucket": ("HEAD", "/b/", {}),
    "ListObjectsV2": ("GET", "/b?list-type=2&prefix=", {}),
    "ListObjects": ("GET", "/b/?prefix=a%2Fb&delimiter=%2F", {}),
    "ListMultipartUploads": ("GET", "/b?uploads", {}),
    "DeleteObject": ("DELETE", "/b/key?x-id=DeleteObject", {}),
    "DeleteObjects": ("POST", "/b/?delete", {}),
    "other": ("GET", "/b/key?tagging", {}),
}


class Recorder:
    """A file that keeps all that is read from it."""

    def __init__(self, file: Any) -> None:
        self.file, self.read_so_far = file, b""

    def read(self, size: int) -> bytes:
        return self._kept(self.file.read(size))

    def readline(self, limit: int = -1) -> bytes:
        return self._kept(self.file.readline(limit))

    def close(self) -> None:
        self.file.close()

    def _kept(self, block: bytes) -> bytes:
        self.read_so_far += block
        return block


class Handler(BaseHTTPRequestHandler):
    """An upstream that records requests as bytes; what it answers is in the path."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Upstream

    def setup(self) -> None:
        super().setup()
        self.rfile: Any = Recorder(self.rfile)
        self.server.connections += 1

    def answer(self) -> None:
        if "forbidden" in self.path:  # the body is not even read
            self.send_head(403, ("Content-Length", "0"), ("Connection", "close"))
            return
        self.read_body()
        self.server.arrived.append(self.rfile.read_so_far)
        self.rfile.read_so_far = b""
        if "vanish" in self.path:
            self.close_connection = True
        elif "chunked" in self.path:
            self.send_head(200, ("Transfer-Encoding", "chunked"))
            self.wfile.write(b"5;x=y\r\nhello\r\n3\r\nyou\r\n0\r\nx-last: 1\r\n\r\n")
        elif "endless" in self.path:
            self.close_connection = True
            self.send_head(200)
            self.wfile.write(OBJECT)
        elif "unchanged" in self.path:
            self.send_head(304, ("ETag", '"e"'))
        elif self.command == "DELETE":
            self.send_head(204)
        else:
            self.answer_bytes()

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer  # noqa: N815

    def read_body(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline().split(b";")[0], 16):
                self.rfile.read(size + 2)
            while self.rfile.readline() != b"\r\n":
                pass

    def answer_bytes(self) -> None:
        body = OBJECT if self.command in ("GET", "HEAD") else b""
        status, length = 200, ("Content-Length", str(len(body)))
        if asked := self.headers.get("Range"):
            first, last = map(int, asked.removeprefix("bytes=").split("-"))
            body = body[first : last + 1]
            status, length = 206, ("Content-Length", str(len(body)))
        self.send_head(status, length)
        if self.command != "HEAD":
            self.wfile.write(body)
        if "once" in self.path:
            self.close_connection = True  # and the answer did not say so

    def handle_expect_100(self) -> bool:
        if "refused" not in self.path:
            return super().handle_expect_100()
        self.send_head(412, ("Content-Length", "0"), ("Connection", "close"))
        return False

    def send_head(self, status: int, *fields: tuple[str, str]) -> None:
        self.send_response(status)
        for field in fields:
            self.send_header(*field)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


class Upstream(ThreadingHTTPServer):
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.arrived: list[bytes] = []
        self.connections = 0
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):  # a reset is what is tested
            super().handle_error(request, client_address)


Start = Callable[..., Any]


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    server = Upstream()
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def start(upstream: Upstream) -> Iterator[Start]:
    """Start a proxy of `upstream` with the given options."""
    started = []

    def start(**options: Any) -> Any:
        proxy = FaultProxy(upstream.url, **options)
        proxy.start()
        started.append(proxy)
        return proxy

    yield start
    for proxy in started:
        proxy.stop()


def connect(proxy: Any) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(proxy.url.removeprefix("http://"), timeout=20)


def connect_raw(server: Any) -> socket.socket:
    """To a proxy or an upstream."""
    host, _, port = server.url.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=20)


def ask(
    connection: http.client.HTTPConnection, method: str, target: str, **more: Any
) -> tuple[int, bytes]:
    connection.request(method, target, **more)
    response = connection.getresponse()
    return response.status, response.read()


def read_to_end(connection: socket.socket) -> bytes:
    """All that comes, to the end or a reset."""
    read = b""
    try:
        while block := connection.recv(1 << 16):
            read += block
    except ConnectionResetError:
        return read + b"RESET"
    return read


@pytest.mark.parametrize(
    "rest",
    [
        b"Content-Length: 5\r\n\r\nhello",
        b"content-length:0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\nA\r\n0123456789\r\n0\r\nx: 1\r\n\r\n",
        b"Content-Encoding: aws-chunked\r\nContent-Length: 30\r\n\r\n"
        b"5;chunk-signature=0f\r\nhello\r\n\0",
    ],
    ids=["length", "empty", "chunked", "aws-chunked"],
)
def test_a_request_arrives_as_it_was_sent(start: Start, upstream: Upstream, rest: bytes):
    sent = b"PUT /b/k%20%C3%A9?x-id=PutObject HTTP/1.1\r\n" + SIGNED + rest
    with connect_raw(start()) as connection:
        for _ in range(2):
            connection.sendall(sent)
            assert connection.recv(1 << 16).startswith(b"HTTP/1.1 200 OK\r\n")
    assert upstream.arrived == [sent, sent]


def test_answers_of_all_shapes_come_over_one_connection(start: Start, upstream: Upstream):
    with closing(connect(start())) as connection:
        for _ in range(2):
            assert ask(connection, "GET", "/b/key") == (200, OBJECT)
            assert ask(connection, "GET", "/b/chunked") == (200, b"helloyou")
            assert ask(connection, "HEAD", "/b/key") == (200, b"")
            assert ask(connection, "GET", "/b/unchanged") == (304, b"")
            assert ask(connection, "DELETE", "/b/key") == (204, b"")
            part = ask(connection, "GET", "/b/key", headers={"Range": "bytes=250-259"})
            assert part == (206, OBJECT[250:260])
    assert upstream.connections == 1


@pytest.mark.parametrize("target", ["/b/key", "/b/chunked", "/b/endless"])
def test_an_answer_comes_as_it_was_sent(start: Start, upstream: Upstream, target: str):
    answers = []
    for server in (start(), upstream):
        with connect_raw(server) as connection:
            connection.sendall(f"GET {target} HTTP/1.1\r\nConnection: close\r\n\r\n".encode())
            answers.append(read_to_end(connection))
    relayed, direct = (re.sub(rb"\r\nDate: [^\r]*", b"", answer) for answer in answers)
    assert relayed == direct


def test_the_body_is_asked_for_by_the_upstream(start: Start, upstream: Upstream):
    head = b"PUT /b/key HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
    with connect_raw(start()) as connection:
        connection.sendall(head)
        assert connection.recv(1 << 16) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"hello")
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 200 OK\r\n")
    assert upstream.arrived == [head + b"hello"]


def test_a_body_that_comes_unasked_is_passed_on(start: Start, upstream: Upstream):
    sent = b"PUT /b/key HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello"
    with connect_raw(start()) as connection:
        connection.sendall(sent)
        read = b""
        while b"200 OK" not in read:
            read += connection.recv(1 << 16)
        assert read.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
    assert upstream.arrived == [sent]


def test_a_body_can_be_refused(start: Start):
    with connect_raw(start()) as connection:
        connection.sendall(
            b"PUT /b/refused HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
        )
        read = read_to_end(connection)
    assert read.startswith(b"HTTP/1.1 412 ")
    assert read.endswith(b"\r\n\r\n")


def test_an_answer_ahead_of_the_body_gets_through(start: Start):
    with closing(connect(start())) as connection:
        assert ask(connection, "PUT", "/b/forbidden", body=bytes(20_000_000)) == (403, b"")


def test_large_bodies_pass_on_many_connections(start: Start, upstream: Upstream):
    proxy = start()

    def work(number: int) -> None:
        with closing(connect(proxy)) as connection:
            body = bytes([number]) * 500_000
            assert ask(connection, "PUT", f"/b/{number}", body=body) == (200, b"")
            assert ask(connection, "GET", f"/b/{number}") == (200, OBJECT)

    with ThreadPoolExecutor(64) as pool:
        list(pool.map(work, range(64)))
    bodies = [sent.partition(b"\r\n\r\n")[2] for sent in upstream.arrived]
    assert {len(body) for body in bodies} == {0, 500_000}
    assert Counter(body[0] for body in bodies if body) == Counter(range(64))
    assert proxy.requests == {"PutObject": 64, "GetObject": 64}


def test_an_upstream_that_ends_idle_connections_is_not_noticed(start: Start, upstream: Upstream):
    with closing(connect(start())) as connection:
        for _ in range(3):
            assert ask(connection, "GET", "/b/once") == (200, OBJECT)
            time.sleep(0.05)
    assert upstream.connections == 3


def test_a_client_sees_that_the_upstream_is_gone(start: Start, upstream: Upstream):
    proxy = start()
    with closing(connect(proxy)) as connection, pytest.raises(ConnectionResetError):
        ask(connection, "GET", "/b/vanish")
    upstream.shutdown()
    upstream.server_close()
    with closing(connect(proxy)) as connection, pytest.raises(ConnectionResetError):
        ask(connection, "GET", "/b/key")


@pytest.mark.parametrize("name", KINDS)
def test_operations_have_the_names_of_s3(start: Start, name: str):
    proxy = start()
    method, target, headers = KINDS[name]
    with closing(connect(proxy)) as connection:
        ask(connection, method, target, headers=headers)
    assert proxy.requests == {name: 1}
    assert proxy.log == [(name, method, target.partition("?")[0])]
    assert not proxy.faults


@pytest.mark.parametrize(
    ("method", "target"), [("GET", "/"), ("PUT", "/b"), ("GET", "/b?location"), ("POST", "/b/key")]
)
def test_what_is_of_no_interest_is_other(start: Start, method: str, target: str):
    proxy = start()
    with closing(connect(proxy)) as connection:
        ask(connection, method, target)
    assert proxy.requests == {"other": 1}


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [("slow_down", 503, b"SlowDown"), ("internal", 500, b"InternalError")],
)
def test_an_error_is_told_as_s3_does(
    start: Start, upstream: Upstream, fault: str, status: int, code: bytes
):
    proxy = start(rate=1.0, kinds=(fault,))
    with closing(connect(proxy)) as connection:
        for method, told in (("PUT", code), ("GET", code), ("HEAD", b"")):
            got, body = ask(connection, method, f"/b/{method}", body=b"hello" * 100_000)
            assert got == status
            assert told in body
            assert bool(body) == bool(told)
            assert not upstream.arrived
        assert ask(connection, "GET", "/b/GET") == (200, OBJECT)  # the same connection
    assert proxy.faults == {(f"{kind}Object", fault): 1 for kind in ("Put", "Get", "Head")}


def test_an_error_comes_before_the_body_is_asked_for(start: Start):
    with connect_raw(start(rate=1.0, kinds=("slow_down",))) as connection:
        connection.sendall(
            b"PUT /b/key HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
        )
        read = read_to_end(connection)
    assert read.startswith(b"HTTP/1.1 503 Slow Down\r\n")
    assert read.endswith(b"</Error>")


@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD", "DELETE"])
@pytest.mark.parametrize("fault", ["reset_before", "lost_response"])
def test_a_reset_comes_without_an_answer(start: Start, upstream: Upstream, fault: str, method: str):
    proxy = start(rate=1.0, kinds=(fault,))
    sent = f"{method} /b/key HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello".encode()
    with connect_raw(proxy) as connection:
        connection.sendall(sent)
        assert read_to_end(connection) == b"RESET"
    assert upstream.arrived == [sent] * (fault == "lost_response")


def test_a_body_is_asked_for_before_the_answer_is_lost(start: Start, upstream: Upstream):
    with connect_raw(start(rate=1.0, kinds=("lost_response",))) as connection:
        connection.sendall(
            b"PUT /b/key HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
        )
        assert connection.recv(1 << 16) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"hello")
        assert read_to_end(connection) == b"RESET"
    assert len(upstream.arrived) == 1


@pytest.mark.parametrize(
    ("target", "most"), [("/b/key", len(OBJECT) // 2), ("/b/chunked", 4), ("/b/endless", 4)]
)
def test_a_reset_comes_in_the_middle_of_a_body(start: Start, target: str, most: int):
    with connect_raw(start(rate=1.0, kinds=("reset_during",))) as connection:
        connection.sendall(f"GET {target} HTTP/1.1\r\n\r\n".encode())
        head, _, body = read_to_end(connection).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert body.endswith(b"RESET")
    assert 0 < len(body) - len("RESET") <= most  # less if the client was slow to read


def test_a_reset_comes_after_an_answer_without_a_body(start: Start, upstream: Upstream):
    with connect_raw(start(rate=1.0, kinds=("reset_during",))) as connection:
        connection.sendall(b"PUT /b/key HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello")
        read = read_to_end(connection)
    assert read.startswith(b"HTTP/1.1 200 OK\r\n")
    assert read.endswith(b"\r\n\r\nRESET")
    assert len(upstream.arrived) == 1


def test_a_stall_ends_without_an_answer(start: Start, upstream: Upstream):
    with connect_raw(start(rate=1.0, kinds=("stall",), stall_s=0.3)) as connection:
        begun = time.monotonic()
        connection.sendall(b"GET /b/key HTTP/1.1\r\n\r\n")
        assert read_to_end(connection) == b""
        assert 0.3 <= time.monotonic() - begun < 5
    assert not upstream.arrived


def test_the_end_waits_for_no_stall():
    proxy = FaultProxy("http://127.0.0.1:1", rate=1.0, kinds=("stall",), stall_s=600)
    with connect_raw(proxy) as connection:
        with proxy:
            connection.sendall(b"GET /b/key HTTP/1.1\r\n\r\n")
            while not proxy.faults:
                time.sleep(0.01)
        assert read_to_end(connection) == b""
    with pytest.raises(ConnectionRefusedError):
        connect_raw(proxy)


def test_the_next_tries_of_a_request_go_through(start: Start):
    proxy = start(rate=1.0, kinds=("internal",))
    with closing(connect(proxy)) as connection:
        codes = [ask(connection, "GET", "/b/key")[0] for _ in range(7)]
        assert codes == [500, 200, 200, 500, 200, 200, 500]
        assert ask(connection, "GET", "/b/else")[0] == 500
        assert ask(connection, "HEAD", "/b/key")[0] == 500


def test_parts_spare_each_other_no_try(start: Start):
    with closing(connect(start(rate=1.0, kinds=("internal",)))) as connection:
        codes = [
            ask(connection, "PUT", f"/b/key?partNumber={part}&uploadId=u")[0]
            for part in (1, 2, 3, 1, 1, 4)
        ]
    assert codes == [500, 200, 200, 200, 200, 500]


def test_the_rate_and_the_seed_decide(start: Start):
    def hit(seed: int) -> list[int]:
        with closing(connect(start(rate=0.2, kinds=("internal",), seed=seed))) as connection:
            return [n for n in range(300) if ask(connection, "HEAD", f"/b/{n}")[0] == 500]

    assert hit(1) == hit(1) != hit(2)
    assert 30 < len(hit(1)) < 90


def test_each_fault_hits_each_operation_once(start: Start, upstream: Upstream):
    proxy = start(each_once=True, gap=6, stall_s=0.05)

    def hit(name: str, number: int) -> bool:
        """Whether a request fails; a reset after a whole answer may go unnoticed."""
        method, target, headers = KINDS[name]
        path, _, query = target.partition("?")
        before = sum(proxy.faults.values())
        failures = suppress(OSError, http.client.HTTPException)
        with closing(connect(proxy)) as connection, failures:
            ask(connection, method, f"{path}?{query}&n={number}", headers=headers)
        return sum(proxy.faults.values()) > before

    for name in KINDS:
        n_faults = len(FAULTS)
        assert [n for n in range(60) if hit(name, n)] == [6 + 7 * n for n in range(n_faults)]
    assert proxy.faults == {(name, fault): 1 for name in KINDS for fault in FAULTS}
    assert len(upstream.arrived) == len(KINDS) * (60 - len(NOT_FORWARDED))
