"""Resolvers on loopback for the gateway's measurements: the one that answers, and two that forward beside it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from server.children import free_port

NAME = "resolver.test"
UNBOUND, DNSDIST = Path("/usr/sbin/unbound"), Path("/usr/bin/dnsdist")
SERVER_CORE, LOAD_CORE = 0, 1
_MEMORY = "24m"  # as much for their caches as the gateway has


class Running(NamedTuple):
    """A resolver that runs, and its ports (0 for what it does not speak)."""

    pid: int
    tls: int
    https: int


@contextmanager
def pinned(command: list[str | Path], core: int, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program on one core; it ends after."""
    with log.open("wb") as out:
        child = subprocess.Popen(
            ["taskset", "-c", str(core), *command], stdout=out, stderr=out, stdin=subprocess.DEVNULL
        )
        try:
            yield child
        finally:
            child.terminate()
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait(10)


@contextmanager
def answering(folder: Path, files: tuple[Path, Path]) -> Iterator[Running]:
    """A resolver that knows every name: addresses for it, and nothing of other types."""
    port = free_port()
    text = _server(folder / "answering", port, 0, files) + (
        ' local-zone: "." redirect\n local-data: ". 300 IN A 192.0.2.7"\n local-data: ". 300 IN AAAA 2001:db8::7"\n'
        ' local-data: ". 300 IN SOA ns.test. host.test. 1 2 3 4 300"\n'
    )
    with _unbound(folder / "answering", text, LOAD_CORE) as child:
        yield Running(child.pid, port, 0)


@contextmanager
def forwarding(folder: Path, files: tuple[Path, Path], upstream: int) -> Iterator[Running]:
    """Unbound as what the gateway is: a forwarder with a cache, over TLS to the same resolver, on one core."""
    tls, https = free_port(), free_port()
    text = _server(folder / "forwarding", tls, https, files) + (
        f' tls-cert-bundle: "{files[0]}"\nforward-zone:\n name: "."\n forward-tls-upstream: yes\n'
        f" forward-addr: 127.0.0.1@{upstream}#{NAME}\n"
    )
    with _unbound(folder / "forwarding", text, SERVER_CORE) as child:
        yield Running(child.pid, tls, https)


@contextmanager
def balancing(folder: Path, files: tuple[Path, Path], upstream: int) -> Iterator[Running]:
    """Dnsdist with a packet cache before the same resolver, on one core."""
    tls, https = free_port(), free_port()
    out = folder / "balancing"
    out.mkdir()
    cert, key = files
    (out / "conf").write_text(
        f'setLocal("127.0.0.1:{free_port()}")\nsetACL("127.0.0.0/8")\nsetSecurityPollSuffix("")\nsetMaxTCPClientThreads(1)\n'
        f'newServer({{address="127.0.0.1:{upstream}", tls="openssl", subjectName="{NAME}", caStore="{cert}", '
        'healthCheckMode="up"}})\n'.replace("}}", "}")
        + f'addTLSLocal("127.0.0.1:{tls}", "{cert}", "{key}", {{maxInFlight=128}})\n'
        f'addDOHLocal("127.0.0.1:{https}", "{cert}", "{key}", "/dns-query")\n'
        'getPool(""):setCache(newPacketCache(60000))\n'
    )
    command: list[str | Path] = [DNSDIST, "--supervised", "--disable-syslog", "-C", out / "conf"]
    with pinned(command, SERVER_CORE, out / "log") as child:
        yield Running(child.pid, tls, https)


def _server(out: Path, tls: int, https: int, files: tuple[Path, Path]) -> str:
    out.mkdir()
    more = f" interface: 127.0.0.1@{https}\n https-port: {https}\n" if https else ""
    return (
        f"server:\n interface: 127.0.0.1@{tls}\n tls-port: {tls}\n{more}"
        f' tls-service-pem: "{files[0]}"\n tls-service-key: "{files[1]}"\n'
        f' directory: "{out}"\n chroot: ""\n username: ""\n pidfile: ""\n use-syslog: no\n logfile: "{out}/log"\n'
        " do-daemonize: no\n do-not-query-localhost: no\n num-threads: 1\n incoming-num-tcp: 2000\n"
        f' outgoing-num-tcp: 200\n module-config: "iterator"\n'
        f" msg-cache-size: {_MEMORY}\n rrset-cache-size: {_MEMORY}\n"
    )


@contextmanager
def _unbound(out: Path, text: str, core: int) -> Iterator[subprocess.Popen[bytes]]:
    (out / "conf").write_text(text + "remote-control:\n control-enable: no\n")
    with pinned([UNBOUND, "-d", "-c", out / "conf"], core, out / "out") as child:
        yield child
