"""The words for what a job did with rows, and the lines of the table that says so."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TRAIN, LESSON = "train", "lesson"
DEV_DECIDING, DEV_REPORTED = "dev_deciding", "dev_reported"
HOLDOUT_DECIDING, HOLDOUT_REPORTED = "holdout_deciding", "holdout_reported"
DEMONSTRATION, RED_TEAM = "demonstration", "red_team"
MORE_THAN_NEEDED, LOOKED_AT = "more_than_needed", "looked_at"
NOT_FITTING, NOT_SCORED, TIED, OTHER_ROWS = "not_fitting", "not_scored", "tied", "other_rows"
UNJUDGED, SILENT, DISMISSED = "unjudged", "silent", "dismissed"

ROLES: Mapping[str, str] = {
    DEMONSTRATION: "shown in the prompt, of train",
    TRAIN: "train",
    LESSON: "train, comments on bad answers",
    DEV_DECIDING: "dev, deciding",
    DEV_REPORTED: "dev, reported beside",
    HOLDOUT_DECIDING: "hold-out, deciding",
    HOLDOUT_REPORTED: "hold-out, reported beside",
    RED_TEAM: "red team",
}
SPLIT_WORDS: Mapping[str, str] = {
    "": "dealt out by the next job",
    "test": "hold-out",
    "red_team": "red team",
}
REASONS: Mapping[str, str] = {
    MORE_THAN_NEEDED: "more than a search needs",
    LOOKED_AT: "hold-out rows of an earlier look, while fresh ones last",
    NOT_FITTING: "do not fit the prompt's fields as they are now",
    NOT_SCORED: "a bad answer in dev or hold-out, which only a judge can score",
    TIED: "nearly the same as, or tied to, rows of another split",
    UNJUDGED: "random calls that nobody has judged yet",
    SILENT: "neither good nor bad, or bad without a comment",
    DISMISSED: "dismissed by a person",
    OTHER_ROWS: "not of the chosen dataset",
}
ORIGINS: Mapping[str, str] = {
    "random": "random calls",
    "user": "reported by people",
    "import": "imported",
    "generated": "generated",
}


@dataclass(frozen=True)
class UsageLine:
    rows: int
    role: str
    origin: str


@dataclass(frozen=True)
class Usage:
    """`leaks` says in words how many rows share text with train, empty where none does."""

    used: list[UsageLine]
    left_out: list[tuple[int, str]]
    leaks: str


def usage_of(evidence: Mapping[str, Any]) -> Usage | None:
    """Return the table for evidence, or for what a job has frozen; None where neither says."""
    usage = evidence.get("usage")
    if not usage:
        return None
    used = sorted(usage["used"], key=lambda line: list(ROLES).index(line[1]))
    return Usage(
        used=[UsageLine(rows, ROLES[role], ORIGINS[origin]) for origin, role, rows in used],
        left_out=[(rows, REASONS[reason]) for reason, rows in usage["left_out"].items()],
        leaks=leaks_in_words(evidence.get("leakage") or {}),
    )


def leaks_in_words(leakage: Mapping[str, Any]) -> str:
    names = {"dev": "dev", "test": "hold-out"}
    parts = [
        f"{count} of {leakage['rows'][split]} {names[split]} rows"
        for split, count in leakage.get("leaking", {}).items()
    ]
    return f"{' and '.join(parts)} share eight words in a row with train" if parts else ""
