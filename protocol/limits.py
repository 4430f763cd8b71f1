"""Each limit of the conversation as a named constant, with its reason. FORMAT.md repeats the numbers."""

from datetime import timedelta

MESSAGE_VERSION = 1
"""The newest message version this code speaks. A newer one is answered `retry later`, never refused for good."""

REQUEST_MAX_BYTES = 4 * 1024 * 1024
"""A full batch of alerts with two 16 KiB envelopes each, in base64, fits; an endless body does not."""

BATCH_MAX_RECORDS = 64
"""Keeps one transaction at the collector short, so that 500 devices never wait for one."""

TOTALS_MAX_ROWS = 500
"""A day of one person has well under a hundred rows; more is a fault or an attack."""

DAY_MAX_SECONDS = 90_000
"""The longest day there is, in October: 25 hours. More of one kind of use on one device is a fault or an attack."""

ENVELOPE_SIZES_BYTES = (4096, 16384)
"""Padded plaintext sizes: the length of a sealed text tells nothing but small or large."""

ENVELOPE_MAX_RECIPIENTS = 32
"""Leads, deputies and the recovery key of one organisation; a longer table is an attack on the opener."""

EVIDENCE_MAX_NAMES = 40
"""Names kept in one alert's evidence; the count goes on, the list does not (it must fit 16 KiB padded)."""

TRIAL_MAX_PACKS = 100
"""Lists on trial in one report: all categories of the largest public collection are fewer, and their ids must fit."""

TRIAL_MAX_ENTRIES = 200
"""Entries of all lists in one day's report, with their counts; what is beyond is only added up (16 KiB padded)."""

CLOCK_TOLERANCE = timedelta(minutes=5)
"""How far a signed request's time may lie from the collector's. Beyond it the device signs again with our time."""

CLOCK_OFFSET_MAX_SECONDS = 10_000_000_000
"""Three centuries: no real clock is further off, and what it is added to stays a time that can be written."""

TEXT_MAX_CHARS = 200
"""Any free text a device sends (machine name, a reason): enough for a sentence, useless as a store."""

ACCOUNTS_MAX = 200
"""Accounts of one device in one question for monthly ids: a shared laptop has tens."""

PHONES_MAX = 20_000
"""Phones behind one organisation's gateways: twice what a gateway is measured with."""

PHONES_REPORT_MAX = 2_000
"""Phones in one report of when they last resolved: 200 KB."""

ENROLMENT_TOKEN_MAX_CHARS = 4096
"""A token is about 700 characters; anything longer is not one."""

TOTALS_KEPT_DAYS = 45
"""How long after their month's end one person's totals are kept, on the device and at the collector, and no longer."""

RELEASE_MAX_BYTES = 96 * 1024 * 1024
"""A version of the agent for three Pythons is a third of it; a device holds it in memory once."""

RELEASE_FIRST_PERCENT = 10
"""How many of 100 devices take a signed version at once, where the custodians say nothing else."""

RELEASE_ALL_AFTER_DAYS = 7
"""A working week in which those first devices show whether it is well."""

RELEASE_DAYS_MAX = 90
"""A version that waits longer should be signed anew, with what was learnt since."""
