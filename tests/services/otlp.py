"""A receiver of OpenTelemetry's metrics, by OTLP over HTTP, which keeps what it receives."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)


class Receiver(HTTPServer):
    """It listens on this machine, at a free port."""

    def __init__(self) -> None:
        self.received: list[ExportMetricsServiceRequest] = []
        received = self.received

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                assert self.path == "/v1/metrics"
                received.append(ExportMetricsServiceRequest.FromString(body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def endpoint(self) -> str:
        """Its address, as OTEL_EXPORTER_OTLP_ENDPOINT names it."""
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def gauges(self) -> dict[str, Any]:
        """The points of the last request, by the names of their metrics."""
        [resource] = self.received[-1].resource_metrics
        [scope] = resource.scope_metrics
        return {metric.name: metric.gauge.data_points[0] for metric in scope.metrics}


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Yield a receiver that runs until the end of the block."""
    server = Receiver()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
