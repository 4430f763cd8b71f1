"""Which address is which page."""

from django.urls import path

from server.web import audit, case, home, it, leadkey, lists, oversight, people, queue, rules, sharing, trials

_case = "desk/data/incidents/<uuid:incident_id>/"

urlpatterns = [
    path("", home.home, name="home"),
    path("desk/", queue.queue, name="desk"),
    path("desk/key/", leadkey.key, name="key"),
    path("desk/key/file", leadkey.key_file, name="key_file"),
    path("desk/key/address.svg", leadkey.address_code, name="address_code"),
    path("desk/data/passkeys", leadkey.add_passkey, name="add_passkey"),
    path("desk/data/passkeys/remove", leadkey.remove_passkey, name="remove_passkey"),
    path("desk/data/passkeys/used", leadkey.passkey_used, name="passkey_used"),
    path("desk/incidents/<uuid:incident_id>/", case.incident, name="incident"),
    path("desk/data/words", leadkey.words, name="words"),
    path("desk/data/key", leadkey.save_key, name="save_key"),
    path("desk/data/people/", people.names, name="people_names"),
    path("desk/data/headings", queue.headings, name="headings"),
    path("desk/data/changes", queue.changes, name="changes"),
    path("desk/share/", sharing.share, name="share"),
    path("desk/data/share", sharing.newcomers, name="newcomers"),
    path("desk/data/recovery", sharing.recovery_file, name="recovery_file"),
    path("desk/data/recovery/<str:key_id>", sharing.take_recovered, name="take_recovered"),
    path("desk/data/share/<str:key_id>/cases", sharing.to_share, name="to_share"),
    path("desk/data/share/<str:key_id>", sharing.take, name="take_shared"),
    path("desk/trial/", trials.lists_on_trial, name="trial"),
    path("desk/data/trial", trials.open_counts, name="trial_counts"),
    path(f"{_case}heading", case.heading, name="heading"),
    path(f"{_case}release", case.release, name="release"),
    path(f"{_case}export", case.export, name="export"),
    path(f"{_case}notes", case.add_note, name="notes"),
    path(f"{_case}close", case.close, name="close"),
    path("devices/", it.device_list, name="devices"),
    path("people/", people.people, name="people"),
    path("people/data/preview", people.people_preview, name="people_preview"),
    path("people/data/import", people.people_confirm, name="people_import"),
    path("lists/", lists.fetched_lists, name="lists"),
    path("lists/<slug:list_id>/release", lists.release, name="list_release"),
    path("lists/<slug:list_id>/<str:kind>", lists.download, name="list_file"),
    path("summary/", oversight.summary, name="summary"),
    path("audit/", audit.audit_log, name="audit"),
    path("audit/export", audit.export, name="audit_export"),
    path("audit/data/check", audit.check, name="audit_check"),
    path("data/head", audit.head, name="audit_head"),
    path("data/head/missing", audit.head_missing, name="audit_head_missing"),
    path("rules/", rules.rules_in_force, name="rules"),
]
