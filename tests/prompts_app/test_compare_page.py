"""The page on which one version is compared with what it would replace."""

import re

import pytest
from django.urls import reverse

from kaizen_engine.states import Verdict
from prompts_app.services.change_notes import change_note_write
from prompts_app.services.review import version_approve
from tests.factories.prompts import GateResultFactory, PromptVersionFactory, artifact_for

pytestmark = pytest.mark.django_db

HOLDOUT = {
    "before": {"mean": 0.5, "n": 48},
    "after": {"mean": 0.8, "n": 48},
    "gain": 0.3,
    "low": 0.2,
    "high": 0.4,
    "level": 0.94,
    "p": 0.00002,
    "alpha": 0.03,
    "n": 48,
    "fixed": 16,
    "broken": 0,
    "look": 1,
    "rows_needed": None,
}
CALL = {"rows": 48, "cost_usd": [0.001, 0.0012], "latency_ms": [800.0, 600.0]}


def measured(parent, system="Name the label.", **changes):
    """Make a draft with the whole of a job's evidence against `parent`."""
    evidence = {
        "artifact_hash": artifact_for(parent.task, system).hash,
        "parent": str(parent.public_id),
        "student": parent.task.student,
        "dev": {"before": {"mean": 0.5, "n": 60}, "after": {"mean": 0.78, "n": 60}},
        "holdout": HOLDOUT,
        "fixed": [],
        "broken": [],
        "guards": {"call": CALL, "segments": [], "protected": {"examples": [], "broken": []}},
        "calls": 1421,
        "cost_usd": "0.117",
        **changes,
    }
    return PromptVersionFactory(
        task=parent.task,
        parents=[parent],
        system=system,
        verdict=Verdict.CONFIRMED.value,
        evidence=evidence,
    )


@pytest.fixture
def draft(live):
    return measured(live)


def address(before, after, name="compare"):
    task = after.task
    place = (task.project.slug, task.slug, before.number, after.number)
    return reverse(f"prompts:{name}", args=place)


def words(answer):
    """Return the page's text as a reader gets it."""
    text = re.sub(r"<[^>]*>", " ", answer.content.decode())
    return " ".join(text.split())


def test_the_page_says_better_how_sure_and_at_what_price(client, viewer, live, draft):
    client.force_login(viewer)
    page = words(client.get(address(live, draft)))
    assert "Should version 2 replace version 1?" in page
    for figure in (
        "50.0% → 80.0%",
        "+30.0 points",
        "94% interval +20.0 to +40.0",
        "below 0.0001",
        "48 rows; needed: below 0.03",
        "+20.0% $0.001 → $0.0012",
        "-25.0% 800 ms → 600 ms",
        "Confirmed: better on held-out rows",
    ):
        assert figure in page
    assert "An approver of this project decides" in page


def test_the_numbers_are_those_of_the_api(client, api_client, approver, live, draft):
    task = draft.task
    said = api_client.get(f"/api/v1/prompts/{task.public_id}/versions/{draft.public_id}").json()
    client.force_login(approver)
    answer = client.get(address(live, draft))
    page, found = words(answer), said["evidence"]["holdout"]
    assert said["evidence"] == draft.evidence
    assert f"{found['before']['mean']:.1%} → {found['after']['mean']:.1%}" in page
    assert f"{100 * found['gain']:+.1f} points" in page
    low, high = said["evidence"]["guards"]["call"]["cost_usd"]
    assert f"{high / low - 1:+.1%}" in page
    shown = {check.name: check.outcome.value for check in answer.context["page"].checks}
    assert shown == {gate["name"]: gate["outcome"] for gate in said["gates"]}


def test_a_regression_is_shown_and_its_absence_is_said(client, viewer, live):
    client.force_login(viewer)
    clean = words(client.get(address(live, measured(live))))
    assert "No regression: no row got worse among 48 held-out rows, 60 dev rows" in clean
    hurt = measured(
        live,
        system="Another way.",
        broken=["a", "b"],
        holdout={**HOLDOUT, "broken": 3},
        guards={
            "segments": [{"kind": "language", "value": "de", "is_worse": True}],
            "protected": {"examples": [1, 2], "broken": [2]},
        },
    )
    page = words(client.get(address(live, hurt)))
    assert "Some rows got worse" in page
    for line in (
        "3 of 48 held-out rows got worse",
        "2 of 60 dev rows got worse",
        "1 of 2 protected examples got worse",
        "nputs of the kind language de got worse",
    ):
        assert line in page


def test_what_was_never_measured_says_so_and_offers_to_measure(client, editor, live):
    draft = PromptVersionFactory(task=live.task, parents=[live])
    client.force_login(editor)
    answer = client.get(address(live, draft))
    page = words(answer)
    assert "not measured" in page
    assert "No regression" not in page
    place = (draft.task.project.slug, draft.task.slug, draft.number)
    assert reverse("jobs:evaluate", args=place) in answer.content.decode()


def test_changed_words_stand_side_by_side(client, viewer, live, draft):
    client.force_login(viewer)
    page = client.get(address(live, draft)).content.decode()
    assert '<del><span class="kz-hidden-word">removed: </span>Label</del>' in page
    assert '<ins><span class="kz-hidden-word">added: </span>Name</ins>' in page


def test_the_changelog_names_its_writer(client, viewer, live, draft):
    change_note_write(version=draft, text="Names <b>fees</b>.", writer="demo/analyst")
    client.force_login(viewer)
    page = client.get(address(live, draft)).content.decode()
    assert "written by demo/analyst" in page
    assert "Names &lt;b&gt;fees&lt;/b&gt;." in page


def test_figures_about_another_pair_say_so(client, viewer, admin_actor, live, draft):
    version_approve(actor=admin_actor, version=draft)
    late = measured(live, system="A late one.")
    client.force_login(viewer)
    page = words(client.get(address(draft, late)))
    assert "compare with version 1, not with version 2" in page
    old = words(client.get(address(live, late)))
    assert "Version 2 is live now, not version 1" in old


def test_other_tenants_and_unknown_versions_are_not_there(client, outsider, viewer, live, draft):
    client.force_login(outsider)
    assert client.get(address(live, draft)).status_code == 404
    client.force_login(viewer)
    assert client.get(address(live, live)).status_code == 404
    away = address(live, draft).replace("/compare/1/2/", f"/compare/1/{10**30}/")
    assert client.get(away).status_code == 404
    assert client.get(away.replace("/prompts/triage/", "/prompts/other/")).status_code == 404


def test_a_stranger_is_asked_to_sign_in(client, live, draft):
    answer = client.get(address(live, draft))
    assert answer.status_code == 302
    assert "login" in answer.url


HOSTILE = "</p><script>alert(1)</script>**bold** \u202eevil\u202c =1+1"


def test_hostile_text_is_inert_and_long_lines_are_cut(client, approver, live):
    demo = {"inputs": {"text": HOSTILE}, "outputs": {"label": "x" * 1_000_000}}
    base = PromptVersionFactory.build(task=live.task, number=9).artifact
    draft = PromptVersionFactory(
        task=live.task,
        parents=[live],
        artifact={**base, "system": f"{HOSTILE} {'y' * 1_000_000}", "demos": [demo]},
        change_reason=HOSTILE,
        author_label=HOSTILE,
    )
    change_note_write(version=draft, text=HOSTILE, writer=HOSTILE)
    GateResultFactory(version=draft, name=HOSTILE, failed=True, reason=HOSTILE)
    client.force_login(approver)
    answer = client.get(address(live, draft))
    page = answer.content.decode()
    assert "<script>alert" not in page
    assert len(page) < 400_000
    text = client.get(reverse("prompts:text", args=("support", "triage", draft.number)))
    assert text["Content-Type"].startswith("text/plain")
    assert len(text.content) > 1_000_000


def test_the_page_asks_the_database_a_bounded_number_of_times(
    client, approver, live, draft, django_assert_max_num_queries
):
    client.force_login(approver)
    for number in range(12):
        GateResultFactory(version=draft, name=f"gate{number}")
        draft = measured(draft, system=f"Way {number}.")
    with django_assert_max_num_queries(40):
        client.get(address(live, draft))
