"""What passes ends the agent so that it is started again, what only a person mends so that it stays ended."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from agent import database, ending
from agent.errors import (
    ConfigError,
    IdentityDamagedError,
    KeysExposedError,
    KeyStoreError,
    NotEnrolledError,
    SpoolUnavailableError,
)
from tests.agent.devices import enrolled
from tests.agent.gateway import certificates
from tests.agent.gateway.doors import free_port

AGENT = Path(sys.executable).with_name("fairwatch-agent")


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (SpoolUnavailableError("the spool can't be opened: database or disk is full"), 1),
        (KeyStoreError("the System keychain does not answer"), 1),
        (OSError(errno.ENOSPC, "No space left on device"), 1),
        (NotEnrolledError("enrol first"), 2),
        (KeysExposedError("chmod 600 it"), 2),
        (IdentityDamagedError("enrol again"), 2),
        (ConfigError(Path("agent.toml"), 1, "a number"), 2),
    ],
)
def test_what_passes_is_1_and_what_stays_is_2(fault, status):
    assert ending.status_of(fault) == status


def ends(command, folder):
    done = subprocess.run(
        [AGENT, command, "--data-dir", folder], capture_output=True, text=True, timeout=60, check=False
    )
    assert len(done.stderr.splitlines()) == 1, done.stderr
    return done.returncode, done.stderr


@pytest.mark.more
def test_the_agent_is_to_be_started_again_while_another_process_has_its_spool(tmp_path):
    folder = enrolled(tmp_path)
    other = database.connect(database.file_in(folder))
    status, said = ends("run", folder)
    other.close()
    assert (status, "is locked" in said) == (1, True)


@pytest.mark.more
def test_the_gateway_is_to_be_started_again_while_another_process_has_its_spool(tmp_path):
    files = certificates.make(tmp_path, "resolver.test")
    folder = enrolled(tmp_path / "gateway")
    (folder / "gateway.toml").write_text(
        f'certificate = "{files[0]}"\nkey = "{files[1]}"\naddress = "127.0.0.1"\ndoh_port = {free_port()}\n'
        f'dot_port = {free_port()}\nauthority = "{files[0]}"\nupstreams = ["127.0.0.1@853#resolver.test"]\n'
    )
    other = database.connect(database.file_in(folder))
    status, said = ends("gateway", folder)
    other.close()
    assert (status, "is locked" in said) == (1, True)


@pytest.mark.more
def test_exposed_keys_and_half_a_configuration_stay_until_a_person_comes(tmp_path):
    folder = enrolled(tmp_path)
    (folder / "agent.toml").write_text('users = ["alice", "bo')
    assert ends("run", folder)[0] == 2
    (folder / "agent.toml").unlink()
    (folder / "keys").chmod(0o755)
    assert ends("run", folder)[0] == 2
