"""The words for every state, and which state may follow which."""

from collections.abc import Mapping
from enum import StrEnum


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    PUBLISHING = "publishing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class JobKind(StrEnum):
    OPTIMIZE = "optimize"
    EVALUATE = "evaluate"


class StopReason(StrEnum):
    FINISHED = "finished"
    BUDGET_USD = "budget_usd"
    BUDGET_TOKENS = "budget_tokens"
    CALLS = "calls"
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"
    OVERFIT = "overfit"
    PROVIDER_DOWN = "provider_down"
    WORKER_LOST = "worker_lost"
    ERROR = "error"


class Verdict(StrEnum):
    CONFIRMED = "confirmed"
    LIKELY = "likely"
    BETTER_ON_REPORTED = "better_on_reported"
    NOT_ENOUGH_EVIDENCE = "not_enough_evidence"
    EQUAL = "equal"
    WORSE = "worse"
    NONE = "none"


class ReviewState(StrEnum):
    DRAFT = "draft"
    IN_REVIEW = "in_review"
    APPROVED = "approved"
    REJECTED = "rejected"


class PullRequestState(StrEnum):
    OPENING = "opening"
    OPEN = "open"
    AWAITING_MERGE = "awaiting_merge"
    MERGED = "merged"
    CLOSED = "closed"
    FAILED = "failed"


class DeliveryState(StrEnum):
    """Of a message to one channel; a try that fails leaves it waiting for the next one."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


class GateBasis(StrEnum):
    EVIDENCE = "evidence"
    IMPORT = "import"
    OVERRIDE = "override"
    ROLLBACK = "rollback"


class Origin(StrEnum):
    RANDOM = "random"
    USER = "user"
    IMPORT = "import"
    GENERATED = "generated"


class FeedbackOrigin(StrEnum):
    RANDOM = "random"
    USER = "user"


class RowKind(StrEnum):
    """What a row says: the right answer, a good one, a bad one with a comment, or nothing yet."""

    LABEL = "label"
    GOOD = "good"
    BAD = "bad"
    CALL = "call"


class LabelKind(StrEnum):
    """What a person is asked: is this answer good, or which of two is better."""

    ANSWER = "answer"
    PAIR = "pair"


class LabelWord(StrEnum):
    """A judgement, a person's or a judge's; first and second are as they were shown."""

    GOOD = "good"
    BAD = "bad"
    FIRST = "first"
    SECOND = "second"
    TIE = "tie"
    SKIP = "skip"


class PassportState(StrEnum):
    NOT_NEEDED = "not_needed"
    MISSING = "missing"
    EXPIRED = "expired"
    BELOW_FLOOR = "below_floor"
    VALID = "valid"


class TopicLife(StrEnum):
    NEW = "new"
    GROWING = "growing"
    STEADY = "steady"
    FIXED = "fixed"
    REGRESSED = "regressed"


class InsightState(StrEnum):
    OPEN = "open"
    APPLIED = "applied"
    DISMISSED = "dismissed"


class SuggestionState(StrEnum):
    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


class Split(StrEnum):
    TRAIN = "train"
    DEV = "dev"
    TEST = "test"
    RED_TEAM = "red_team"


LIVE_JOB_STATES = frozenset({JobState.QUEUED, JobState.RUNNING, JobState.PUBLISHING})

JOB_TRANSITIONS: Mapping[JobState, frozenset[JobState]] = {
    JobState.QUEUED: frozenset({JobState.RUNNING, JobState.FAILED, JobState.CANCELLED}),
    JobState.RUNNING: frozenset(
        {JobState.QUEUED, JobState.PUBLISHING, JobState.FAILED, JobState.CANCELLED}
    ),
    JobState.PUBLISHING: frozenset(
        {JobState.QUEUED, JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED}
    ),
    JobState.SUCCEEDED: frozenset(),
    JobState.FAILED: frozenset(),
    JobState.CANCELLED: frozenset(),
}

REVIEW_TRANSITIONS: Mapping[ReviewState, frozenset[ReviewState]] = {
    ReviewState.DRAFT: frozenset(
        {ReviewState.IN_REVIEW, ReviewState.APPROVED, ReviewState.REJECTED}
    ),
    ReviewState.IN_REVIEW: frozenset({ReviewState.APPROVED, ReviewState.REJECTED}),
    ReviewState.APPROVED: frozenset(),
    ReviewState.REJECTED: frozenset(),
}

PULL_REQUEST_TRANSITIONS: Mapping[PullRequestState, frozenset[PullRequestState]] = {
    PullRequestState.OPENING: frozenset(
        {PullRequestState.OPEN, PullRequestState.CLOSED, PullRequestState.FAILED}
    ),
    PullRequestState.OPEN: frozenset(
        {PullRequestState.AWAITING_MERGE, PullRequestState.MERGED, PullRequestState.CLOSED}
    ),
    PullRequestState.AWAITING_MERGE: frozenset({PullRequestState.MERGED, PullRequestState.CLOSED}),
    PullRequestState.MERGED: frozenset(),
    PullRequestState.CLOSED: frozenset(),
    PullRequestState.FAILED: frozenset({PullRequestState.OPENING}),
}

DELIVERY_TRANSITIONS: Mapping[DeliveryState, frozenset[DeliveryState]] = {
    DeliveryState.WAITING: frozenset({DeliveryState.DELIVERED, DeliveryState.FAILED}),
    DeliveryState.DELIVERED: frozenset(),
    DeliveryState.FAILED: frozenset({DeliveryState.WAITING}),
}

STOPS_THAT_KEEP_THE_BEST = frozenset(
    {
        StopReason.FINISHED,
        StopReason.BUDGET_USD,
        StopReason.BUDGET_TOKENS,
        StopReason.CALLS,
        StopReason.TIMEOUT,
        StopReason.OVERFIT,
    }
)
