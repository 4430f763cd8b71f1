"""The rules in force, for everybody, signed in or not.

People must be able to learn how they are monitored (the ICO's guidance on monitoring workers; Articles 13 and 14 of the
UK GDPR), and staff and learners have no account here. The same policy is served to every device without asking who it
is, so the page gives away nothing; it says less: of sensitive categories no site and no list, to strangers no name.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from server import policy_words
from server.errors import SetUpError
from server.rules_in_force import PARTS, in_force
from server.web.access import open_page

EXPIRES_SOON = timedelta(days=60)
"""Two custodians must meet their keys, maybe over a summer holiday."""


@open_page
def rules_in_force(request: HttpRequest) -> HttpResponse:
    """Show the policy in words, the packs, who signed them and until when, and what earlier policies said."""
    try:
        found = in_force(settings.DATA_DIR)
    except SetUpError:
        return _answer(request, {"altered": True})
    if found is None:
        return _answer(request, {})
    now = datetime.now(UTC)
    policy = found.policy
    context = {
        "found": found,
        "policy": policy,
        "begins_later": not policy.started(now),
        "sections": policy_words.by_response(policy),
        "groups": policy_words.groups(policy),
        "patterns": any(group.accounts for group in policy.groups),
        "review": policy_words.review(policy),
        "private_windows": policy_words.private_windows(policy),
        "looked_up_names": policy_words.looked_up_names(policy),
        "exceptions": policy_words.exceptions(policy, policy.local_day(now)),
        "excluded": sorted(policy.excluded_hosts),
        "closed": sorted(day for day in policy.closed_days if day >= policy.local_day(now)),
        "policy_part": found.parts[list(PARTS).index("policy")],
        "parts": [
            {"part": part, "ended": part.expires <= now, "soon": part.expires - now <= EXPIRES_SOON}
            for part in found.parts
        ],
        "protected": f"{found.protected_entries:,}",
        "nameable": f"{found.nameable_entries:,}",
        "names_shown": request.user.is_authenticated,
    }
    with timezone.override(ZoneInfo(policy.timezone)):  # a stranger's page too
        return _answer(request, context)


def _answer(request: HttpRequest, context: dict[str, object]) -> HttpResponse:
    answer = render(request, "web/rules.html", context)
    # Open to whom it concerns, who are told of it; not for search engines.
    answer.headers["X-Robots-Tag"] = "noindex"
    return answer
