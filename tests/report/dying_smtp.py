"""A mail server that dies: a real one on a socket, which hangs up at the point it is told."""

from __future__ import annotations

import socket
import threading
from typing import Literal

Point = Literal["greeting", "EHLO", "MAIL", "RCPT", "DATA", "message", "answer", "QUIT"]
BEFORE: tuple[Point, ...] = ("greeting", "EHLO", "MAIL", "RCPT", "DATA")
"""Points before the server has the message."""


class DyingServer:
    """Hangs up at a point of its next conversation, and then lives on.

    Attributes:
        dies_at: where it hangs up next; None where it does not.
        taken: the messages that it had in full, whether it said so or not.
    """

    def __init__(self) -> None:
        self.dies_at: Point | None = None
        self.taken: list[bytes] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listening.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as lines:
                try:
                    self._talk(connection, lines)
                except _HangsUpError:
                    self.dies_at = None

    def _talk(self, connection: socket.socket, lines: object) -> None:
        self._die("greeting")
        connection.sendall(b"220 here\r\n")
        for line in lines:  # type: ignore[attr-defined]
            word = line.split()[0].upper().decode()
            self._die(word)
            if word == "DATA":
                connection.sendall(b"354 go on\r\n")
                self._die("message")
                self.taken.append(b"".join(iter(lambda: next(lines), b".\r\n")))  # type: ignore[call-overload]
                self._die("answer")
            connection.sendall(b"221 bye\r\n" if word == "QUIT" else b"250 ok\r\n")

    def _die(self, point: str) -> None:
        if self.dies_at == point:
            raise _HangsUpError


class _HangsUpError(Exception):
    pass
