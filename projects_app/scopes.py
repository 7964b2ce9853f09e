"""What each scope of an API key lets its holder do, in words for forms."""

from collections.abc import Mapping

from projects_app.models import Scope

SCOPES: Mapping[Scope, str] = {
    Scope.FEEDBACK_WRITE: "log feedback",
    Scope.PROMPT_READ: "fetch the live prompt",
    Scope.PROMPT_WRITE: "add prompts and versions",
    Scope.PROMPT_PROMOTE: "approve, promote and roll back",
    Scope.TASK_CREATE: "create tasks",
    Scope.TASK_WRITE: "change tasks",
    Scope.DATASET_WRITE: "add data",
    Scope.OPTIMIZE_TRIGGER: "start and cancel jobs",
    Scope.EVALUATE: "score a prompt",
    Scope.TRACE_WRITE: "send traces",
    Scope.TRACE_READ: "read traces",
    Scope.ADMIN_KEYS: "make and revoke keys",
}
