"""The mail that carries a monthly summary: the PDF, as far as its reader may see it, and a link to the page.

It is published figures, safe by themselves, so it may travel by mail; management reads it there without signing in.
"""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import urlencode

from django.conf import settings
from django.urls import reverse

from server import log, summary_formats, summary_scope
from server.channels import Attachment, Letter
from server.errors import NotDelivered
from server.store.models import OutboxMessage
from server.summary_document import Summary, read, write
from server.summary_words import month_words


def is_for(row: OutboxMessage) -> bool:
    """Whether the address is still one of those named, and not that of somebody who left."""
    if row.summary is None or row.contact not in settings.CONFIG.summary.mail_to:
        return False
    return summary_scope.for_address(read(row.summary.document), row.contact) is not None


def letter(row: OutboxMessage) -> Letter:
    """Return the mail of one version for one address; raises NotDelivered when the report can't be made."""
    assert row.summary is not None
    made = summary_scope.for_address(read(row.summary.document), row.contact)
    if made is None:
        raise NotDelivered("nowhere")
    try:
        pdf = _pdf(write(made))
    except Exception as fault:  # noqa: BLE001 - whatever it is, the mail waits, is tried again, and the others go
        log.failure("summary_not_rendered", fault)
        raise NotDelivered("unmade") from None
    name = f"fairwatch-{made.month}-version-{made.revision}.pdf"
    return Letter(_subject(made), _body(made), row.once_key, attachments=(Attachment(name, "application/pdf", pdf),))


def _subject(made: Summary) -> str:
    version = f", version {made.revision}" if made.revision > 1 else ""
    return f"Fairwatch: monthly summary of {month_words(made.first)}{version}"


def _body(made: Summary) -> str:
    page = f"{settings.CONFIG.url.rstrip('/')}{reverse('summary')}?{urlencode({'month': made.month})}"
    parts = [f"The summary of {month_words(made.first)} of {made.organisation} is attached."]
    if made.revision > 1:
        parts.append(f"This is version {made.revision}; it stands in the place of any that you had before.")
    if made.incidents is not None and made.sealed is None:
        parts.append("Categories and outcomes of cases await the safeguarding lead. Then a new version comes.")
    parts.append("No figure in it rests on fewer than five people, and no count of cases under five is told.")
    parts.append(f"Whoever has an account finds it here too, with earlier months and as a table:\n{page}")
    return "\n\n".join(parts) + "\n"


@lru_cache(maxsize=4)
def _pdf(document: str) -> bytes:
    # Remembered: several people get the same, and a mail server that refuses is asked again and again.
    return summary_formats.as_pdf(read(document))
