"""The table of every address and what each role is answered there; `test_access.py` walks all that there are.

A new address needs a row here. Its columns are ROLES; where only some roles may enter, the others' refusals are filled
in: `leads_page`, `leads_data`, `page_for`, `data_for`.
"""

from __future__ import annotations

ROLES = ("lead", "deputy", "partner", "it", "manager", "dpo", "stranger")
"""`partner` is a partner's lead: for the group learners alone. The case is of the group staff."""

LEADS = ("lead", "deputy", "partner")

Row = tuple[str, tuple[int, ...]]


def page_for(*roles: str, status: int = 200) -> tuple[int, ...]:
    """A page for some roles: others are refused, a stranger is sent to sign in."""
    return tuple(status if role in roles else 302 if role == "stranger" else 403 for role in ROLES)


def data_for(*roles: str, status: int = 200) -> tuple[int, ...]:
    """Data for some roles: others are refused, a stranger too."""
    return tuple(status if role in roles else 401 if role == "stranger" else 403 for role in ROLES)


def leads_page(lead: int, deputy: int, partner: int) -> tuple[int, ...]:
    """A page of the desk."""
    return lead, deputy, partner, 403, 403, 403, 302


def leads_data(lead: int, deputy: int, partner: int) -> tuple[int, ...]:
    """Data of the desk."""
    return lead, deputy, partner, 403, 403, 403, 401


def everybody(status: int) -> tuple[int, ...]:
    """The same for all, strangers too."""
    return (status,) * len(ROLES)


_SIGNED_IN = (*(200 for _ in ROLES[1:]), 302)
_SIGNED_IN_NOTHING = (*(404 for _ in ROLES[1:]), 302)

# The deputy and the partner's lead have keys of their own. The case is not sealed to the deputy's; to the partner's it
# is, by mistake, but is of a group that they are not for: to both it does not exist.
PAGES: dict[str, Row] = {
    # address: (method, statuses in the order of ROLES)
    "/": ("GET", everybody(302)),
    "/catalogue.js": ("GET", everybody(200)),
    "/desk/": ("GET", leads_page(200, 200, 200)),
    "/desk/?state=closed": ("GET", leads_page(200, 200, 200)),
    "/desk/?state=closed&after=1.5.3": ("GET", leads_page(200, 200, 200)),
    "/desk/?after=odd": ("GET", leads_page(200, 200, 200)),
    "/desk/key/": ("GET", leads_page(200, 200, 200)),
    "/desk/key/file": ("GET", leads_page(200, 404, 404)),
    "/desk/key/address.svg": ("GET", leads_page(200, 200, 200)),
    "/desk/data/passkeys": ("POST", leads_data(400, 400, 400)),
    "/desk/data/passkeys/remove": ("POST", leads_data(400, 400, 400)),
    "/desk/data/passkeys/used": ("POST", leads_data(400, 400, 400)),
    "/desk/incidents/{case}/": ("GET", leads_page(200, 404, 404)),
    "/desk/incidents/{nobody}/": ("GET", leads_page(404, 404, 404)),
    "/desk/exceptions/": ("GET", leads_page(200, 200, 200)),
    "/desk/data/mutes": ("GET", leads_data(200, 200, 200)),
    "/desk/data/mute": ("POST", leads_data(400, 400, 400)),
    "/desk/data/unmute": ("POST", leads_data(400, 400, 400)),
    "/desk/data/exceptions": ("GET", leads_data(200, 200, 200)),
    "/desk/data/exceptions/propose": ("POST", leads_data(400, 400, 400)),
    "/desk/data/exceptions/settle": ("POST", leads_data(400, 400, 400)),
    "/desk/data/words": ("GET", leads_data(200, 200, 200)),
    "/desk/data/people/": ("GET", leads_data(200, 200, 200)),
    "/desk/data/headings": ("GET", leads_data(200, 200, 200)),
    "/desk/data/headings?incident={case}": ("GET", leads_data(200, 200, 200)),
    "/desk/data/headings?incident=odd": ("GET", leads_data(400, 400, 400)),
    "/desk/data/readers?incident={case}": ("GET", leads_data(200, 200, 200)),
    "/desk/data/readers?incident=odd": ("GET", leads_data(400, 400, 400)),
    "/desk/data/changes?since=0": ("GET", leads_data(200, 200, 200)),
    "/desk/data/changes": ("GET", leads_data(409, 409, 409)),
    "/desk/data/incidents/{case}/heading": ("GET", leads_data(200, 404, 404)),
    "/desk/data/incidents/{nobody}/heading": ("GET", leads_data(404, 404, 404)),
    "/desk/data/key": ("POST", leads_data(400, 400, 400)),
    "/desk/data/incidents/{case}/release": ("POST", leads_data(200, 404, 404)),
    "/desk/data/incidents/{nobody}/release": ("POST", leads_data(404, 404, 404)),
    "/desk/data/incidents/{case}/export": ("POST", leads_data(200, 404, 404)),
    "/desk/data/incidents/{case}/notes": ("POST", leads_data(400, 400, 400)),
    "/desk/data/incidents/{case}/close": ("POST", leads_data(400, 400, 400)),
    "/desk/share/": ("GET", leads_page(200, 200, 200)),
    "/desk/data/share": ("GET", leads_data(200, 200, 200)),
    "/desk/data/recovery": ("POST", leads_data(409, 409, 409)),
    "/desk/data/recovery/{case}": ("POST", leads_data(400, 400, 400)),
    "/desk/data/share/{case}/cases": ("GET", leads_data(404, 404, 404)),
    "/desk/data/share/{case}": ("POST", leads_data(400, 400, 400)),
    "/desk/data/incidents/{case}/reopen": ("POST", leads_data(400, 400, 400)),
    "/desk/data/incidents/{case}/look": ("POST", leads_data(200, 404, 404)),
    "/desk/data/incidents/{case}/acknowledge": ("POST", leads_data(200, 404, 404)),
    "/desk/data/incidents/{case}/assign": ("POST", leads_data(400, 400, 400)),
    "/desk/data/incidents/{case}/timeline": ("GET", leads_data(200, 404, 404)),
    "/desk/data/incidents/{case}/near": ("GET", leads_data(200, 404, 404)),
    "/desk/data/incidents/{case}/near?after=odd": ("GET", leads_data(409, 404, 404)),
    "/desk/data/incidents/{case}/merge": ("POST", leads_data(400, 400, 400)),
    "/desk/data/incidents/{case}/hold": ("POST", leads_data(302, 404, 404)),
    "/desk/data/incidents/{case}/hold/lift": ("POST", leads_data(302, 404, 404)),
    "/desk/data/incidents/{case}/apart": ("POST", leads_data(200, 404, 404)),
    "/desk/data/incidents/{case}/readers": ("GET", leads_data(200, 404, 404)),
    "/desk/data/case": ("GET", leads_data(404, 404, 404)),
    "/desk/data/case?reference=FW-1": ("GET", leads_data(404, 404, 404)),
    "/desk/month/2026-01/": ("GET", leads_page(200, 200, 200)),
    "/desk/month/2026-13/": ("GET", leads_page(404, 404, 404)),
    "/desk/data/month/2026-01/cases": ("GET", leads_data(200, 403, 403)),
    "/desk/data/month/2999-01/cases": ("GET", leads_data(409, 409, 409)),
    "/desk/data/month": ("POST", leads_data(400, 400, 400)),
    "/desk/card/": ("GET", leads_page(200, 200, 200)),
    "/desk/data/card": ("POST", (400, 403, 400, 403, 403, 403, 401)),
    "/desk/concern/": ("GET", leads_page(200, 200, 200)),
    "/desk/data/concern": ("POST", leads_data(400, 400, 400)),
    "/desk/data/recipients": ("GET", leads_data(200, 200, 200)),
    "/desk/trial/": ("GET", leads_page(200, 200, 200)),
    "/desk/data/trial": ("POST", leads_data(400, 400, 400)),
    "/desk/waiting/": ("GET", leads_page(200, 200, 200)),
    "/desk/waiting/take": ("POST", leads_data(302, 302, 302)),
    "/desk/waiting/FW-0/": ("GET", leads_page(404, 404, 404)),
    "/desk/waiting/FW-0/take": ("POST", leads_data(404, 404, 404)),
    "/notifications/": ("GET", page_for(*ROLES[:-1])),
    "/notifications/save": ("POST", (422, 422, 422, 302, 302, 302, 401)),
    "/notifications/test": ("POST", data_for(*ROLES[:-1], status=302)),
    "/notifications/ways/add": ("POST", data_for(*ROLES[:-1], status=422)),
    "/notifications/ways/0/remove": ("POST", data_for(*ROLES[:-1], status=302)),
    "/notifications/ways/0/test": ("POST", data_for(*ROLES[:-1], status=302)),
    "/notifications/away/add": ("POST", leads_data(422, 422, 422)),
    "/notifications/away/0/end": ("POST", leads_data(302, 302, 302)),
    "/messages/": ("GET", page_for("it")),
    "/messages/check": ("POST", data_for("it", status=302)),
    "/devices/": ("GET", page_for("it")),
    "/devices/{case}/": ("GET", page_for("it", status=404)),
    **{
        f"/devices/{{case}}/{act}": ("POST", data_for("it", status=404))
        for act in ("lost", "hand-on", "re-image", "retire", "mute")
    },
    "/devices/look/": ("GET", page_for("it")),
    "/devices/look/silent/": ("GET", page_for("it")),
    "/devices/look/odd/": ("GET", page_for("it", status=404)),
    "/devices/phones/": ("GET", page_for("it")),
    "/devices/phones/add": ("POST", data_for("it", status=409)),
    "/devices/phones/fleet": ("GET", page_for("it")),
    "/devices/phones/fleet/take": ("POST", data_for("it", status=409)),
    "/devices/phones/unlock": ("GET", page_for("it")),
    "/devices/phones/unlock.zip": ("GET", page_for("it")),
    "/devices/phones/{case}/": ("GET", page_for("it", status=404)),
    **{
        f"/devices/phones/{{case}}/{act}": ("POST", data_for("it", status=404))
        for act in ("new-id", "hand-on", "lost", "withdraw", "link", "files")
    },
    "/devices/gateways/{case}": ("POST", data_for("it", status=404)),
    "/phone/nobody-has-this/": ("GET", everybody(410)),
    "/people/": ("GET", page_for("it")),
    "/people/data/preview": ("POST", data_for("it", status=409)),
    "/people/data/import": ("POST", data_for("it", status=409)),
    "/documents/": ("GET", page_for(*ROLES[:-1])),
    "/documents/acknowledge": ("POST", data_for(*ROLES[:-1], status=409)),
    "/partners/": ("GET", page_for("manager", "dpo")),
    "/partners/9999/": ("GET", page_for("manager", "dpo", status=404)),
    "/partners/add": ("POST", data_for("manager", "dpo", status=422)),
    "/partners/9999/change": ("POST", data_for("manager", "dpo", status=404)),
    "/partners/9999/end": ("POST", data_for("manager", "dpo", status=404)),
    "/training/": ("GET", page_for("it", "manager", *LEADS)),
    "/training/?group=nobody": ("GET", page_for("it", "manager", *LEADS)),
    "/training/data/preview": ("POST", data_for("it", "manager", status=409)),
    "/training/data/import": ("POST", data_for("it", "manager", status=409)),
    "/accounts/": ("GET", page_for("it")),
    "/accounts/9999/": ("GET", page_for("it", status=404)),
    # IT signed in long ago, too, and is asked again before any change.
    "/accounts/add": ("POST", page_for("it", status=302)),
    **{
        f"/accounts/9999/{change}": ("POST", page_for("it", status=302))
        for change in ("change", "invite", "withdraw", "reset", "close", "reopen", "disconnect")
    },
    "/tests/": ("GET", page_for("it", *LEADS)),
    "/tests/ask": ("POST", data_for("it", *LEADS, status=302)),
    "/tests/choose": ("POST", data_for("it", status=404)),
    "/tests/data/standing": ("GET", data_for("it", *LEADS)),
    "/review/": ("GET", page_for("manager", "dpo")),
    "/review/read": ("GET", page_for("manager", "dpo", status=404)),
    "/review/file?until=2026-13": ("GET", page_for("manager", "dpo", status=404)),
    "/review/inspection.pdf": ("GET", page_for("manager", "dpo", status=409)),
    "/review/record": ("POST", data_for("manager", "dpo", status=422)),
    "/papers/": ("GET", page_for("manager", "dpo")),
    "/papers/dpia.html": ("GET", page_for("manager", "dpo", status=409)),
    "/lists/": ("GET", page_for("it")),
    "/lists/{case}/{case}": ("GET", page_for("it", status=404)),
    "/lists/{case}/release": ("POST", data_for("it", status=404)),
    "/summary/": ("GET", page_for("manager", *LEADS)),
    "/summary/?month=2026-13": ("GET", page_for("manager", *LEADS, status=404)),
    "/summary/?month=2999-01": ("GET", page_for("manager", *LEADS)),
    "/summary/2026-01.pdf": ("GET", page_for("manager", *LEADS, status=404)),
    "/summary/make": ("POST", data_for("manager", *LEADS, status=409)),
    "/audit/": ("GET", page_for("dpo")),
    "/audit/?before=10": ("GET", page_for("dpo")),
    "/audit/?actor=user:1&action=x&subject=FW-1&since=2026-01-01&until=2026-12-31": ("GET", page_for("dpo")),
    "/audit/export": ("POST", data_for("dpo", status=409)),
    "/audit/data/check": ("POST", data_for("dpo", status=400)),
    "/data/head": ("GET", data_for(*ROLES[:-1])),
    "/desk/requests/": ("GET", leads_page(200, 200, 200)),
    "/desk/requests/{nobody}/": ("GET", leads_page(404, 404, 404)),
    "/desk/requests/{nobody}/decide": ("POST", leads_data(404, 404, 404)),
    "/desk/data/requests/{nobody}/cases": ("GET", leads_data(404, 404, 404)),
    "/subject-access/": ("GET", page_for("dpo")),
    "/subject-access/start": ("POST", data_for("dpo", status=302)),
    "/subject-access/{nobody}/": ("GET", page_for("dpo", status=404)),
    **{
        f"/subject-access/{{nobody}}/{act}": ("POST", data_for("dpo", status=404))
        for act in ("export", "extend", "erase", "restrict", "close")
    },
    "/go-live/": ("GET", page_for("it", "dpo")),
    "/go-live/tick": ("POST", data_for("it", "dpo", status=302)),
    "/data-life/": ("GET", page_for("dpo")),
    "/data-life/hold": ("POST", data_for("dpo", status=302)),
    "/data-life/lift": ("POST", data_for("dpo", status=302)),
    "/data/head?starts=0123456789abcdef": ("GET", data_for(*ROLES[:-1])),
    "/data/head/missing": ("POST", data_for(*ROLES[:-1], status=400)),
    "/rules/": ("GET", everybody(200)),
    "/account/login/": ("GET", (*(302 for _ in ROLES[1:]), 200)),
    "/account/logout/": ("GET", _SIGNED_IN),
    "/account/password/change/": ("GET", _SIGNED_IN),
    "/account/inactive/": ("GET", everybody(200)),
    "/account/reauthenticate/": ("GET", _SIGNED_IN),
    "/account/signup/": ("GET", everybody(404)),
    "/account/email/": ("GET", everybody(404)),
    "/account/password/reset/": ("GET", everybody(200)),
    "/account/password/reset/done/": ("GET", everybody(200)),
    "/account/password/reset/key/1-odd/": ("GET", everybody(200)),
    "/account/password/reset/key/done/": ("GET", everybody(200)),
    "/account/invitation/unknown/": ("GET", everybody(410)),
    "/account/sessions/": ("GET", _SIGNED_IN),
    "/account/sessions/1/end": ("POST", _SIGNED_IN_NOTHING),
    "/account/connections/": ("GET", everybody(302)),
    "/account/oidc/nowhere/": ("GET", everybody(404)),
    "/account/oidc/nowhere/callback/": ("GET", everybody(404)),
    "/account/2fa/": ("GET", _SIGNED_IN),
    # Who signed in long ago shows first that it is they.
    "/account/2fa/authenticate/": ("GET", everybody(302)),
    "/account/2fa/reauthenticate/": ("GET", everybody(302)),
    "/account/2fa/totp/activate/": ("GET", everybody(302)),
    "/account/2fa/totp/deactivate/": ("GET", _SIGNED_IN_NOTHING),
    "/account/2fa/recovery-codes/": ("GET", _SIGNED_IN_NOTHING),
    "/account/2fa/recovery-codes/generate/": ("GET", everybody(302)),
    "/account/2fa/recovery-codes/download/": ("GET", everybody(404)),
    "/account/2fa/webauthn/": ("GET", everybody(302)),
    "/account/2fa/webauthn/add/": ("GET", everybody(302)),
    "/account/2fa/webauthn/login/": ("GET", everybody(302)),
    "/account/2fa/webauthn/reauthenticate/": ("GET", everybody(302)),
    "/account/2fa/webauthn/keys/1/remove/": ("GET", everybody(302)),
    "/account/2fa/webauthn/keys/1/edit/": ("GET", everybody(404)),
    "/account/password/set/": ("GET", everybody(404)),
    "/account/confirm-email/": ("GET", everybody(404)),
    "/account/login/code/confirm/": ("GET", everybody(404)),
    "/nothing": ("GET", everybody(404)),
    "/static/web/fairwatch.css": ("GET", everybody(200)),
    "/static/../settings.py": ("GET", everybody(400)),
}
