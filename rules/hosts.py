"""Host names: one spelling for each, and a reason for every text that is not one."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

import idna

from rules.errors import HostRefused

MAX_HOST_CHARACTERS = 253  # RFC 1035 section 2.3.4, without the root's dot
MAX_LABEL_CHARACTERS = 63  # RFC 1035 section 2.3.4
MAX_TEXT_CHARACTERS = 2048  # longer than any name in any spelling; bounds the work done on hostile input

# A name that is normal already, as nearly all are: short enough for no label to be too long, the last all letters.
_plain = re.compile(r"(?:[a-z0-9_-]++\.)*+[a-z]++").fullmatch
_letters = re.compile(r"[a-z0-9_.-]+").fullmatch
_number = re.compile(r"[0-9]+|0x[0-9a-f]*").fullmatch


def normalise_host(text: str) -> str:
    """The one spelling of a host name: lower case, no trailing dot, IDN as punycode (UTS #46, non-transitional).

    Raises HostRefused, with the reason as a sentence, for anything that is not a DNS host name.
    """
    if len(text) <= MAX_LABEL_CHARACTERS and _plain(text) is not None and "xn--" not in text:
        return text
    return _normalise_slowly(text)


def host_of_url(url: str) -> str | None:
    """The normalised host of an http or https URL; None for every other text. Never raises."""
    try:
        parts = urlsplit(url.replace("\\", "/"))
        if parts.scheme not in ("http", "https") or not parts.hostname:
            return None
        return normalise_host(unquote(parts.hostname, errors="strict"))
    except (HostRefused, ValueError):
        return None


def suffixes(host: str) -> list[str]:
    """The host and each parent with at least two labels, longest first: what an entry may match."""
    found = []
    while "." in host:
        found.append(host)
        host = host.partition(".")[2]
    return found


def _normalise_slowly(text: str) -> str:
    _refuse_what_is_no_name(text)
    name = _to_ascii(text.lower()).removesuffix(".")
    if not name:
        raise HostRefused("the name is empty")
    if len(name) > MAX_HOST_CHARACTERS:
        raise HostRefused(f"the name is longer than {MAX_HOST_CHARACTERS} characters")
    labels = name.split(".")
    for label in labels:
        _check_label(label)
    if _letters(name) is None:
        raise HostRefused("a character that no host name has")
    if _number(labels[-1]) is not None:
        raise HostRefused("an address or a number, not a host name")
    return name


def _refuse_what_is_no_name(text: str) -> None:
    if not text:
        raise HostRefused("the name is empty")
    if len(text) > MAX_TEXT_CHARACTERS:
        raise HostRefused(f"the text is longer than {MAX_TEXT_CHARACTERS} characters")
    if any(ord(character) < 32 or 127 <= ord(character) < 160 for character in text):
        raise HostRefused("a control character in the name")
    if any(character.isspace() for character in text):
        raise HostRefused("a space in the name")
    if "://" in text or "/" in text or "\\" in text or "?" in text or "#" in text:
        raise HostRefused("a scheme or a path, not only a host name")
    if "[" in text or "]" in text or text.count(":") > 1:
        raise HostRefused("an IPv6 address, not a host name")
    if ":" in text:
        raise HostRefused("a port, not only a host name")
    if "@" in text:
        raise HostRefused("a user name, not only a host name")
    if "*" in text:
        raise HostRefused("a wildcard; an entry already covers every name below it")


def _to_ascii(text: str) -> str:
    if text.isascii():
        return text
    try:
        mapped = idna.uts46_remap(text, std3_rules=False, transitional=False)
    except (idna.IDNAError, UnicodeError, IndexError):
        raise HostRefused("a character that no international name may have") from None
    return ".".join(label if label.isascii() else _alabel(label) for label in mapped.split("."))


def _alabel(label: str) -> str:
    """Browsers open names that IDNA 2008 forbids (emoji), so those are spelt by plain punycode, not lost."""
    try:
        return idna.alabel(label).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        pass
    try:
        return "xn--" + label.encode("punycode").decode("ascii")
    except (UnicodeError, OverflowError):
        raise HostRefused("a label that has no punycode form") from None


def _check_label(label: str) -> None:
    if not label:
        raise HostRefused("an empty label (two dots together, or a leading dot)")
    if len(label) > MAX_LABEL_CHARACTERS:
        raise HostRefused(f"a label longer than {MAX_LABEL_CHARACTERS} characters")
    if label.startswith("xn--"):
        _check_punycode(label)


def _check_punycode(label: str) -> None:
    """Refuses an `xn--` label that decodes to nothing international, or not to itself again."""
    try:
        plain = label[4:].encode("ascii").decode("punycode")
        again = plain.encode("punycode").decode("ascii")
    except (UnicodeError, OverflowError, ValueError):
        raise HostRefused("invalid punycode") from None
    if plain.isascii() or again != label[4:] or not _is_mapped(plain):
        raise HostRefused("invalid punycode")


def _is_mapped(label: str) -> bool:
    """Whether UTS #46 leaves this label as it is, which browsers ask of a decoded `xn--` label."""
    try:
        return idna.uts46_remap(label, std3_rules=False, transitional=False) == label
    except (idna.IDNAError, UnicodeError, IndexError):
        return False
