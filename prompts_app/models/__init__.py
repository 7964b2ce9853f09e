"""The facts about prompts: their versions and tags, and where they live in git."""

from prompts_app.models.git import (
    TEST_LIFE,
    GitConnection,
    GitKind,
    PullRequest,
    Repository,
    WithoutEvidence,
)
from prompts_app.models.versions import (
    ChangeNote,
    ClientSighting,
    GateOutcome,
    GateResult,
    ProjectRevision,
    PromptVersion,
    Tag,
    VersionEvidence,
)

__all__ = [
    "TEST_LIFE",
    "ChangeNote",
    "ClientSighting",
    "GateOutcome",
    "GateResult",
    "GitConnection",
    "GitKind",
    "ProjectRevision",
    "PromptVersion",
    "PullRequest",
    "Repository",
    "Tag",
    "VersionEvidence",
    "WithoutEvidence",
]
