"""The pages of prompts and versions: who sees them, what they say, how many queries they take."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from kaizen_engine.states import GateBasis, ReviewState, Verdict
from projects_app.models import AuditEntry
from prompts_app.models import PromptVersion, Tag
from prompts_app.services.tags import version_promote
from tests.factories.projects import ApiKeyFactory
from tests.factories.prompts import (
    ClientSightingFactory,
    GateResultFactory,
    PromptVersionFactory,
    TagFactory,
)
from tests.factories.tasks import TaskFactory

pytestmark = pytest.mark.django_db

HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(2)>\u202e'


def url(name, task, *args):
    return reverse(f"prompts:{name}", args=[task.project.slug, task.slug, *args])


def pages_of(version):
    task = version.task
    names = ("prompt", "versions", "versions-csv", "lineage", "use")
    return [url(name, task) for name in names] + [
        url(name, task, version.number) for name in ("version", "file")
    ]


def scored(parent, before, after, verdict=Verdict.CONFIRMED, **fields):
    """A version measured against its parent."""
    means = {"before": {"mean": before, "n": 40}, "after": {"mean": after, "n": 40}}
    evidence = {"parent": str(parent.public_id), "dev": means}
    return PromptVersionFactory(
        task=parent.task, parents=[parent], verdict=verdict.value, evidence=evidence, **fields
    )


def seen(version, *, ago=0, **key):
    at = timezone.now() - timedelta(seconds=ago)
    api_key = ApiKeyFactory(project=version.task.project, **key)
    return ClientSightingFactory(version=version, seen_at=at, api_key=api_key)


def text(answer):
    return answer.content.decode()


def listed(client, project, **query):
    return text(client.get(reverse("prompts:list", args=[project.slug]), query))


def test_a_member_sees_every_page_and_an_outsider_none(client, viewer, outsider, live):
    addresses = [reverse("prompts:list", args=["support"]), *pages_of(live)]
    client.force_login(viewer)
    assert {client.get(address).status_code for address in addresses} == {200}
    client.force_login(outsider)
    assert {client.get(address).status_code for address in addresses} == {404}


def test_what_is_not_there_is_not_found(client, viewer, live):
    client.force_login(viewer)
    assert client.get(url("version", live.task, 99)).status_code == 404
    assert (
        client.get(
            url("prompt", TaskFactory.build(slug="no", project=live.task.project))
        ).status_code
        == 404
    )


def test_the_list_says_what_is_live_how_good_it_is_and_what_waits(client, viewer, live, project):
    better = scored(live, 0.5, 0.625)
    scored(better, 0.6, 0.7)
    Tag.objects.update(version=better)
    seen(better, ago=200)
    client.force_login(viewer)
    page = listed(client, project)
    for said in ("v2</a>", "62.5%", "+12.5", "Draft v3", "0 of 50", "3\u00a0minutes ago", "1 key"):
        assert said in page, said
    assert "kz-spark" not in page
    assert url("compare", live.task, 2, 3) in page


def test_the_trend_is_of_what_went_live_one_after_another(client, viewer, live, project):
    better = scored(live, 0.5, 0.625)
    scored(better, 0.6, 0.1)
    GateResultFactory(version=better, promotion=True)
    client.force_login(viewer)
    assert "Went live 2 times, from 50.0% to 62.5%" in listed(client, project)


def test_what_was_never_measured_borrows_the_score_of_a_later_comparison(
    client, viewer, live, project
):
    client.force_login(viewer)
    assert "not measured" in listed(client, project)
    scored(live, 0.5, 0.625)
    assert "50.0%" in listed(client, project)


def test_the_list_is_filtered_by_its_address_and_its_file_by_the_same(
    client, viewer, live, project
):
    scored(live, 0.5, 0.6)
    TaskFactory(project=project, slug="empty", name="=Empty()")
    client.force_login(viewer)
    found = {
        name: [
            slug
            for slug in ("triage", "empty")
            if f">{slug}<" in listed(client, project, status=name)
        ]
        for name in ("live", "setup", "waiting", "behind")
    }
    assert found == {"live": ["triage"], "setup": ["empty"], "waiting": ["triage"], "behind": []}
    assert "No prompt fits" in listed(client, project, search="nothing like it")
    answer = client.get(reverse("prompts:csv", args=[project.slug]), {"status": "setup"})
    lines = b"".join(answer.streaming_content).decode().splitlines()
    assert [line.split(",")[:2] for line in lines[1:]] == [["empty", "'=Empty()"]]


def test_an_empty_list_says_what_to_do_and_only_an_editor_gets_the_buttons(
    client, viewer, editor, project
):
    client.force_login(viewer)
    assert "No prompt yet" in listed(client, project)
    assert "Create a prompt" not in listed(client, project)
    client.force_login(editor)
    assert "Create a prompt" in listed(client, project)


def queries_of(client, address, django_assert_max_num_queries, most):
    with django_assert_max_num_queries(most) as asked:
        assert client.get(address).status_code == 200
    return len(asked)


def test_a_list_takes_the_same_queries_for_one_prompt_as_for_many(
    client, viewer, live, project, django_assert_max_num_queries
):
    client.force_login(viewer)
    address = reverse("prompts:list", args=[project.slug])
    seen(scored(live, 0.5, 0.6))
    few = queries_of(client, address, django_assert_max_num_queries, 16)
    for _ in range(6):
        other = TagFactory(version__task=TaskFactory(project=project)).version
        seen(scored(other, 0.5, 0.6))
    assert queries_of(client, address, django_assert_max_num_queries, 16) == few


@pytest.mark.parametrize(
    ("name", "most"), [("prompt", 24), ("versions", 18), ("lineage", 14), ("use", 10)]
)
def test_a_prompt_takes_the_same_queries_for_one_version_as_for_many(
    client, viewer, live, django_assert_max_num_queries, name, most
):
    client.force_login(viewer)
    seen(scored(live, 0.5, 0.6))
    few = queries_of(client, url(name, live.task), django_assert_max_num_queries, most)
    for _ in range(8):
        seen(scored(live, 0.5, 0.6))
    assert queries_of(client, url(name, live.task), django_assert_max_num_queries, most) == few


def test_a_version_takes_a_bounded_number_of_queries(
    client, viewer, live, django_assert_max_num_queries
):
    made = scored(live, 0.5, 0.6)
    client.force_login(viewer)
    queries_of(client, url("version", live.task, made.number), django_assert_max_num_queries, 30)


def test_the_overview_shows_the_live_text_the_trend_and_the_promotions(
    client, viewer, approver_actor, live
):
    better = scored(live, 0.5, 0.625)
    version_promote(
        actor=approver_actor,
        task=live.task,
        version=better,
        basis=GateBasis.OVERRIDE,
        reason="It is good.",
    )
    client.force_login(viewer)
    page = text(client.get(url("prompt", live.task)))
    for said in (
        "Version 2 is live",
        "62.5%",
        "Label the text, way 2.",
        "It is good.",
        "beside v2",
    ):
        assert said in page, said
    assert page.count("kz-chart-move") == 2
    assert page.count("kz-chart-point") == 2


def test_only_an_approver_gets_the_button_to_roll_back(
    client, viewer, approver, approver_actor, live
):
    better = scored(live, 0.5, 0.6)
    version_promote(
        actor=approver_actor, task=live.task, version=better, basis=GateBasis.OVERRIDE, reason="x"
    )
    address = url("prompt", live.task)
    client.force_login(viewer)
    assert "Roll back" not in text(client.get(address))
    client.force_login(approver)
    assert "Roll back to version 1" in text(client.get(address))
    back = client.post(url("rollback", live.task, 1), {"next": address, "seen": 2}, follow=True)
    assert "Version 1 is live" in text(back)


def test_a_client_with_an_older_version_is_named(client, viewer, live, project):
    seen(live, ago=300, name="The old app")
    seen(live, name="Gone app", revoked=True)
    better = scored(live, 0.5, 0.6)
    Tag.objects.update(version=better)
    seen(better, name="The new app")
    client.force_login(viewer)
    page = text(client.get(url("prompt", live.task)))
    assert "“The old app” last got version 1" in page
    assert "“The new app” last got" not in page
    assert "Gone app" not in page
    assert "1 with another version" in listed(client, project)
    assert ">triage<" in listed(client, project, status="behind")


def test_versions_are_listed_with_what_was_found_and_what_became_of_them(client, viewer, live):
    scored(live, 0.5, 0.6, change_reason="Found by a search.")
    scored(live, 0.5, 0.4, Verdict.WORSE, rejected=True)
    TagFactory(version=scored(live, 0.5, 0.55), name="staging")
    client.force_login(viewer)
    page = text(client.get(url("versions", live.task)))
    for said in (
        "Live</span>",
        "Rejected</span>",
        "staging",
        "60.0%",
        "worse",
        "Found by a search.",
    ):
        assert said in page, said
    only = text(client.get(url("versions", live.task), {"state": ReviewState.REJECTED.value}))
    assert "v3</a>" in only
    assert ">v2</a>" not in only
    by_number = text(client.get(url("versions", live.task), {"search": "2"}))
    assert ">v2</a>" in by_number
    assert ">v3</a>" not in by_number


def test_any_two_versions_are_compared_and_one_with_itself_is_not(client, viewer, live):
    scored(live, 0.5, 0.6)
    client.force_login(viewer)
    address = url("compare-any", live.task)
    answer = client.get(address, {"left": "1", "right": "2"})
    assert answer["Location"] == url("compare", live.task, 1, 2)
    for wrong in ({"left": "1", "right": "1"}, {"left": "1"}, {"left": "x", "right": "²"}):
        assert "two different versions" in text(client.get(address, wrong, follow=True))


def test_a_version_says_what_it_is_and_cannot_be_changed(client, editor, live):
    made = scored(live, 0.5, 0.6, origin_job=live.public_id, change_reason="Found by a search.")
    client.force_login(editor)
    page = text(client.get(url("version", live.task, made.number)))
    for said in ("Label the text, way 2.", "60.0%", "Checks before going live", "version 1</a>"):
        assert said in page, said
    assert url("compare", live.task, 1, 2) in page
    assert client.post(url("version", live.task, made.number)).status_code == 405


@pytest.mark.parametrize(
    ("verdict", "found"),
    [
        (Verdict.NONE, "it was not measured against what it replaced"),
        (Verdict.EQUAL, "the verdict is “equal”"),
    ],
)
def test_whether_to_replace_what_is_live_is_no_question_for_what_is_live(
    client, viewer, task, verdict, found
):
    live = PromptVersionFactory(task=task, verdict=verdict.value)
    TagFactory(task=task, version=live)
    client.force_login(viewer)
    page = text(client.get(url("version", live.task, live.number)))
    assert f"It is live, so the question does not arise again; {found}" in page
    assert "is-fail" not in page


def test_a_draft_without_evidence_fails_the_check_on_its_page(client, viewer, live):
    draft = PromptVersionFactory(task=live.task)
    client.force_login(viewer)
    page = text(client.get(url("version", draft.task, draft.number)))
    assert "It was not measured against what is live" in page


def test_the_file_of_a_version_is_its_prompt_file(client, viewer, live):
    client.force_login(viewer)
    answer = client.get(url("file", live.task, 1))
    assert answer["Content-Disposition"] == 'attachment; filename="triage-v1.prompt.yml"'
    assert "Label the text, way 1." in text(answer)


def test_hostile_text_stays_text_on_every_page(client, editor, live, project):
    bad = {**live.artifact, "system": HOSTILE + "x" * 1_000_000}
    made = PromptVersionFactory(
        task=live.task, parents=[live], artifact=bad, change_reason=HOSTILE, author_label=HOSTILE
    )
    Tag.objects.update(version=made)
    seen(live, name=HOSTILE)
    type(live.task).objects.filter(pk=live.task.pk).update(name=HOSTILE, description=HOSTILE)
    client.force_login(editor)
    for address in (reverse("prompts:list", args=[project.slug]), *pages_of(made)):
        if address.endswith(("csv", "file/")):
            continue
        page = text(client.get(address))
        assert "<script>alert" not in page
        assert "<img" not in page
        assert len(page) < 150_000


def test_moving_own_tags_is_for_editors_and_leaves_a_trace(client, editor, viewer, live):
    address = url("tag-set", live.task)
    client.force_login(viewer)
    assert client.post(address, {"name": "staging", "number": 1}).status_code == 403
    client.force_login(editor)
    answer = client.post(address, {"name": "staging", "number": 1}, follow=True)
    assert "The tag staging names version 1." in text(answer)
    assert AuditEntry.objects.filter(action="kaizen.prompt.own_tag_moved").count() == 1
    for fields, said, status in (
        ({"name": "production", "number": 1}, "moves by review", 409),
        ({"name": "a b", "number": 1}, "1 to 60 letters", 400),
        ({"name": "staging", "number": 99}, "has no version 99", 400),
        ({"name": "", "number": ""}, "required", 400),
    ):
        answer = client.post(address, fields)
        assert answer.status_code == status
        assert said in text(answer)
    gone = client.post(url("tag-remove", live.task, "staging"), {"seen": 9}, follow=True)
    assert "moved meanwhile" in text(gone)
    client.post(url("tag-remove", live.task, "staging"), {"seen": 1})
    assert Tag.objects.filter(name="staging").count() == 0
    assert client.post(url("tag-remove", live.task, "production"), {"seen": 1}).status_code == 302
    assert Tag.objects.get().name == "production"


def test_a_rejected_version_gets_no_tag(client, editor, live):
    PromptVersionFactory(task=live.task, rejected=True)
    client.force_login(editor)
    answer = client.post(url("tag-set", live.task), {"name": "staging", "number": 2})
    assert "was rejected" in text(answer)
    assert PromptVersion.objects.filter(tags__name="staging").count() == 0
