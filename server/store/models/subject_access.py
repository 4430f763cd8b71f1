"""Requests of people for the data held about them, and what leads decided about cases."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy

from server.store.models.people import User


class SubjectRequest(models.Model):
    """One request: whose account, how the officer knows that it is they, and by when it must be answered.

    `key` is the account folded. `first_due_on` is one calendar month after `received_on`, `due_on` later where the
    time was extended. `erased_at` is when the person's totals of use were erased, `restricted_at` since when they are
    left out of figures.
    """

    class Identity(models.TextChoices):
        """How it was made sure that the data go to the person, or to whoever may ask for them."""

        KNOWN = "known", gettext_lazy("known to the officer, in person")
        ACCOUNT = "account", gettext_lazy("asked from their own account, and confirmed there")
        DOCUMENT = "document", gettext_lazy("an identity document was seen")
        REPRESENTATIVE = "representative", gettext_lazy("a representative, with written authority")

    class Longer(models.TextChoices):
        """Why the time was extended: UK GDPR, Article 12(3) knows these two."""

        COMPLEX = "complex", gettext_lazy("the request is complex")
        MANY = "many", gettext_lazy("the person made several requests")

    class Closing(models.TextChoices):
        """How a request ended."""

        ANSWERED = "answered", gettext_lazy("answered")
        WITHDRAWN = "withdrawn", gettext_lazy("withdrawn by the person")
        REFUSED = "refused", gettext_lazy("refused as manifestly unfounded or excessive")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    account = models.CharField(max_length=200)
    key = models.CharField(max_length=200)
    identity = models.CharField(max_length=16, choices=Identity.choices)
    received_on = models.DateField()
    first_due_on = models.DateField()
    due_on = models.DateField()
    longer = models.CharField(max_length=8, choices=Longer.choices, blank=True, default="")
    started_at = models.DateTimeField()
    started_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    closed_at = models.DateTimeField(null=True)
    closing = models.CharField(max_length=10, choices=Closing.choices, blank=True, default="")
    erased_at = models.DateTimeField(null=True, blank=True)
    restricted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """An account has one request at a time."""

        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["key"], condition=models.Q(closed_at__isnull=True), name="one_subject_request"
            )
        ]

    def __str__(self) -> str:
        return f"subject request {self.pk}"


class SubjectDecision(models.Model):
    """What one lead decided about what they can open of a person; a lead's newest counts, the older ones stay."""

    class What(models.TextChoices):
        """What became of it."""

        RELEASE = "release", gettext_lazy("give records to the person")
        WITHHOLD = "withhold", gettext_lazy("withhold")
        NOTHING = "nothing", gettext_lazy("nothing that this lead can open is about the person")

    class Ground(models.TextChoices):
        """Why something is withheld: the Data Protection Act 2018."""

        CRIME = "crime", gettext_lazy("preventing or detecting crime (Schedule 2, Part 1, paragraph 2)")
        OTHERS = "others", gettext_lazy("it would disclose somebody else’s data (Schedule 2, Part 3, paragraph 16)")
        PRIVILEGE = "privilege", gettext_lazy("legal professional privilege (Schedule 2, Part 4, paragraph 19)")
        HARM = "harm", gettext_lazy("serious harm to somebody’s health (Schedule 3, Parts 2 to 4)")
        CHILD = "child", gettext_lazy("child abuse data, against the child’s best interests (Schedule 3, paragraph 21)")

    request = models.ForeignKey(SubjectRequest, on_delete=models.CASCADE, related_name="decisions")
    lead = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    what = models.CharField(max_length=8, choices=What.choices)
    ground = models.CharField(max_length=10, choices=Ground.choices, blank=True, default="")
    review_on = models.DateField(null=True)

    class Meta:
        """A lead's newest decision about a request is looked up."""

        indexes: ClassVar = [models.Index(fields=["request", "lead", "-at"], name="subject_decision_newest")]

    def __str__(self) -> str:
        return f"subject decision {self.pk}"
