from kaizen_engine.data.leakage import find_leakage
from kaizen_engine.states import Split

SENTENCE = "please send the money back to my old account today"


def test_eight_words_in_a_row_that_train_has_too_are_told_and_shown_for_dev_alone() -> None:
    rows = [
        ("learn", Split.TRAIN, {"text": f"Hello, {SENTENCE}"}),
        ("choose", Split.DEV, {"text": f"{SENTENCE.upper()}, thanks a lot"}),
        ("prove", Split.TEST, {"text": f"again: {SENTENCE}"}),
        ("fine", Split.TEST, {"text": "please send the money back to my new account today"}),
    ]
    found = find_leakage(rows)
    assert found.rows == {"dev": 1, "test": 2}
    assert found.leaking == {"dev": 1, "test": 1}
    assert [(leak.train, leak.other) for leak in found.examples] == [("learn", "choose")]
    assert found.examples[0].words in SENTENCE


def test_a_template_that_many_rows_have_is_no_leak() -> None:
    rows = [
        (str(number), Split.TRAIN if number % 2 else Split.DEV, {"text": f"{SENTENCE} {number}"})
        for number in range(40)
    ]
    assert find_leakage(rows).leaking == {}


def test_no_rows_leak_nothing() -> None:
    assert find_leakage([]).to_json() == {"rows": {}, "leaking": {}, "examples": []}
