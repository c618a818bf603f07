"""Give the keys of a job's role to the SDKs in a container: `python container_keys.py USER SECRET`.

Listens on the link-local address of ECS and SageMaker, which must be set up before.
"""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ADDRESS = "169.254.170.2"


class Handler(BaseHTTPRequestHandler):
    """Answers each request with the keys."""

    user, secret = "", ""

    def do_GET(self) -> None:
        answer = {
            "AccessKeyId": self.user,
            "SecretAccessKey": self.secret,
            "Token": "",
            "Expiration": "2099-01-01T00:00:00Z",
            "RoleArn": "arn:aws:iam::123456789012:role/semscore-job",
        }
        content = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Be silent."""


if __name__ == "__main__":
    Handler.user, Handler.secret = sys.argv[1:]
    ThreadingHTTPServer((ADDRESS, 80), Handler).serve_forever()
