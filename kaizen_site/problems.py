"""What each problem code means and what to do about it: the page that type points to."""

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe


@dataclass(frozen=True)
class Problem:
    status: int
    code: str
    meaning: str
    remedy: str


PROBLEMS = (
    Problem(400, "invalid", "A field is missing, unknown or wrong.", "errors names the fields."),
    Problem(400, "parse_error", "The body is not JSON that can be stored.", "Send strict JSON."),
    Problem(
        400,
        "payload_refused",
        "A value nests deeper than 64 levels or holds a NUL character.",
        "Flatten or clean the value.",
    ),
    Problem(400, "field_too_large", "A field is larger than 256 KiB.", "Shorten it."),
    Problem(
        400,
        "invalid_artifact",
        "The artifact breaks kaizen.prompt/1.",
        "The detail names the field.",
    ),
    Problem(
        400,
        "invalid_schema",
        "No prompt contract can be made of the JSON Schema.",
        "The detail names the place.",
    ),
    Problem(400, "invalid_locked_text", "Locked passages are a list of texts.", "Send a list."),
    Problem(400, "invalid_config", "The job's configuration is wrong.", "errors names the keys."),
    Problem(
        400,
        "look_required",
        "The rows asked for are the hold-out, which loses worth with every look at it.",
        "Send look: true to read it all the same, or ask for other rows.",
    ),
    Problem(
        400,
        "holdout_row",
        "The row is of the hold-out, which proves something only while nobody chooses among it.",
        "Choose rows of train or dev.",
    ),
    Problem(400, "not_rendered", "The inputs do not fit the prompt.", "The detail names one."),
    Problem(400, "no_rows", "There is nothing to score.", "Add examples, or ask for other rows."),
    Problem(400, "no_student", "The task names no model.", "Set its student, or send one."),
    Problem(400, "task_archived", "The task is archived.", "Use another task."),
    Problem(400, "reason_required", "The decision needs a reason.", "Send one."),
    Problem(401, "no_valid_key", "No key, or an unknown, revoked or expired one.", "Renew it."),
    Problem(403, "permission_denied", "The key lacks the scope.", "Use a key that has it."),
    Problem(403, "not_allowed", "The key or the role may not do this.", "Ask an admin."),
    Problem(403, "two_person_rule", "The author may not approve.", "Let another person do it."),
    Problem(403, "override_needs_a_person", "A key may not override.", "Do it in the admin."),
    Problem(404, "not_found", "There is nothing here for this key.", "Check address and project."),
    Problem(404, "unknown_task", "The project has no such task.", "Check slug or id."),
    Problem(404, "unknown_feedback", "The project has no such feedback.", "Check the id."),
    Problem(404, "unknown_import", "The file was dropped or never here.", "Choose it again."),
    Problem(409, "file_gone", "The file is kept here no longer.", "Choose it again."),
    Problem(409, "not_checked", "The columns were not checked.", "Check them first."),
    Problem(409, "already_saved", "The file is a dataset already.", "Open the dataset."),
    Problem(404, "unknown_version", "The task has no such version.", "Check the id."),
    Problem(404, "unknown_tag", "The task has no such tag.", "Check the name."),
    Problem(404, "unknown_job", "The project has no such job.", "Check the id."),
    Problem(
        400,
        "audio_not_optimized",
        "The prompt has sound as an input; it is stored and passed through.",
        "Optimize a prompt on its transcript instead.",
    ),
    Problem(404, "unknown_dataset", "The project has no such dataset.", "Check the id."),
    Problem(400, "target_refused", "The server may not call this address.", "Allow it first."),
    Problem(404, "no_repository", "The task has no repository.", "Name one in the admin."),
    Problem(404, "unknown_key", "The project has no such API key.", "Check the id."),
    Problem(404, "unknown_connection", "The project has no such connection.", "Check the slug."),
    Problem(404, "unknown_project", "There is no such project.", "Check the slug."),
    Problem(
        404,
        "no_active_version",
        "Nothing is live under this tag (400 where a job needs a live version).",
        "Promote a version; until then use your fallback.",
    ),
    Problem(405, "method_not_allowed", "The address knows other methods.", "See Allow."),
    Problem(406, "not_acceptable", "Only JSON is answered.", "Accept application/json."),
    Problem(409, "conflict", "The state does not permit this.", "Read it again."),
    Problem(409, "stale", "Somebody else moved it meanwhile.", "Read it again and decide anew."),
    Problem(409, "already_example", "The feedback is an example already.", "Open the example."),
    Problem(409, "dismissed", "The feedback was dismissed.", "Put it back first."),
    Problem(409, "unchanged", "The edited text is the version's own.", "Change something first."),
    Problem(409, "taken", "The name is in use.", "Choose another."),
    Problem(
        409,
        "event_id_conflict",
        "The event id is stored with other content.",
        "Use a new id for each event.",
    ),
    Problem(409, "idempotency_mismatch", "The key came with another request.", "Use a new key."),
    Problem(409, "idempotency_in_progress", "The first request still runs.", "Wait, then repeat."),
    Problem(409, "no_version", "The job made no version.", "Read its verdict."),
    Problem(409, "no_record", "The job left nothing to replay.", "Export one that has a result."),
    Problem(409, "not_finished", "The job still runs.", "Ask again later."),
    Problem(
        409,
        "price_unknown",
        "Nobody entered a price for the model.",
        "Enter it at the connection: no budget holds without it.",
    ),
    Problem(
        409,
        "budget_too_small",
        "The estimate is larger than the budget.",
        "Raise the budget or ask for less.",
    ),
    Problem(
        409,
        "daily_budget",
        "The job could pass what its project may spend today.",
        "Wait for the next day in UTC, ask for less, or let an admin raise the daily budget.",
    ),
    Problem(
        409,
        "confirmation_needed",
        "The job may cost more than its project wants to spend without asking.",
        "Look at estimate in the answer, and start it with confirm set to true.",
    ),
    Problem(409, "no_evidence", "The version is not confirmed.", "Run a job on it."),
    Problem(409, "gate_failed", "A gate refused the version.", "The detail names the gate."),
    Problem(409, "evidence_mismatch", "The evidence is for another text.", "Measure it anew."),
    Problem(
        409,
        "evidence_stale",
        "What is live, or the model, is not what the evidence was measured with.",
        "Run a job against what is live now.",
    ),
    Problem(409, "already_live", "Something is live already.", "Promote on evidence."),
    Problem(409, "version_live", "The version is live.", "Roll back first."),
    Problem(409, "rejected", "The version was rejected.", "Make a new one."),
    Problem(409, "nothing_before", "Nothing was live before this.", "Name a version."),
    Problem(409, "never_live", "The version was never live.", "Promote it instead."),
    Problem(409, "live_tag", "What is live moves by review and rollback only.", "Use another tag."),
    Problem(409, "demo_present", "The demo data is there already.", "Remove it first."),
    Problem(409, "demo_absent", "There is no demo data.", "Nothing has to be removed."),
    Problem(409, "already_decided", "Somebody decided meanwhile.", "Look at it again."),
    Problem(409, "no_judge", "No judge scores the prompt.", "Choose an evaluator with one."),
    Problem(409, "labelled", "You have labelled this one.", "Take the label back first."),
    Problem(409, "not_labelled", "There is no label of yours.", "Label it first."),
    Problem(409, "too_many", "A project has as many as it may.", "Remove one first."),
    Problem(409, "too_many_runs", "Runs of the prompt are under way.", "Wait for one of them."),
    Problem(409, "last_admin", "A project keeps an admin.", "Name another admin first."),
    Problem(413, "too_large", "The body or batch is too large.", "Send less at once."),
    Problem(415, "unsupported_media_type", "The body is not JSON.", "Send application/json."),
    Problem(429, "throttled", "Too many requests.", "Wait for Retry-After."),
    Problem(500, "internal_error", "An unforeseen error.", "Report the request id."),
    Problem(503, "breaker_open", "The provider failed too often.", "Wait for Retry-After."),
    Problem(503, "provider_error", "The provider failed.", "Try again later."),
    Problem(503, "database_unavailable", "The database is busy or away.", "Try again."),
)


@require_safe
def problem_page(request: HttpRequest) -> HttpResponse:
    return render(request, "docs/problems.html", {"problems": PROBLEMS})
