"""A webhook receiver on the loopback address, which stores what it receives."""

import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Message:
    path: str
    headers: dict[str, str]
    text: str

    @property
    def body(self) -> dict:
        return json.loads(self.text)


def token_of(url: str) -> str:
    return parse_qs(urlsplit(url).query)["token"][0]


class Receiver:
    def __init__(self) -> None:
        self._messages: list[Message] = []
        self._arrival = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                text = self.rfile.read(int(self.headers["content-length"])).decode()
                receiver._take(Message(self.path, {k.lower(): v for k, v in self.headers.items()}, text))
                self.send_response(201)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _take(self, message: Message) -> None:
        with self._arrival:
            self._messages.append(message)
            self._arrival.notify_all()

    def next(self, path: str, type: str, seconds: float = 10) -> Message:
        """Waits for a message of a type at a path, then removes and returns the oldest."""

        def fitting() -> Message | None:
            return next((one for one in self._messages if one.path == path and one.body["type"] == type), None)

        with self._arrival:
            assert self._arrival.wait_for(fitting, seconds), f"no {type} came to {path}"
            message = fitting()
            self._messages.remove(message)
            return message

    def left(self) -> list[Message]:
        """The messages received and not removed."""
        with self._arrival:
            return list(self._messages)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
