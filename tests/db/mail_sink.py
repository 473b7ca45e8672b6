"""A mail server on 127.0.0.1 that keeps what it gets, or refuses it. Standard library only."""

from __future__ import annotations

import socketserver
import threading
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any


class _Session(socketserver.StreamRequestHandler):
    server: Sink

    def handle(self) -> None:
        self._say("220 sink")
        to: list[str] = []
        while line := self.rfile.readline().decode("latin-1").strip():
            word = line.upper()
            if word.startswith(("EHLO", "HELO")):
                self.wfile.write(b"250-sink\r\n250-AUTH PLAIN\r\n250 SMTPUTF8\r\n")
            elif word.startswith("AUTH"):
                self._say(f"535 wrong: {line}" if self.server.refuse == "AUTH" else "235 ok")
            elif word.startswith("RCPT"):
                to.append(line.partition(":")[2].split()[0].strip("<>"))
                self._say("550 no such box" if self.server.refuse == "RCPT" else "250 ok")
            elif word == "DATA":
                self._say("354 go on")
                self._keep(to)
            elif word == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 ok")

    def _keep(self, to: list[str]) -> None:
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        self.server.mails.append((list(to), message_from_bytes(b"".join(lines), policy=policy.default)))
        self._say("250 kept")

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


class Sink(socketserver.ThreadingTCPServer):
    """`mails`: (recipients, message). `refuse`: "AUTH" or "RCPT"."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.mails: list[tuple[list[str], EmailMessage | Any]] = []
        self.refuse = ""

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def __enter__(self) -> Sink:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()
