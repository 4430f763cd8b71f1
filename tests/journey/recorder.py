"""A wire that is listened to: a proxy between everybody and the collector, which keeps every byte of both ways."""

from __future__ import annotations

import socket
import threading
from pathlib import Path


class Recorder:
    """Passes connections to a port on and writes what goes by into files, two a connection."""

    def __init__(self, to_port: int, folder: Path) -> None:
        self._to, self._folder = to_port, folder
        folder.mkdir()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []
        self._number = 0
        self._begin(self._accept)

    def close(self) -> None:
        """End every connection, and wait until all that was said is written."""
        self._listening.shutdown(socket.SHUT_RDWR)
        for one in list(self._open):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # its other end was quicker
        for thread in list(self._threads):
            thread.join(10)
        for one in [self._listening, *self._open]:
            one.close()

    def _begin(self, work: object, *given: object) -> None:
        thread = threading.Thread(target=work, args=given, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self._to))
            except OSError:
                near.close()  # the collector is not there yet, as without a proxy
                continue
            self._open += [near, far]
            self._number += 1
            self._begin(self._pass, near, far, self._folder / f"{self._number:04}-to")
            self._begin(self._pass, far, near, self._folder / f"{self._number:04}-from")

    @staticmethod
    def _pass(source: socket.socket, target: socket.socket, path: Path) -> None:
        with path.open("wb") as file:
            try:
                while data := source.recv(65536):
                    file.write(data)
                    target.sendall(data)
                target.shutdown(socket.SHUT_WR)
            except OSError:
                return
