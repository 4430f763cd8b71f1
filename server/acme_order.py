"""Ask an authority for a certificate (ACME, RFC 8555): the one place that speaks with it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, cast

import requests
from acme import challenges, client, errors, messages
from josepy import errors as jose_errors
from josepy.jwa import ES256
from josepy.jwk import JWK, JWKEC

from server import acme_answer, certificates, log
from server.acme_settings import AcmeSettings
from server.errors import NotIssued
from server.files import write_secret

ACCOUNT_KEY: Final = "keys/acme.key"
REQUEST_SECONDS: Final = 20
QUESTION_SECONDS: Final = 60.0
"""Authorities ask from several places of the world; after this they will not come any more."""

ISSUING_SECONDS: Final = 60.0
TOLD_MAX: Final = 300

WHY: Final = {
    "unreachable": "the authority can't be reached",
    "port": "the authority's question can't be answered here, since nothing may listen on that address and port",
    "challenge": "the authority could not reach this collector by its name on port 80",
    "account": "the authority gives certificates only to accounts that were made with it, which is not supported",
    "refused": "the authority refused",
    "slow": "the authority did not come to an end in time",
    "ended": "the collector was told to end",
    "answer": "the authority's answer is no certificate that fits",
    "fault": "the collector could not go through with it",
}
"""Each cause in a sentence; the words before it are for logs and the audit log."""


def obtain(
    chosen: AcmeSettings, data_dir: Path, name: str, key: bytes, stopping: Callable[[], bool] = lambda: False
) -> bytes:
    """Return a certificate with its issuers (PEM) for a host name or address and a key (PEM).

    It is not checked here whether it fits. Raises NotIssued. Takes up to two minutes; ends early once `stopping`.
    """
    with _translated():
        speaking = _enter(chosen, data_dir / ACCOUNT_KEY)
        order = speaking.new_order(certificates.request(key, name))
        for authorization in order.authorizations:
            if authorization.body.status == messages.STATUS_PENDING:
                _show(speaking, authorization, chosen.listen, stopping)
        whole = speaking.finalize_order(order, _deadline())  # this library counts by the local clock, without a zone
        return str(whole.fullchain_pem).encode("ascii")


def fail(why: str, told: str = "") -> NotIssued:
    """Return what to raise for one of the known causes; what others said is cut short, and on one line."""
    return NotIssued(why, WHY[why], " ".join(told.split())[:TOLD_MAX])


def _enter(chosen: AcmeSettings, key_file: Path) -> client.ClientV2:
    """Be known to the authority: by the account of this key, or a new one."""
    net = client.ClientNetwork(_account_key(key_file), alg=ES256, user_agent="fairwatch", timeout=REQUEST_SECONDS)
    if chosen.authority:
        net.verify_ssl = cast("bool", chosen.authority)  # handed on to requests, which takes a file as well
    speaking = client.ClientV2(client.ClientV2.get_directory(chosen.directory, net), net)
    if speaking.external_account_required():
        raise fail("account")
    wanted = messages.NewRegistration.from_data(email=chosen.email, terms_of_service_agreed=True)
    try:
        speaking.new_account(wanted)
    except errors.ConflictError as known:
        net.account = messages.RegistrationResource(uri=known.location, body=messages.Registration())
    return speaking


def _account_key(key_file: Path) -> JWK:
    """Return the key in a file; one that is damaged is put aside for another, since an account costs nothing."""
    if key_file.is_file():
        with suppress(jose_errors.Error, ValueError):
            key = JWK.load(key_file.read_bytes())
            if isinstance(key, JWKEC):  # of no key at all the library makes a symmetric one, which signs nothing
                return key
        log.event("account_key_put_aside")
        key_file.replace(key_file.with_name(f"{key_file.name}.unusable"))
    write_secret(key_file, certificates.account_key())
    return JWK.load(key_file.read_bytes())


def _show(
    speaking: client.ClientV2, authorization: messages.AuthorizationResource, listen: str, stopping: Callable[[], bool]
) -> None:
    """Show that a name is ours: answer what is asked at port 80, until the authority says whether it got it."""
    offered = [one for one in authorization.body.challenges if isinstance(one.chall, challenges.HTTP01)]
    if not offered or speaking.net.key is None:
        raise fail("refused", "it does not ask by HTTP")
    response, answer = offered[0].response_and_validation(speaking.net.key)
    host, _, port = listen.rpartition(":")
    try:
        with acme_answer.answering(host.strip("[]"), int(port), offered[0].chall.path, answer):
            speaking.answer_challenge(offered[0], response)
            _wait(speaking, authorization, stopping)
    except requests.RequestException:
        raise
    except OSError as fault:
        raise fail("port", f"{listen}: {fault.strerror}") from None


def _wait(
    speaking: client.ClientV2, authorization: messages.AuthorizationResource, stopping: Callable[[], bool]
) -> None:
    until = time.monotonic() + QUESTION_SECONDS
    while time.monotonic() < until:
        if stopping():
            raise fail("ended")
        now, _ = speaking.poll(authorization)
        if now.body.status == messages.STATUS_VALID:
            return
        if now.body.status != messages.STATUS_PENDING:
            raise errors.ValidationError([now])
        time.sleep(0.5)
    raise fail("slow")


def _deadline() -> datetime:
    return datetime.now() + timedelta(seconds=ISSUING_SECONDS)  # noqa: DTZ005 - the library compares with its like


@contextmanager
def _translated() -> Iterator[None]:
    """Turn what the library raises into our one error; an answer of another shape shows as many kinds of error."""
    try:
        yield
    except requests.RequestException as fault:
        raise fail("unreachable", type(fault).__name__) from None
    except errors.ValidationError as fault:
        raise fail("challenge", _said(fault)) from None
    except errors.TimeoutError:
        raise fail("slow") from None
    except messages.Error as fault:
        raise fail("refused", fault.detail or fault.typ) from None
    except errors.IssuanceError as fault:
        raise fail("refused", str(fault.error.detail or fault.error.typ)) from None
    except (errors.Error, jose_errors.Error, ValueError, KeyError, TypeError, AttributeError) as fault:
        raise fail("answer", type(fault).__name__) from None


def _said(fault: errors.ValidationError) -> str:
    causes = [one.error for row in fault.failed_authzrs for one in row.body.challenges if one.error is not None]
    return str(causes[0].detail or causes[0].typ) if causes else ""
