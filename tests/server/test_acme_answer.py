"""One question is answered while it is waited for; everything else gets nothing, and after it nothing listens."""

from __future__ import annotations

import http.client
import socket

import pytest

from server.acme_answer import THREADS_MAX, answering
from server.children import free_port

PATH = "/.well-known/acme-challenge/token"


def ask(port, path=PATH, method="GET"):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read(), dict(answer.getheaders())
    finally:
        connection.close()


def test_only_the_question_is_answered_and_nothing_says_what_answers():
    port = free_port()
    with answering("127.0.0.1", port, PATH, "token.thumb"):
        status, body, headers = ask(port)
        assert (status, body) == (200, b"token.thumb")
        assert "Server" not in headers
        for path in ("/", "/.well-known/acme-challenge/", f"{PATH}x", "/../../etc/passwd"):
            assert ask(port, path)[:2] == (404, b"")
        assert ask(port, method="POST")[0] == 501
    with pytest.raises(ConnectionRefusedError):
        ask(port)


def test_many_who_say_nothing_make_no_threads_without_end_and_do_not_hold_the_end_up():
    port = free_port()
    with answering("127.0.0.1", port, PATH, "token.thumb"):
        silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(THREADS_MAX + 5)]
        silent[-1].settimeout(5)
        assert silent[-1].recv(1) == b"", "one too many is closed at once"
        for one in silent:
            one.close()


def test_a_port_that_is_taken_is_an_error():
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        answering("127.0.0.1", taken.getsockname()[1], PATH, "x").__enter__()
