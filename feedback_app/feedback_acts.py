"""What editors do with feedback: the doors that dismiss, put back, redact and make examples."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from feedback_app.feedback_pages import UNDO, feedback_or_404, item_context
from feedback_app.inbox import feedback_chosen
from feedback_app.models import Feedback
from feedback_app.services.dismissal import feedback_dismiss, feedback_restore
from feedback_app.services.example_rows import label_of
from feedback_app.services.promotion import feedback_promote
from feedback_app.services.redaction import feedback_redact
from projects_app.exceptions import Conflict, InvalidInput
from projects_app.lists import SIZE
from projects_app.models import Role
from projects_app.pages import Visit, project_page
from tasks_app.written import PREFIX, outputs_written


@require_POST
@project_page
def feedback_act_page(visit: Visit) -> HttpResponse:
    """Do one thing to the rows that are ticked, at most a page of them."""
    _require_editor(visit)
    post = visit.request.POST
    rows = feedback_chosen(visit.project, post.getlist("row")[:SIZE])
    act = ACTS.get(post.get("act", ""))
    if not rows or act is None:
        messages.error(visit.request, _("Nothing was done: tick at least one row first."))
    else:
        act(visit, rows)
    return _back(visit, rows)


@require_POST
@project_page
def feedback_promote_page(visit: Visit, feedback_id: str) -> HttpResponse:
    """Make an example with the answer that was written beside the feedback."""
    _require_editor(visit)
    row, post = feedback_or_404(visit, feedback_id), visit.request.POST
    try:
        feedback_promote(
            actor=visit.actor,
            row=row,
            outputs=outputs_written(row.task, post),
            is_red_team="is_red_team" in post,
        )
    except InvalidInput as error:
        context = item_context(visit, row, errors=error.errors or {"": str(error)})
        answers = ((name, post.get(f"{PREFIX}{name}", "")) for name, _text in context["answers"])
        context["answers"] = list(answers)
        return render(visit.request, "feedback_app/feedback_item.html", context, status=400)
    except Conflict as error:
        messages.error(visit.request, str(error))
    else:
        messages.success(visit.request, _("It is an example now; the next job uses it."))
    return redirect("feedback:item", project=visit.project.slug, feedback_id=feedback_id)


def _dismiss(visit: Visit, rows: list[Feedback]) -> None:
    count = feedback_dismiss(actor=visit.actor, rows=rows)
    visit.request.session[UNDO] = [str(row.public_id) for row in rows] if count else []
    said = ngettext("%(n)s dismissed: no job uses it.", "%(n)s dismissed: no job uses them.", count)
    _say(visit.request, count, said, _("Nothing was dismissed: somebody did it before."))


def _restore(visit: Visit, rows: list[Feedback]) -> None:
    count = feedback_restore(actor=visit.actor, rows=rows)
    said = ngettext("%(n)s put back.", "%(n)s put back.", count)
    _say(visit.request, count, said, _("Nothing was put back: none of it was dismissed."))


def _redact(visit: Visit, rows: list[Feedback]) -> None:
    post = visit.request.POST
    if "sure" not in post:
        text = _("Nothing was redacted: confirm that the text cannot be brought back.")
        messages.error(visit.request, text)
        return
    try:
        redacted = feedback_redact(actor=visit.actor, rows=rows, reason=post.get("reason", ""))
    except InvalidInput as error:
        messages.error(visit.request, f"{_('Nothing was redacted')}: {error}.")
        return
    said = ngettext(
        "%(n)s redacted: its text is gone.", "%(n)s redacted: their texts are gone.", redacted.rows
    )
    _say(visit.request, redacted.rows, said, _("Nothing was redacted: it was before."))
    for sentence in redacted.remains:
        messages.warning(visit.request, sentence)


def _promote(visit: Visit, rows: list[Feedback]) -> None:
    """Those that say their right answer themselves; for the others a person has to write it."""
    made, refused = 0, ""
    for row in rows:
        try:
            label = label_of(row.task, row) or {}
            feedback_promote(actor=visit.actor, row=row, outputs=label)
            made += 1
        except (Conflict, InvalidInput) as error:
            refused = refused or str(error)
    said = ngettext("%(n)s is an example now.", "%(n)s are examples now.", made)
    _say(visit.request, made, said, _("None became an example."))
    if refused:
        left = _("%(n)s left as it was: %(why)s.") % {"n": len(rows) - made, "why": refused}
        messages.warning(visit.request, left)


ACTS = {"dismiss": _dismiss, "restore": _restore, "redact": _redact, "promote": _promote}


def _say(request: HttpRequest, count: int, done: str, nothing: str) -> None:
    if count:
        messages.success(request, done % {"n": count})
    else:
        messages.warning(request, nothing)


def _back(visit: Visit, rows: list[Feedback]) -> HttpResponse:
    """To the list as it was, or to the one feedback from whose page this came."""
    post, project = visit.request.POST, visit.project.slug
    if "is_item" in post and rows:
        return redirect("feedback:item", project=project, feedback_id=rows[0].public_id)
    query = QueryDict(post.get("query", "")).urlencode()
    return redirect(f"{reverse('feedback:list', kwargs={'project': project})}?{query}")


def _require_editor(visit: Visit) -> None:
    if not visit.allows(Role.EDITOR):
        raise PermissionDenied
