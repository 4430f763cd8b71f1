"""Whether the collector answers is asked where it listens, and each reason why not is one sentence."""

from __future__ import annotations

import argparse
import http.server
import ssl
import threading
from contextlib import contextmanager

import pytest

from server import alive, doctor
from server.children import free_port
from tests.server.issuing import Authority


@contextmanager
def served(status, certificate=None):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            right = self.path == "/v1/health" and self.headers["Host"] == "fairwatch.example.org"
            self.send_response(status if right else 404)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.certificate, certificate.key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def folder(tmp_path, port, scheme="http"):
    text = f'url = "{scheme}://fairwatch.example.org:{port}"\nlisten = "0.0.0.0:{port}"\n'
    (tmp_path / "collector.toml").write_text(text)
    return tmp_path


def test_one_that_answers_is_alive_over_http_and_over_tls_with_a_certificate_for_its_name(tmp_path):
    with served(200) as port:
        assert alive.answers(folder(tmp_path, port)) == ""
    issued = Authority(tmp_path / "authority").issue("fairwatch.example.org")
    with served(200, issued) as port:
        assert alive.answers(folder(tmp_path, port, "https")) == ""


def test_one_that_does_not_is_named(tmp_path):
    with served(503) as port:
        assert alive.answers(folder(tmp_path, port)) == "it answers with 503"
    port = free_port()
    assert f"nothing answers at 0.0.0.0:{port}" in alive.answers(folder(tmp_path, port))
    (tmp_path / "collector.toml").write_text("nonsense = 1\n")
    assert "unknown key 'nonsense'" in alive.answers(tmp_path)


@pytest.mark.parametrize(("status", "code"), [(200, 0), (500, 1)])
def test_the_doctor_s_short_word_is_its_exit_code(tmp_path, capsys, status, code):
    with served(status) as port:
        args = argparse.Namespace(data_dir=folder(tmp_path, port), json=True, alive=True)
        assert doctor.run(args) == code
    assert f'"ok": {"true" if code == 0 else "false"}' in capsys.readouterr().out
