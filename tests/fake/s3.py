"""A server of S3 with permissions: what a user may do, as AWS answers it."""

from __future__ import annotations

import http.server
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

#: What a user of a bucket may be allowed: s3:GetObject, s3:PutObject, s3:ListBucket.
READ, WRITE, LIST = "read", "write", "list"

#: The user whose key the server knows.
USER = "someone"


@dataclass
class Bucket:
    """A bucket on a server.

    Attributes:
        endpoint: The server's address.
        may: What its user may do.
        objects: The content of each object, by its path.
        asked: Each request, `METHOD PATH`.
    """

    endpoint: str = ""
    may: frozenset[str] = frozenset({READ, WRITE, LIST})
    objects: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """What its user sets to get to it."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": USER,
            "AWS_SECRET_ACCESS_KEY": "hidden",
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def answer(self, method: str, path: str, user: str, content: bytes) -> tuple[int, str, bytes]:
        """The status, the error's code and the content of an answer.

        Who may not list is refused what is not there, too: AWS, "GetObject" and "HeadObject", "If
        the object you request doesn't exist, the error that Amazon S3 returns depends on whether
        you also have the s3:ListBucket permission".
        """
        if user != USER:
            return 403, "InvalidAccessKeyId", b""
        if method == "PUT":
            if WRITE not in self.may:
                return 403, "AccessDenied", b""
            self.objects[path] = content
            return 200, "", b""
        if path.count("/") == 1:
            return (200, "", b"<ListBucketResult/>") if LIST in self.may else _DENIED
        if READ not in self.may or (path not in self.objects and LIST not in self.may):
            return _DENIED
        if path not in self.objects:
            return 404, "NoSuchKey", b""
        return 200, "", self.objects[path]


_DENIED = (403, "AccessDenied", b"")


@contextmanager
def served() -> Iterator[Bucket]:
    """A bucket on a server that runs while the block does."""
    bucket = Bucket()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Says nothing."""

        def _do(self) -> None:
            path = urlsplit(self.path).path
            bucket.asked.append(f"{self.command} {path}")
            content = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            user = re.search(r"Credential=([^/]+)/", self.headers.get("Authorization", ""))
            name = user[1] if user else ""
            status, code, answer = bucket.answer(self.command, path, name, content)
            if code:
                answer = f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.send_header("Content-Type", "application/xml")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer)

        do_GET = do_HEAD = do_PUT = _do  # the names are http.server's

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        bucket.endpoint = f"http://127.0.0.1:{server.server_port}"
        yield bucket
        server.shutdown()
