"""Who signs in, their keys, who uses the devices, and the monthly ids that stand for accounts in totals."""

from __future__ import annotations

import os
import uuid
from typing import ClassVar

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import gettext_noop

from protocol.grouping import GROUPING_KEY_BYTES


class Role(models.TextChoices):
    """What somebody may do here; each page and each domain function names the roles it is for."""

    LEAD = "lead", gettext_noop("safeguarding lead")
    DEPUTY = "deputy", gettext_noop("deputy safeguarding lead")
    IT = "it", gettext_noop("IT administrator")
    MANAGER = "manager", gettext_noop("manager")
    DPO = "dpo", gettext_noop("data protection officer")


def make_grouping_key() -> bytes:
    """Return a new key of tags."""
    return os.urandom(GROUPING_KEY_BYTES)


class Organisation(models.Model):
    """The one organisation of this collector (a single row).

    `grouping_key` is for devices (`protocol/grouping.py`) and is in no page or export: with it, whoever opens headings
    could try known sites against their tags.
    """

    name = models.CharField(max_length=200)
    timezone = models.CharField(max_length=64, default="Europe/London")
    pilot = models.BooleanField(default=True)
    sample = models.BooleanField(default=False)
    grouping_key = models.BinaryField(max_length=GROUPING_KEY_BYTES, default=make_grouping_key)

    def __str__(self) -> str:
        return self.name


class User(AbstractUser):
    """Somebody who signs in. `first_name` and `last_name` of Django are not used: `display_name` is."""

    role = models.CharField(max_length=10, choices=Role.choices, default=Role.MANAGER)
    display_name = models.CharField(max_length=200, blank=True)
    groups = models.JSONField(default=list, blank=True)

    def in_scope(self, group: str) -> bool:
        """Whether this account is for that group: a partner's lead or manager has some groups, others have all."""
        return not self.groups or group in self.groups

    @property
    def opens_evidence(self) -> bool:
        """Whether this role may hold a lead key."""
        return self.role in {Role.LEAD, Role.DEPUTY}

    def get_full_name(self) -> str:
        """Return the name to show."""
        return self.display_name or self.username


class Person(models.Model):
    """Somebody who uses the devices, as IT imported them: for leads alone, never beside anything that IT sees.

    `account` is as the organisation writes it, `key` the same folded. `gone_at` is when an import no longer had them:
    a case about them keeps their name until retention says otherwise.
    """

    account = models.CharField(max_length=200)
    key = models.CharField(max_length=200, unique=True)
    name = models.CharField(max_length=200)
    group = models.CharField(max_length=100, blank=True, default="")
    partner = models.CharField(max_length=200, blank=True, default="")
    leaves_on = models.DateField(null=True, blank=True)
    changed_at = models.DateTimeField()
    gone_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"person {self.pk}"


class LeadKey(models.Model):
    """A lead's public key (64 bytes), and the private one wrapped in the browser by words the collector never sees."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="lead_keys")
    key_id = models.CharField(max_length=32, unique=True)
    public_key = models.BinaryField(max_length=64)
    wrapped = models.JSONField()
    created_at = models.DateTimeField()
    active = models.BooleanField(default=True)


class PersonMonth(models.Model):
    """The id that stands for an account in one month's totals. Serves only counting and subject access.

    `erased_at` is when its totals were erased at the person's request: what still comes in under it is dropped.
    """

    month = models.CharField(max_length=7)
    account = models.CharField(max_length=200)
    person = models.UUIDField(unique=True, default=uuid.uuid4)
    erased_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """One id an account and month, on all of the account's devices."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["month", "account"], name="person_month_once")]
