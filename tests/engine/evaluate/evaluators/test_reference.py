"""Evaluators that compare with an expected text: figures of the reference implementations.

BLEU and chrF by sacreBLEU (Post 2018), ROUGE by rouge-score with the example of its README.
"""

import sys

import pytest

from kaizen_engine.evaluate.evaluator import Case
from kaizen_engine.evaluate.spec import evaluator_from_spec

CAT = "the cat is on the mat", "the cat sat on the mat"
FOX = "The quick brown dog jumps on the log.", "The quick brown fox jumps over the lazy dog"
REFERENCE = ("bleu", "chrf", "rouge", "levenshtein", "cosine")


def score(spec, answer, expected):
    case = Case("1", {}, {"text": expected}, {"text": answer})
    return evaluator_from_spec(spec).evaluate(case).score


def test_bleu_is_the_figure_of_papineni_2002_with_sacrebleus_smoothing():
    """Precisions 5/6, 3/5, 1/4 and 0/3; the last is smoothed to 1/(2 * 3)."""
    by_hand = (5 / 6 * 3 / 5 * 1 / 4 * 1 / 6) ** (1 / 4)
    assert score("bleu", *CAT) == pytest.approx(by_hand)


@pytest.mark.parametrize("tokenize", ["13a", "intl", "char", "none"])
def test_bleu_equals_sacrebleus_own_sentence_bleu(tokenize):
    from sacrebleu import sentence_bleu

    answer, expected = "It's 1,000 guides - to action!", "It is a guide to action, isn't it?"
    theirs = sentence_bleu(answer, [expected], tokenize=tokenize).score / 100
    assert score({"kind": "bleu", "tokenize": tokenize}, answer, expected) == theirs


def test_short_answers_have_the_effective_order_of_sacrebleu():
    """Two words that are right are 1, as sacreBLEU's use_effective_order has it."""
    assert score("bleu", "a test", "a test") == pytest.approx(1)


@pytest.mark.parametrize(
    ("answer", "expected", "figure"),
    [
        (
            "Die Beziehung zwischen Obama und Netanjahu ist nicht gerade freundlich.",
            "Das Verhältnis zwischen Obama und Netanyahu ist nicht gerade freundschaftlich.",
            64.1302698,
        ),
        (
            "risk assessment must be made of those who are qualified and expertise in the "
            "sector - these are the scientists .",
            "risk assessment has to be undertaken by those who are qualified and expert in "
            "that area - that is the scientists .",
            63.361730,
        ),
    ],
)
def test_chrf_is_the_figure_that_sacrebleus_test_suite_publishes(answer, expected, figure):
    """Those are of beta 3; sacreBLEU's and our default is 2 (Popović 2015)."""
    from sacrebleu.metrics import CHRF

    reference = CHRF(beta=3, eps_smoothing=True).sentence_score(answer, [expected])
    assert reference.score == pytest.approx(figure, abs=1e-4)
    for word_order in (0, 2):
        theirs = CHRF(word_order=word_order).sentence_score(answer, [expected]).score / 100
        assert score({"kind": "chrf", "word_order": word_order}, answer, expected) == theirs


def test_chrf_of_one_letter_sequences_is_the_share_by_hand():
    """One of two letters and no pair is right: F 1/2 and 0, their mean a quarter."""
    assert score("chrf", "aa", "ab") == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("variant", "precision", "recall"), [("rouge1", 6 / 8, 6 / 9), ("rougeL", 5 / 8, 5 / 9)]
)
def test_rouge_is_the_figure_of_the_rouge_score_readme(variant, precision, recall):
    figures = {
        "precision": precision,
        "recall": recall,
        "f": 2 * precision * recall / (precision + recall),
    }
    for measure, figure in figures.items():
        spec = {"kind": "rouge", "variant": variant, "measure": measure}
        assert score(spec, *FOX) == pytest.approx(figure)


@pytest.mark.parametrize("variant", ["rouge1", "rouge2", "rougeL"])
def test_rouge_equals_rouge_score_itself_on_english(variant):
    from rouge_score.rouge_scorer import RougeScorer

    answer, expected = "Don't re-order item_7 twice!", "do not reorder Item 7 twice"
    theirs = RougeScorer([variant]).score(expected, answer)[variant].fmeasure
    assert score({"kind": "rouge", "variant": variant}, answer, expected) == theirs


def test_rouge_reads_other_scripts():
    assert score("rouge", "кошка на ковре", "кошка на столе") == pytest.approx(2 / 3)


def test_levenshtein_is_the_published_kitten_and_sitting():
    """Three edits over seven letters (Levenshtein 1966, in every textbook)."""
    assert score("levenshtein", "kitten", "sitting") == pytest.approx(1 - 3 / 7)
    fold = {"kind": "levenshtein", "ignore_case": True}
    assert score(fold, "KITTEN", "kitten") == 1


def test_cosine_is_the_formula_of_scikit_learns_guide_by_hand():
    """tf-idf with smooth idf ln((1 + n) / (1 + df)) + 1, and vectors of length 1."""
    import math

    lone = math.log(3 / 2) + 1
    assert score("cosine", "red car", "red bus") == pytest.approx(1 / (1 + lone**2))
    assert score("cosine", "a b", "c d") == 0
    assert score({"kind": "cosine", "by": "letters"}, "猫が好き", "猫が好き") == pytest.approx(1)


@pytest.mark.parametrize("kind", REFERENCE)
def test_the_same_text_scores_1_and_another_less(kind):
    text = "The refund takes fourteen days, and the money comes by card."
    assert score(kind, text, text) == pytest.approx(1)
    assert score(kind, "No.", text) < 0.3


@pytest.mark.parametrize("kind", REFERENCE)
@pytest.mark.parametrize("answer", ["", "\x00\ud800", "?!", " \n", "{{x}}" * 50])
def test_odd_answers_have_a_score(kind, answer):
    assert 0 <= score(kind, answer, "The refund takes fourteen days.") <= 1
    assert 0 <= score(kind, answer, "") <= 1


def test_values_that_are_no_text_are_compared_as_json():
    case = Case("1", {}, {"a": [1, 2], "b": True}, {"b": True, "a": [1, 2]})
    assert evaluator_from_spec("levenshtein").evaluate(case).score == 1


def test_the_libraries_are_loaded_when_they_are_used_and_not_before():
    import subprocess

    script = (
        "import sys\n"
        "from kaizen_engine.evaluate.spec import describe_kinds, evaluator_from_spec\n"
        "describe_kinds()\n"
        f"[evaluator_from_spec(kind) for kind in {REFERENCE}]\n"
        "heavy = {'sklearn', 'numpy', 'sacrebleu', 'rouge_score', 'nltk', 'textstat'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
