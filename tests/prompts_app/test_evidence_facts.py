from prompts_app.review_page import evidence_facts, score_of

MEANS = {"before": {"mean": 0.5, "n": 60}, "after": {"mean": 0.62, "n": 60}}
CORRECTED = {
    "gain": 0.081,
    "low": 0.005,
    "high": 0.152,
    "level": 0.94,
    "n": 60,
    "candidates": 9,
    "look": 1,
    "alpha": 0.0304,
}
HOLDOUT = {
    **MEANS,
    "gain": 0.12,
    "low": -0.02,
    "high": 0.25,
    "p": 0.004,
    "alpha": 0.0019,
    "n": 60,
    "fixed": 9,
    "broken": 2,
    "look": 4,
}


def facts_of(**evidence):
    return dict(evidence_facts(evidence))


def test_a_later_look_says_what_it_needs_and_what_starts_anew():
    found = facts_of(holdout=HOLDOUT)["Times these rows decided"]
    assert found == "look 4: needs p < 0.0019; 30 fresh examples start anew"
    first = facts_of(holdout={**HOLDOUT, "look": 1, "alpha": 0.0304})["Times these rows decided"]
    assert first == "look 1: needs p < 0.0304"


def test_the_gain_on_dev_is_shown_corrected_for_choosing():
    evidence = {"dev": {**MEANS, "corrected": CORRECTED}}
    shown = facts_of(**evidence)["The same, corrected for choosing"]
    assert shown == "+8.1 points, 94% interval +0.5 to +15.2; 60 rows, best of 9"
    score = score_of(evidence)
    assert score is not None
    assert (score.gain, score.interval) == ("+8.1 points", "94% interval +0.5 to +15.2")


def test_a_later_look_at_dev_is_told_too():
    corrected = {**CORRECTED, "look": 2, "alpha": 0.0076}
    found = facts_of(dev={**MEANS, "corrected": corrected})["Times these dev rows decided"]
    assert found == "look 2: needs p < 0.0076; 30 fresh examples start anew"


def test_reported_cases_are_apart_and_more_rows_are_a_range():
    found = facts_of(
        reported={"n": 60, "fixed": 31, "broken": 4, "p": 0.00001}, rows_needed=[1040, 1600]
    )
    assert found["On reported cases, which decide nothing"] == (
        "31 fixed, 4 broken of 60; p below 0.0001"
    )
    assert found["More held-out rows needed, about"] == "1,040 to 1,600"


def test_evidence_from_before_the_correction_reads_as_it_did():
    found = facts_of(dev=MEANS, reported={"n": 3, "fixed": 2, "broken": 1})
    assert found == {
        "On dev, which the search saw": "50.0% to 62.0%",
        "On reported cases, which decide nothing": "2 fixed, 1 broken of 3",
    }
