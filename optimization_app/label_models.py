"""What people and judges say of the same answers, and what a judge may do because of it."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from uuid_utils.compat import uuid7

from feedback_app.models import Example, Feedback
from kaizen_engine.states import LabelKind, LabelWord
from projects_app.choices import choices_of
from projects_app.models import User
from tasks_app.models import Task


class LabelItem(models.Model):
    """One question of the labelling queue: an answer, or an answer beside a reference.

    `answer` and `reference` stand as they are; in which order a pair is shown follows from the
    public id. A random item was drawn blindly and counts; the others only show where a judge is
    unsure.
    """

    public_id = models.UUIDField(default=uuid7, unique=True, editable=False)
    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="label_items")
    kind = models.CharField(max_length=10, choices=choices_of(LabelKind))
    is_random = models.BooleanField(default=True)
    feedback = models.ForeignKey(
        Feedback, on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    example = models.ForeignKey(
        Example, on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    content_hash = models.CharField(max_length=64, help_text="Of row, answer and reference.")
    inputs = models.JSONField()
    answer = models.JSONField()
    reference = models.JSONField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["task", "content_hash"], name="labelitem_asked_once"),
            models.CheckConstraint(
                condition=Q(feedback__isnull=False) | Q(example__isnull=False),
                name="labelitem_of_a_row",
            ),
        ]

    def __str__(self) -> str:
        return str(self.public_id)


class HumanLabel(models.Model):
    """What one person said of one item. Not blind: said after the judge's answer was shown."""

    item = models.ForeignKey(LabelItem, on_delete=models.CASCADE, related_name="labels")
    person = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    word = models.CharField(max_length=10, choices=choices_of(LabelWord))
    note = models.TextField(blank=True, default="")
    is_blind = models.BooleanField(default=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    given_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["item", "person"], name="humanlabel_once_per_person")
        ]

    def __str__(self) -> str:
        return f"{self.person}: {self.word}"


class JudgeVerdict(models.Model):
    """What one judge said of one item: good, bad, or of a pair tie.

    `picks` are its votes on a pair by where the pick was shown, `again` what it said when it was
    asked once more.
    """

    item = models.ForeignKey(LabelItem, on_delete=models.CASCADE, related_name="verdicts")
    judge_hash = models.CharField(max_length=64)
    word = models.CharField(max_length=10, choices=choices_of(LabelWord))
    score = models.FloatField()
    reasons = models.JSONField(default=dict)
    picks = models.JSONField(default=list)
    again = models.CharField(max_length=10, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["item", "judge_hash"], name="judgeverdict_once")
        ]

    def __str__(self) -> str:
        return f"{self.judge_hash[:12]}: {self.word}"


class JudgePassport(models.Model):
    """One measurement of a judge against people; the latest of a judge's hash counts.

    `judge_hash` covers rubric, model and parameters: another word in the rubric is another judge.
    """

    public_id = models.UUIDField(default=uuid7, unique=True, editable=False)
    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="passports")
    judge_hash = models.CharField(max_length=64)
    judge = models.JSONField(help_text="Its part of the evaluator: rubric, model, parameters.")
    labels = models.PositiveIntegerField()
    accuracy = models.FloatField()
    kappa = models.FloatField()
    kappa_low = models.FloatField(help_text="Lower bound of kappa at 80 %.")
    true_positive_rate = models.FloatField(null=True)
    true_negative_rate = models.FloatField(null=True)
    position_bias = models.FloatField(null=True)
    self_consistency = models.FloatField(null=True)
    floor = models.FloatField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["task", "judge_hash", "-id"], name="passport_latest")
        ]

    def __str__(self) -> str:
        return f"{self.judge_hash[:12]}: {self.kappa_low:.2f}"


class JudgeRound(models.Model):
    """Whether a task's judge is being asked right now, and why it stopped the last time."""

    task = models.OneToOneField(
        Task, on_delete=models.CASCADE, primary_key=True, related_name="judge_round"
    )
    asking_until = models.DateTimeField(null=True)
    error = models.TextField(blank=True, default="")

    def __str__(self) -> str:
        return f"{self.task}: {self.error or 'asked'}"
