import sys
from types import ModuleType

import pytest

from kaizen_engine.evaluate import spec as catalogue
from kaizen_engine.evaluate.evaluator import Case, InvalidEvaluator, Mark, Needs, Tier
from kaizen_engine.evaluate.spec import (
    KINDS,
    describe_kinds,
    evaluator_from_spec,
    evaluator_hash,
    models_of,
    short_name,
)


@pytest.fixture
def kinds(monkeypatch):
    """Add evaluators from one module each, as a file in the folder would."""

    def add(name, score, tier=Tier.DETERMINISTIC, needs=Needs.NOTHING):
        module = ModuleType(f"made_up_{name}")
        vars(module).update(TIER=tier, NEEDS=needs, build=lambda options, door: score)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setattr(catalogue, "KINDS", {**catalogue.KINDS, name: module.__name__})

    return add


def case(expected="a", output="a"):
    return Case("1", {}, {"label": expected}, {"label": output})


def composite(*parts):
    return {"kind": "composite", "parts": list(parts)}


def refusal(spec):
    with pytest.raises(InvalidEvaluator) as refused:
        evaluator_from_spec(spec)
    return refused.value.errors


def test_a_bare_name_is_a_kind_without_settings():
    assert evaluator_from_spec("exact_match").evaluate(case()).score == 1


def test_an_evaluator_is_the_module_of_its_kind(kinds):
    kinds("half", lambda case: Mark(0.5, "half of it"))
    found = evaluator_from_spec("half").evaluate(case())
    assert (found.score, found.parts, found.reasons) == (0.5, {"half": 0.5}, {"half": "half of it"})


def test_every_kind_says_in_a_sentence_what_it_does():
    assert {one["kind"] for one in describe_kinds()} == set(KINDS)
    assert all(one["says"].endswith(".") for one in describe_kinds())


@pytest.mark.parametrize(
    ("said", "score"),
    [(float("nan"), 0), (float("inf"), 0), (7, 1), (-1, 0), (0.25, 0.25)],
)
def test_a_score_is_a_number_from_0_to_1_whatever_an_evaluator_says(kinds, said, score):
    kinds("odd", lambda case: Mark(said))
    assert evaluator_from_spec("odd").evaluate(case()).score == score


def test_reasons_can_be_stored(kinds):
    kinds("odd", lambda case: Mark(0, "nul \x00, half \ud800" + "x" * 5000))
    (reason,) = evaluator_from_spec("odd").evaluate(case()).reasons.values()
    assert reason.startswith("nul \ufffd, half ?")
    assert len(reason) == 2000


def test_a_composite_is_the_weighted_sum_and_keeps_its_parts(kinds):
    kinds("half", lambda case: Mark(0.5))
    spec = composite(
        {"kind": "exact_match", "weight": 0.7, "name": "accuracy"}, {"kind": "half", "weight": 0.3}
    )
    found = evaluator_from_spec(spec).evaluate(case())
    assert found.score == pytest.approx(0.85)
    assert found.parts == {"accuracy": 1, "half": 0.5}
    assert short_name(spec) == "0.7 accuracy + 0.3 half"


def test_cheap_tiers_are_asked_first_and_a_failed_hard_check_spares_the_others(kinds):
    asked = []

    def asking(name, score):
        return lambda case: asked.append(name) or Mark(score, name)

    kinds("dear", asking("dear", 1), tier=Tier.JUDGE)
    kinds("middle", asking("middle", 1), tier=Tier.REFERENCE)
    kinds("soft", asking("soft", 1))
    kinds("check", asking("check", 0))
    spec = composite(
        {"kind": "dear", "weight": 0.5},
        {"kind": "middle", "weight": 0.3},
        {"kind": "soft", "weight": 0.2},
        {"kind": "check", "hard": True},
    )
    found = evaluator_from_spec(spec).evaluate(case())
    assert asked == ["check"]
    assert (found.score, found.parts, found.failed_hard) == (0, {"check": 0}, True)
    assert found.reasons == {"check": "check"}
    kinds("check", asking("check", 1))
    asked.clear()
    assert evaluator_from_spec(spec).evaluate(case()).score == 1
    assert asked == ["check", "soft", "middle", "dear"]


def test_a_hard_check_may_ask_for_less_than_all(kinds):
    kinds("most", lambda case: Mark(0.8))
    parts = {"kind": "exact_match", "weight": 1}, {"kind": "most", "hard": True, "at_least": 0.8}
    assert evaluator_from_spec(composite(*parts)).evaluate(case()).score == 1


def test_a_composite_needs_what_its_most_demanding_part_needs(kinds):
    kinds("free", lambda case: Mark(1))
    kinds("judged", lambda case: Mark(1), needs=Needs.EXPECTED_OR_RATED)
    free, judged, exact = (
        {"kind": kind, "weight": 0.5} for kind in ("free", "judged", "exact_match")
    )
    assert evaluator_from_spec(composite(free, judged)).needs is Needs.EXPECTED_OR_RATED
    assert evaluator_from_spec(composite(exact, judged)).needs is Needs.EXPECTED
    assert evaluator_from_spec("free").needs is Needs.NOTHING


EXACT = {"kind": "exact_match", "weight": 1}


@pytest.mark.parametrize(
    ("spec", "places"),
    [
        (3, {""}),
        ({"parts": []}, {"kind"}),
        ("vibes", {"kind"}),
        ({"kind": "exact_match", "field": "a"}, {"field"}),
        (composite(), {"parts"}),
        ({"kind": "composite"}, {"parts"}),
        (composite("exact_match"), {"parts"}),
        (composite(EXACT, EXACT), {"parts[0].name", "parts[1].name"}),
        (composite({**EXACT, "weight": 0.6}), {"parts"}),
        (composite({**EXACT, "weight": True}), {"parts[0].weight"}),
        (composite({**EXACT, "weight": -1}), {"parts[0].weight"}),
        (composite({**EXACT, "weight": 0}), {"parts[0].weight"}),
        (composite({"kind": "exact_match"}), {"parts[0].weight"}),
        (composite({**EXACT, "at_least": 0.5}), {"parts[0].at_least"}),
        (composite({**EXACT, "hard": "yes"}), {"parts[0].hard"}),
        (composite({**EXACT, "kind": "composite"}), {"parts[0].kind"}),
        (composite({"kind": "vibes", "weight": 2}), {"parts[0].kind", "parts[0].weight"}),
        ({"kind": "composite", "parts": [EXACT], "mood": 1}, {"mood"}),
        ({"kind": "exact_match", "x": float("nan")}, {""}),
        ({"kind": "exact_match", "x": "x" * 60_000}, {""}),
        ({"kind": ["exact_match"]}, {"kind"}),
    ],
)
def test_everything_that_is_wrong_is_said_by_its_place(spec, places):
    assert set(refusal(spec)) == places


def test_the_hash_changes_with_every_setting_and_with_nothing_else():
    one = composite({**EXACT, "weight": 0.7}, {"kind": "exact_match", "weight": 0.3, "name": "b"})
    same = {"parts": [dict(reversed(part.items())) for part in one["parts"]], "kind": "composite"}
    assert evaluator_hash(one) == evaluator_hash(same)
    assert evaluator_hash("exact_match") == evaluator_hash({"kind": "exact_match"})
    other = composite({**EXACT, "weight": 0.6}, {"kind": "exact_match", "weight": 0.4, "name": "b"})
    assert len({evaluator_hash(spec) for spec in (one, other, "exact_match")}) == 3


def test_every_model_is_found_once():
    spec = composite({"kind": "a", "model": "c/m", "second": {"model": "c/n"}}, {"model": "c/m"})
    assert models_of(spec) == ("c/m", "c/n")
    assert models_of("exact_match") == ()
