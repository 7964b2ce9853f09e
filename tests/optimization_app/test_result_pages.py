"""The rows that a comparison fixed and broke, as the compare page shows them."""

import pytest
from django.urls import reverse

from kaizen_engine.states import Verdict
from tests.factories.feedback import ExampleFactory
from tests.factories.insights import InsightFactory, InsightSightingFactory
from tests.factories.optimization import EvaluationRowFactory, JobFactory
from tests.factories.prompts import PromptVersionFactory

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


@pytest.fixture
def job(live_version):
    return JobFactory(seed_version=live_version, succeeded=True)


@pytest.fixture
def draft(job, live_version):
    """A draft whose evidence names the job, and rows that it fixed, broke and left."""
    evidence = {
        "parent": str(live_version.public_id),
        "job": str(job.public_id),
        "fixed": ["a"],
        "broken": ["b", "c"],
    }
    made = PromptVersionFactory(
        task=live_version.task,
        parents=[live_version],
        evidence=evidence,
        verdict=Verdict.LIKELY.value,
    )
    for name, before, after in (
        ("fixed row", 0.0, 1.0),
        ("badly broken row", 1.0, 0.0),
        ("a bit broken row", 1.0, 0.5),
        ("row as before", 1.0, 1.0),
    ):
        scored(job, name, before, after)
    return made


def scored(job, text, before, after, *, part="dev", split="dev"):
    row = ExampleFactory(task=job.task, inputs={"text": text}, split=split)
    why = {"judge": f"<i>why</i> {text}"}
    votes = {"judge": [{"said": "after"}, {"said": "after"}, {"said": "tie"}]}
    EvaluationRowFactory(job=job, example=row, label=f"baseline_{part}", score=before)
    EvaluationRowFactory(
        job=job, example=row, label=f"winner_{part}", score=after, reasons=why, votes=votes
    )


def address(version, before=1):
    task = version.task
    return reverse("jobs:results", args=(task.project.slug, task.slug, before, version.number))


def order(page, *texts):
    places = [page.index(text) for text in texts]
    return places == sorted(places)


def test_rows_stand_worst_first_with_the_judges_reasons(client, viewer, draft):
    client.force_login(viewer)
    page = client.get(address(draft)).content.decode()
    assert order(page, "badly broken", "a bit broken", "row as before", "fixed row")
    assert "1 fixed, 2 broken on dev" in page
    assert "judge: 2 × after, 1 × tie" in page
    assert "&lt;i&gt;why&lt;/i&gt; fixed row" in page
    assert "1.00 → 0.00" in page


def test_hold_out_and_red_team_rows_are_shown_to_nobody(client, admin_member, draft, job):
    scored(job, "a secret row", 1.0, 0.0, part="test", split="test")
    scored(job, "an attack", 1.0, 0.0, part="red_team", split="red_team")
    scored(job, "mislabelled secret", 1.0, 0.0, split="test")
    client.force_login(admin_member)
    for kind in ("", "?kind=broken"):
        page = client.get(address(draft) + kind).content.decode()
        assert "hold-out rows are shown to nobody" in page
        for text in ("a secret row", "an attack", "mislabelled secret"):
            assert text not in page


@pytest.mark.parametrize(
    ("kind", "shown", "hidden"),
    [
        ("fixed", "fixed row", "badly broken row"),
        ("broken", "badly broken row", "fixed row"),
        ("same", "row as before", "fixed row"),
        ("nonsense", "fixed row", "<nothing>"),
    ],
)
def test_rows_are_filtered_in_the_address(client, viewer, draft, kind, shown, hidden):
    client.force_login(viewer)
    page = client.get(address(draft), {"kind": kind}).content.decode()
    assert shown in page
    assert hidden not in page


def test_htmx_gets_the_part_and_everybody_else_a_page(client, viewer, draft):
    client.force_login(viewer)
    whole = client.get(address(draft)).content.decode()
    part = client.get(address(draft), headers=HTMX).content.decode()
    assert whole.count("<h1") == 1
    assert "<h1" not in part
    assert "badly broken" in part


def test_a_page_has_25_rows_and_the_queries_do_not_grow(
    client, viewer, draft, job, django_assert_max_num_queries
):
    for number in range(30):
        scored(job, f"row {number} of many", 1.0, 0.0)
    client.force_login(viewer)
    with django_assert_max_num_queries(20):
        page = client.get(address(draft)).content.decode()
    assert page.count("<article") == 25
    assert "More rows" in page
    assert "Worse rows" in client.get(address(draft), {"page": 2}).content.decode()


def test_what_the_job_learned_stands_below(client, viewer, draft, job):
    insight = InsightFactory(task=job.task, name="Parcels", diagnosis="Taken for bills.")
    InsightSightingFactory(insight=insight, job=job.public_id)
    InsightFactory(task=job.task, name="Another job's topic")
    client.force_login(viewer)
    page = client.get(address(draft)).content.decode()
    assert "Parcels" in page
    assert "Taken for bills." in page
    assert "Another job's topic" not in page


def test_versions_that_no_job_compared_say_so(client, viewer, draft, live_version):
    other = PromptVersionFactory(task=draft.task, parents=[live_version])
    client.force_login(viewer)
    assert "No job has scored versions 1 and 3" in client.get(address(other)).content.decode()
    assert "No job has scored" in client.get(address(draft, other.number)).content.decode()


def test_other_tenants_see_no_rows(client, outsider, draft):
    client.force_login(outsider)
    assert client.get(address(draft)).status_code == 404
