"""Invitations to sign in, and what rate limits remember for all processes."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from server.store.models.people import User


class Invitation(models.Model):
    """A one-time link by which somebody whom IT added makes their own password or passkey.

    Only the hash of its secret is here: a stolen database lets nobody in.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="invitations")
    secret_hash = models.CharField(max_length=64, unique=True)
    made_at = models.DateTimeField()
    expires = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)


class CacheRow(models.Model):
    """A row of Django's database cache: counters of rate limits, which hold over all processes and restarts."""

    cache_key = models.CharField(max_length=255, primary_key=True)
    value = models.TextField()
    expires = models.DateTimeField(db_index=True)

    class Meta:
        """The name that the settings give the cache."""

        db_table: ClassVar[str] = "store_cache"
