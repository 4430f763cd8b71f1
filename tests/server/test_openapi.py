"""The description of the device API is true: what schemathesis makes of it finds no fault and no other answer."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS

from protocol.signing import sign_request
from server.device_api import device_api
from server.openapi import describe

pytestmark = pytest.mark.more


class _Signing:
    """The device API behind a signer, so that what is made up reaches the decoders."""

    def __init__(self):
        self.device = None

    def __call__(self, environ, start_response):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        url = f"http://{environ['HTTP_HOST']}{environ['PATH_INFO']}"
        name = "enrol" if environ["PATH_INFO"] == "/v1/enrol" else str(self.device.id)
        headers = sign_request("POST", url, body, key=self.device.key, key_id=name, at=datetime.now(UTC))
        for header, value in headers.items():
            environ[f"HTTP_{header.upper().replace('-', '_')}"] = value
        environ["wsgi.input"] = io.BytesIO(body)
        return device_api(environ, start_response)


APPLICATION = _Signing()
SCHEMA = schemathesis.openapi.from_dict(describe())
SCHEMA.app = APPLICATION
CONFORMANCE = [
    CHECKS.get_one(name)
    for name in ("status_code_conformance", "content_type_conformance", "response_schema_conformance")
]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@SCHEMA.parametrize()
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_one_that_is_described(case, database, device):
    APPLICATION.device = device
    response = case.call()
    assert response.status_code < 500 or response.json()["code"] == "version_too_new"
    case.validate_response(response, checks=CONFORMANCE)


def test_every_address_of_the_api_is_described():
    from server.device_api import _ROUTES

    assert set(describe()["paths"]) == set(_ROUTES)
