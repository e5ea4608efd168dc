"""A front end's own server: the pages of a test, on loopback."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def site(files: Mapping[str, str]) -> Iterator[str]:
    """Serves each text at its path until the block ends; gives the URL, without a slash at its end.

    A path that ends in "/" is a page; one whose ending is neither html nor js is plain text.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            text = files.get(self.path)
            self.send_response(404 if text is None else 200)
            self.send_header("Content-Type", f"{_type_of(self.path)}; charset=utf-8")
            self.end_headers()
            self.wfile.write((text or "").encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def _type_of(path: str) -> str:
    if path.endswith("/"):
        return "text/html"
    return {"html": "text/html", "js": "text/javascript"}.get(path.rpartition(".")[2], "text/plain")
