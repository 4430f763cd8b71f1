"""The ten promises, and where each is held to: the tests named here must be there, and a few look across everything."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from agent.certainty import Certainty, Proof
from agent.config import Config
from agent.notice import FLAG_WORDS
from agent.observation import Observation
from agent.session.messages import Settings

TOP = Path(__file__).parents[1]

PROMISES: dict[int, tuple[str, ...]] = {
    # Only host names and app identities.
    1: (
        "tests/protocol/test_messages.py::test_promise_1_no_message_has_a_field_for_a_path_a_title_or_any_content",
        "tests/agent/test_minimise.py::test_an_observation_has_no_room_for_a_path_a_query_or_a_title",
        "tests/agent/sources/test_dialect.py::test_the_query_never_fetches_a_title_and_the_address_only_into_the_host_function",
        "tests/agent/sources/test_browser_history.py::test_a_running_chromium_s_visits_arrive_once_soon_and_as_hosts_only",
        "tests/agent/sources/test_browser_history.py::test_a_running_firefox_s_visits_arrive_once_soon_and_as_hosts_only",
        "tests/agent/sources/test_browser_history.py::test_nothing_is_opened_before_the_notice_was_shown",
        "tests/agent/sources/test_profile_reader.py::test_what_a_clock_that_was_ahead_dated_before_reading_began_is_never_collected",
        "tests/agent/test_marks.py::test_a_clock_that_is_set_back_wrongly_and_is_then_right_again_lets_nothing_in_from_before_the_mark",
        "tests/agent/test_marks.py::test_a_notice_that_was_shown_while_the_clock_was_behind_counts_from_when_it_was_shown",
        "tests/agent/sources/test_chromium.py::test_synced_and_imported_visits_are_told_apart",
        "tests/agent/sources/test_firefox.py::test_a_synced_or_imported_visit_is_never_collected",
        "tests/agent/sources/test_processes.py::test_running_is_not_use_so_no_seconds_are_claimed_and_no_argument_is_told",
    ),
    # Never covert.
    2: (
        "tests/agent/test_notice.py::test_it_says_what_is_collected_what_is_not_and_who_sees_what",
        "tests/agent/test_notice.py::test_about_flags_it_says_the_same_words_to_everyone",
        "tests/agent/test_held.py::test_with_none_or_many_flags_not_a_byte_of_what_is_told_differs",
        "tests/agent/test_service.py::test_without_signed_rules_it_runs_shows_the_notice_and_observes_nothing",
        "tests/agent/sources/test_processes.py::test_nothing_is_told_of_a_person_who_has_not_had_the_notice",
        "tests/journey/test_laptop.py::test_promise_2_the_notice_was_shown_before_anything_was_collected",
    ),
    # Evidence opens only with a lead's key.
    3: (
        "tests/journey/test_laptop.py::test_promise_3_the_host_is_nowhere_at_the_collector_but_in_the_rules",
        "tests/journey/test_laptop.py::test_promise_3_the_host_is_nowhere_in_the_agents_files_in_clear",
        "tests/journey/test_desk.py::test_nothing_of_what_was_sealed_is_anywhere_at_the_collector",
        "tests/protocol/test_sealing.py::test_every_vector_opens_or_names_its_refusal",
        "tests/agent/test_seal.py::test_a_case_about_the_lead_is_not_sealed_to_the_lead",
        "tests/server/web/test_access.py::test_who_opens_no_evidence_never_gets_an_envelope",
        "tests/server/web/test_access.py::test_no_page_of_it_changes_by_a_single_byte_when_there_is_an_incident",
    ),
    # Nothing lost, nothing twice.
    4: (
        "tests/agent/test_spool.py::test_kill_9_at_any_point_loses_nothing_that_was_promised_and_repeats_nothing",
        "tests/agent/test_spool.py::test_a_full_spool_drops_the_oldest_totals_first_then_routine_alerts_and_urgent_ones_last",
        "tests/agent/test_spool.py::test_every_drop_is_counted_and_reported_and_the_report_itself_fits",
        "tests/agent/test_sender.py::test_no_outage_however_long_loses_a_record",
        "tests/agent/test_sender.py::test_a_receipt_that_is_missing_or_strange_deletes_nothing",
        "tests/server/test_ingest.py::test_totals_are_added_once_however_often_they_are_sent",
        "tests/server/test_ingest.py::test_two_threads_that_post_the_same_batch_store_it_once",
    ),
    # Only signed rules apply.
    5: (
        "tests/agent/test_updates.py::test_a_recipient_added_with_too_few_or_wrong_keys_is_refused",
        "tests/agent/test_updates.py::test_even_custodians_cannot_hand_recipients_to_somebody_else",
        "tests/agent/test_updates.py::test_rolled_back_rules_under_a_new_snapshot_are_refused",
        "tests/agent/test_updates.py::test_a_frozen_collector_is_noticed_and_what_is_in_force_stays",
        "tests/agent/test_updates.py::test_a_locally_edited_file_is_refused_and_put_right_by_the_next_check",
        "tests/agent/test_signed_rules.py::test_old_rules_stay_in_force_and_their_age_is_told",
        "tests/server/test_publish.py::test_one_signature_of_two_is_refused_and_nothing_is_kept",
    ),
    # Seeking help is never flagged.
    6: (
        "tests/rules/test_engine.py::test_every_protected_entry_stays_protected_when_a_harmful_list_names_it",
        "tests/rules/test_compiler.py::test_protected_sites_are_refused_from_every_harmful_list_and_said_so",
        "tests/agent/test_judge.py::test_a_protected_verdict_is_not_flagged_even_by_a_policy_and_lists_that_would",
    ),
    # Sensitive stays sealed, and no figure shows a person.
    7: (
        "tests/agent/test_tally.py::test_a_total_names_only_the_common_and_harmless_and_tells_nothing_sensitive_apart",
        "tests/agent/test_tally.py::test_all_that_is_not_told_apart_is_one_row",
        "tests/server/test_disclosure.py::test_five_people_may_be_shown_and_four_may_not",
        "tests/server/test_disclosure.py::test_one_person_with_four_fifths_may_be_in_a_figure_and_with_more_not",
        "tests/server/test_disclosure.py::test_no_sum_or_difference_of_figures_gives_away_few_people",
        "tests/server/test_disclosure.py::test_no_difference_of_two_versions_gives_away_few_people",
        "tests/rules/test_engine.py::test_a_nameable_site_loses_its_name_where_a_list_puts_it_in_a_sensitive_category",
    ),
    # Every release of evidence is on the record before it happens.
    8: (
        "tests/server/test_incidents.py::test_the_record_of_a_release_is_committed_before_the_evidence_is_read",
        "tests/server/test_incidents.py::test_no_evidence_is_handed_out_when_the_record_of_it_fails",
        "tests/server/test_audit.py::test_the_database_refuses_a_change",
        "tests/server/test_audit.py::test_a_changed_line_is_found_and_located",
        "tests/server/test_audit.py::test_personal_content_can_be_erased_and_the_chain_still_holds",
        "tests/journey/test_laptop.py::test_promise_8_the_release_is_on_the_record_before_the_evidence_was_handed_out",
    ),
    # Deleted on time.
    9: (
        "tests/server/test_retention.py::test_personal_totals_go_45_days_after_the_month_and_others_stay",
        "tests/server/test_retention.py::test_a_month_is_over_45_days_after_its_end",
        "tests/agent/test_tally.py::test_own_totals_stay_as_long_as_the_collector_keeps_them_and_no_day_longer",
        "tests/server/test_retention_kinds.py::test_every_kind_is_deleted_in_exactly_one_way",
        "tests/server/test_case_retention.py::test_a_closed_case_goes_after_its_period_with_everything_of_it",
        "tests/server/test_erasing.py::test_not_a_byte_of_what_was_deleted_is_left_in_the_files",
    ),
    # "Unknown" rather than a guess.
    10: (
        "tests/agent/test_certainty.py::test_a_name_that_was_only_looked_up_is_not_called_a_visit",
        "tests/agent/test_service.py::test_status_tells_each_source_and_why_it_does_not_see",
        "tests/agent/sources/test_processes.py::test_a_service_that_may_not_look_at_a_persons_programs_says_unknown",
    ),
}


@pytest.mark.parametrize("number", range(1, 11))
def test_each_promise_is_held_to_by_tests_that_are_there(number):
    missing = []
    for place in PROMISES[number]:
        file, _, name = place.partition("::")
        if not re.search(rf"^(    )?def {name}\(", (TOP / file).read_text(), re.MULTILINE):
            missing.append(place)
    assert PROMISES[number]
    assert missing == []


def test_promise_1_an_observation_says_who_what_when_how_long_and_nothing_else():
    said_of_it = ("device", "kind", "name", "started", "seconds", "person", "source")
    assert Observation.__struct_fields__ == (*said_of_it, "said", "identity", "browser", "continues")
    words = {*get_args(Certainty), *get_args(Proof)}  # how sure it is: closed words, no room for anything else
    assert words == {"visited", "likely", "looked_up", "unclear", "running", "proven", "unproven"}


def test_promise_2_no_setting_and_no_option_leaves_the_notice_out():
    settings = {*Config.__struct_fields__, *Settings.__struct_fields__}
    shown = "".join(
        subprocess.run(
            [Path(sys.executable).with_name("fairwatch-agent"), command, "--help"],
            capture_output=True, text=True, timeout=60, check=True,
        ).stdout
        for command in ("run", "session", "enrol")
    )  # fmt: skip
    options = set(re.findall(r"--[a-z-]+", shown))
    assert {"--data-dir", "--notice-on-stdout"} <= options
    for word in ("silent", "stealth", "hidden", "covert", "quiet", "no-notice", "without-notice", "invisible"):
        assert not [name for name in (*settings, *options) if word in name.replace("_", "-")]


def test_promise_2_the_words_about_flags_are_a_constant_with_nothing_to_fill_in():
    assert "{" not in FLAG_WORDS
    assert "%" not in FLAG_WORDS
    uses = [path for path in (TOP / "agent").rglob("*.py") if "FLAG_WORDS" in path.read_text()]
    assert {path.name for path in uses} == {"notice.py", "held_words.py", "show_data.py"}
