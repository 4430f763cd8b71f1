"""Describe the device API as OpenAPI 3.1, from the very messages that are decoded."""

from __future__ import annotations

from typing import Any

import msgspec

from protocol.codes import Code
from protocol.limits import REQUEST_MAX_BYTES
from protocol.messages import (
    Batch,
    EnrolReply,
    EnrolRequest,
    GroupingAnswer,
    GroupingQuestion,
    PeopleAnswer,
    PeopleQuestion,
    PhonesAnswer,
    PhonesQuestion,
    Receipts,
    Refusal,
    TripAnswer,
    TripQuestion,
)

_SIGNED = ("Signature", "Signature-Input", "Content-Digest")
_REQUEST_LEVEL = (400, 401, 403, 405, 413, 415, 429, 503)


def describe() -> dict[str, Any]:
    """Return the OpenAPI document of /v1/, as plain data."""
    asked = (Batch, PeopleQuestion, GroupingQuestion, TripQuestion, PhonesQuestion, EnrolRequest)
    answered = (Receipts, PeopleAnswer, GroupingAnswer, TripAnswer, PhonesAnswer, EnrolReply, Refusal)
    kinds = (*asked, *answered)
    refs, components = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    named = dict(zip(kinds, refs, strict=True))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Fairwatch device API",
            "version": "1",
            "description": (
                "Every POST is signed by RFC 9421 with Ed25519 over @method, @authority, @path and content-digest, tag "
                f"fairwatch-v1. Bodies are plain JSON of at most {REQUEST_MAX_BYTES} bytes. FORMAT.md is the rule."
            ),
        },
        "paths": {
            "/v1/records": {"post": _post("Post records", named[Batch], named[Receipts], named[Refusal])},
            "/v1/people": {
                "post": _post("Ask for monthly ids", named[PeopleQuestion], named[PeopleAnswer], named[Refusal])
            },
            "/v1/grouping": {
                "post": _post("Ask for the key of tags", named[GroupingQuestion], named[GroupingAnswer], named[Refusal])
            },
            "/v1/trip": {
                "post": _post("Ask whether a test is wanted", named[TripQuestion], named[TripAnswer], named[Refusal])
            },
            "/v1/phones": {
                "post": _post("Ask for the phones", named[PhonesQuestion], named[PhonesAnswer], named[Refusal])
            },
            "/v1/enrol": {"post": _post("Enrol a device", named[EnrolRequest], named[EnrolReply], named[Refusal])},
            "/v1/health": {"get": {"summary": "Is the collector there?", "responses": {"200": _json(_HEALTH)}}},
        },
        "components": {"schemas": components},
    }


_HEALTH = {
    "type": "object",
    "properties": {"ok": {"const": True}, "time": {"type": "string", "format": "date-time"}},
    "required": ["ok", "time"],
}


def _post(summary: str, request: dict[str, Any], reply: dict[str, Any], refusal: dict[str, Any]) -> dict[str, Any]:
    return {
        "summary": summary,
        "parameters": [
            {"name": name, "in": "header", "required": True, "schema": {"type": "string"}} for name in _SIGNED
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": request}}},
        "responses": {
            "200": _json(reply),
            **{
                str(status): _json(refusal, ", ".join(sorted(code.value for code in Code if code.status == status)))
                for status in _REQUEST_LEVEL
            },
        },
    }


def _json(schema: dict[str, Any], description: str = "Done") -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}
