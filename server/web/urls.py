"""Which address is which page."""

from django.urls import path

from server.web import desk, home, it, lists, oversight, rules, trials

_case = "desk/data/incidents/<uuid:incident_id>/"

urlpatterns = [
    path("", home.home, name="home"),
    path("desk/", desk.queue, name="desk"),
    path("desk/key/", desk.key, name="key"),
    path("desk/key/file", desk.key_file, name="key_file"),
    path("desk/incidents/<uuid:incident_id>/", desk.incident, name="incident"),
    path("desk/data/words", desk.words, name="words"),
    path("desk/data/key", desk.save_key, name="save_key"),
    path("desk/data/headings", desk.headings, name="headings"),
    path("desk/trial/", trials.lists_on_trial, name="trial"),
    path("desk/data/trial", trials.open_counts, name="trial_counts"),
    path(f"{_case}release", desk.release, name="release"),
    path(f"{_case}export", desk.export, name="export"),
    path(f"{_case}notes", desk.add_note, name="notes"),
    path(f"{_case}close", desk.close, name="close"),
    path("devices/", it.device_list, name="devices"),
    path("lists/", lists.fetched_lists, name="lists"),
    path("lists/<slug:list_id>/release", lists.release, name="list_release"),
    path("lists/<slug:list_id>/<str:kind>", lists.download, name="list_file"),
    path("summary/", oversight.summary, name="summary"),
    path("audit/", oversight.audit_log, name="audit"),
    path("rules/", rules.rules_in_force, name="rules"),
]
