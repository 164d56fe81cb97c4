"""A model server that does what its request says: the container side of the endpoint tests."""

import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SICK = Path(sys.argv[2])


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._answer(503 if SICK.exists() else 200, b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        wish = body.decode()
        if wish == "die":
            os._exit(1)
        if wish.startswith("sleep"):
            time.sleep(float(wish.split()[1]))
        if wish == "chunked":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"2\r\nok\r\n0\r\n\r\n")
            return
        self._answer(int(wish.split()[1]) if wish.startswith("status") else 200, b"masks of " + body)

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None: ...


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
