"""The worker's part of the playground: asked once, in the ledger, one variant's trouble its own."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db.models import Sum
from django.utils import timezone

from kaizen_engine.errors import JobAbort, PriceUnknown, ProviderRejected
from kaizen_engine.states import StopReason
from llm_app.models import CallRecord, LedgerEntry, ModelPrice
from llm_app.trouble import trouble_of
from optimization_app.models import PlaygroundAnswer, PlaygroundRun
from optimization_app.services.playground_run import playground_run
from optimization_app.services.playground_sweep import Swept, playground_sweep
from tests.factories.feedback import ExampleFactory
from tests.factories.llm import ConnectionFactory, ModelPriceFactory
from tests.factories.playground import PlaygroundRunFactory, variant_of
from tests.factories.prompts import PromptVersionFactory
from tests.factories.tasks import TaskFactory


@pytest.fixture
def version(live_database):
    version = PromptVersionFactory(task=TaskFactory(slug="triage"))
    ModelPriceFactory(connection=version.task.student_connection)
    return version


def two_ways(version):
    other = PromptVersionFactory(task=version.task, system="Answer with one word.")
    return [variant_of(version), variant_of(other)]


def test_every_variant_is_asked_about_every_row_and_charged_to_the_playground(version):
    example = ExampleFactory(task=version.task, split="")
    rows = [
        {"inputs": example.inputs, "expected": example.outputs, "example": example.pk},
        {"inputs": {"text": "hello"}, "expected": {}, "example": None},
    ]
    run = PlaygroundRunFactory(version=version, variants=two_ways(version), rows=rows)
    assert playground_run(run.pk) == "finished"
    answers = {(one.variant, one.row): one for one in run.answers.all()}
    assert set(answers) == {(0, 0), (0, 1), (1, 0), (1, 1)}
    assert all(one.text and one.latency_ms is not None for one in answers.values())
    assert answers[0, 0].score is not None
    assert answers[0, 1].score is None
    spent = LedgerEntry.objects.filter(subject=run.public_id)
    assert set(spent.values_list("purpose", "role")) == {("playground", "playground")}
    cost = run.answers.aggregate(usd=Sum("cost_usd"))["usd"]
    assert cost == spent.aggregate(usd=Sum("cost_usd"))["usd"] > 0
    assert CallRecord.objects.filter(subject=run.public_id).count() == 4


def test_a_run_is_worked_on_once_and_a_lost_one_goes_on_without_paying_again(version):
    run = PlaygroundRunFactory(version=version, variants=two_ways(version))
    assert playground_run(run.pk) == "finished"
    assert playground_run(run.pk) == "not to be claimed"
    paid = LedgerEntry.objects.count()
    PlaygroundAnswer.objects.filter(run=run, variant=1).delete()
    lost = timezone.now() - timedelta(seconds=1)
    PlaygroundRun.objects.filter(pk=run.pk).update(state="running", claimed_until=lost)
    assert playground_run(run.pk) == "finished"
    assert run.answers.count() == 2
    assert LedgerEntry.objects.count() == paid


def test_the_trouble_of_one_variant_leaves_the_other(version):
    private = ConnectionFactory(project=version.task.project, slug="private", openai=True)
    ModelPriceFactory(connection=private, model="large")
    variants = [variant_of(version), variant_of(version, model="private/large")]
    run = PlaygroundRunFactory(version=version, variants=variants)
    assert playground_run(run.pk) == "finished"
    good, bad = run.answers.order_by("variant")
    assert good.text
    assert "address is refused" in bad.problem
    assert bad.text == ""


def test_the_cap_of_a_variant_is_never_passed(version):
    ModelPrice.objects.update(output_usd_per_mtok=Decimal(1000))
    variants = [variant_of(version, most_usd="0.000001")] * 2
    run = PlaygroundRunFactory(version=version, variants=variants)
    playground_run(run.pk)
    assert {one.problem for one in run.answers.all()} == {
        "The cap of this run was reached before demo was asked."
    }
    assert not LedgerEntry.objects.exists()


def test_a_price_that_went_away_is_said_in_words(version):
    run = PlaygroundRunFactory(version=version)
    ModelPrice.objects.all().delete()
    assert playground_run(run.pk) == "finished"
    assert "No price is known" in run.answers.first().problem


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "refused the key"),
        (404, "does not know large"),
        (429, "no more calls"),
        (None, "could not be reached"),
    ],
)
def test_a_providers_refusal_becomes_a_sentence_and_its_own_words_stay(status, words):
    heard = ProviderRejected("Incorrect API key: sk-abcdefghijklmnop", status=status)
    found = trouble_of(JobAbort(StopReason.ERROR, "cut"), "mine/large", heard)
    assert words in found.words
    assert "The provider of mine" in found.words
    assert "Incorrect API key" in found.raw
    assert "abcdefghijklmnop" not in found.raw


def test_what_kaizen_itself_refuses_is_said_as_it_is():
    found = trouble_of(PriceUnknown("no price is known"), "mine/large", None)
    assert (found.words, found.raw) == ("No price is known.", "")


@pytest.mark.django_db
def test_a_forgotten_run_is_sent_for_again_and_an_old_one_ends():
    now = timezone.now()
    new, forgotten, lost, held, old = PlaygroundRunFactory.create_batch(5)
    for run, minutes, facts in (
        (forgotten, 2, {}),
        (lost, 2, {"state": "running", "claimed_until": now - timedelta(seconds=1)}),
        (held, 20, {"state": "running", "claimed_until": now + timedelta(seconds=60)}),
        (old, 20, {}),
    ):
        at = now - timedelta(minutes=minutes)
        PlaygroundRun.objects.filter(pk=run.pk).update(created_at=at, **facts)
    assert playground_sweep(now=now) == Swept(woken=2, ended=1)
    states = dict(PlaygroundRun.objects.values_list("pk", "state"))
    assert (states[new.pk], states[held.pk], states[old.pk]) == ("queued", "running", "failed")
