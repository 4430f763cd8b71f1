"""Compositors that hang up, lie about lengths or refuse: each is "unavailable", and none is waited for without end."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.session.errors import DisplayUnavailable
from agent.session.foreground_wayland import ForegroundWayland
from agent.session.identity import DesktopIndex
from agent.session.wayland_wire import Wire, socket_of, string_in

HEADER = struct.Struct("=II")


def message(number: int, event: int, body: bytes = b"") -> bytes:
    return HEADER.pack(number, (HEADER.size + len(body)) << 16 | event) + body


def offer(name: int, interface: bytes, version: int) -> bytes:
    text = interface + b"\0"
    return message(
        2, 0, struct.pack("=II", name, len(text)) + text + bytes(-len(text) % 4) + struct.pack("=I", version)
    )


FIRST_REQUESTS_BYTES = 24
"""wl_display.get_registry and wl_display.sync: a header and one number each."""
SYNC_DONE = message(3, 0, bytes(4))
GNOME = offer(1, b"wl_compositor", 6) + offer(2, b"wl_seat", 8) + offer(3, b"xdg_wm_base", 6) + SYNC_DONE


@contextmanager
def compositor(path: Path, said: bytes) -> Iterator[None]:
    """Answers whoever connects with these bytes, and hangs up."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def answer() -> None:
            with listener.accept()[0] as peer:
                heard = 0
                while heard < FIRST_REQUESTS_BYTES:  # who hangs up between the two is heard as "gone"
                    heard += len(peer.recv(4096)) or FIRST_REQUESTS_BYTES
                peer.sendall(said)

        thread = threading.Thread(target=answer)
        thread.start()
        yield
        thread.join(timeout=10)
        assert not thread.is_alive()


def test_a_compositor_that_lists_no_windows_as_gnome_s_is_unavailable(tmp_path: Path) -> None:
    path = tmp_path / "w"
    with compositor(path, GNOME), pytest.raises(DisplayUnavailable, match="does not say which app"):
        ForegroundWayland({"WAYLAND_DISPLAY": str(path)}, DesktopIndex([]))


def test_what_is_offered_is_known_by_name_and_version(tmp_path: Path) -> None:
    with compositor(tmp_path / "w", GNOME):
        wire = Wire(tmp_path / "w")
    assert wire.offered == {"wl_compositor": (1, 6), "wl_seat": (2, 8), "xdg_wm_base": (3, 6)}
    with pytest.raises(DisplayUnavailable, match="gone"):
        wire.take()
    wire.close()


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(b"", id="one that hangs up"),
        pytest.param(HEADER.pack(2, 4 << 16), id="a message that is shorter than its header"),
        pytest.param(message(2, 0, b"\1\0\0\0\xff\xff\0\0"), id="an offer that ends before its name"),
        pytest.param(message(1, 0, bytes(12)), id="a refusal"),
    ],
)
def test_a_broken_conversation_is_unavailable(said: bytes, tmp_path: Path) -> None:
    with compositor(tmp_path / "w", said), pytest.raises(DisplayUnavailable):
        Wire(tmp_path / "w")


def test_no_compositor_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(DisplayUnavailable):
        Wire(tmp_path / "none")


def test_a_string_is_as_long_as_it_says_without_its_final_zero() -> None:
    assert string_in(struct.pack("=I", 5) + b"foot\0\0\0\0") == "foot"


def test_the_compositor_is_found_where_the_session_says() -> None:
    assert socket_of({"XDG_RUNTIME_DIR": "/run/user/1"}) == Path("/run/user/1/wayland-0")
    assert socket_of({"XDG_RUNTIME_DIR": "/run/user/1", "WAYLAND_DISPLAY": "w"}) == Path("/run/user/1/w")
    assert socket_of({"WAYLAND_DISPLAY": "/x/w"}) == Path("/x/w")
    assert socket_of({"WAYLAND_DISPLAY": "w"}) is None
