"""The closed list of refusals: each with an HTTP status, whether retrying helps, and what to do."""

from __future__ import annotations

from enum import Enum


class Code(Enum):
    """A reason for refusing a request or a record. The value is what travels."""

    status: int
    retry: bool
    sentence: str

    def __new__(cls, value: str, status: int, retry: bool, sentence: str) -> Code:
        """Give each member its status, whether retrying helps, and its sentence."""
        member = object.__new__(cls)
        member._value_ = value
        member.status = status
        member.retry = retry
        member.sentence = sentence
        return member

    # About the request as a whole. None of these lets a device delete a record.
    UNSIGNED = ("unsigned", 401, False, "The request carries no signature; sign it with the device's key.")
    BAD_SIGNATURE = ("bad_signature", 401, True, "The signature does not match; enrol the device again if this lasts.")
    CLOCK_WRONG = ("clock_wrong", 401, True, "The signing time is too far off; sign again with the time given here.")
    UNKNOWN_DEVICE = ("unknown_device", 403, True, "This device is not enrolled here; enrol it again.")
    REVOKED_DEVICE = ("revoked_device", 403, True, "This device was withdrawn by IT; ask IT to enrol it again.")
    QUARANTINED_DEVICE = (
        "quarantined_device",
        403,
        True,
        "Two devices use this identity, so both are held; ask IT to enrol each again.",
    )
    TOO_LARGE = ("too_large", 413, False, "The request is larger than 4 MiB; send fewer records at once.")
    ENCODING = ("encoding_not_supported", 415, False, "Send the body as plain JSON, without content encoding.")
    MALFORMED = ("malformed", 400, False, "The body is not the JSON that FORMAT.md describes.")
    METHOD = ("method_not_allowed", 405, False, "This address takes another method; see FORMAT.md.")
    NOT_FOUND = ("not_found", 404, False, "There is nothing at this address; see FORMAT.md.")
    VERSION_TOO_NEW = ("version_too_new", 503, True, "This collector is older than the message; send it again later.")
    BUSY = ("busy", 503, True, "The collector can't take this now; send it again later.")
    TOO_MANY = ("too_many_requests", 429, True, "Too many requests; wait as long as Retry-After says.")
    # About one record in a batch.
    UNKNOWN_KIND = ("unknown_kind", 400, False, "This kind of record is not known; see FORMAT.md.")
    BAD_RECORD = ("bad_record", 400, False, "The record is not what FORMAT.md describes.")
    BAD_RECORD_SIGNATURE = ("bad_record_signature", 400, False, "The alert is not signed by the device that sent it.")
    BAD_ENVELOPE = ("bad_envelope", 400, False, "An envelope is of an unknown version or shape.")
    UNKNOWN_RECIPIENT = ("unknown_recipient", 400, False, "The alert is sealed to nobody who can open it here.")
    FORKED_COUNTER = ("forked_counter", 409, True, "Another record has this counter, so the identity is held.")
    WRONG_DEVICE = ("wrong_device", 400, False, "The record speaks for a device that the sender may not speak for.")
    UNKNOWN_PERSON = ("unknown_person", 400, False, "A row names a monthly person id that was never given out.")
    # About what leads write.
    BAD_LEAD_SIGNATURE = ("bad_lead_signature", 400, False, "This is not signed by the lead whose key it names.")
    # About enrolment.
    TOKEN_MALFORMED = ("token_malformed", 400, False, "This is not an enrolment token; copy it whole.")
    TOKEN_BAD_SIGNATURE = (
        "token_bad_signature",
        403,
        False,
        "The token is not signed by IT's key; ask IT for another.",
    )
    TOKEN_EXPIRED = ("token_expired", 403, False, "The token has expired; ask IT for a new one.")
    TOKEN_USED_UP = ("token_used_up", 403, False, "The token was used as often as it may be; ask IT for a new one.")
    TOKEN_UNKNOWN = ("token_unknown", 403, False, "The collector does not know this token; ask IT to register it.")
