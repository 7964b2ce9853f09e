from hypothesis import given, settings
from hypothesis import strategies as st

from kaizen_engine.prompts.diff import DiffSpan, diff_texts, diff_words


def side(spans, hidden):
    return "".join(span.text for span in spans if span.op != hidden)


def test_changed_words_are_marked_and_the_rest_is_left_alone():
    assert diff_words("Sort the message.", "Sort each message!") == [
        DiffSpan("equal", "Sort "),
        DiffSpan("delete", "the"),
        DiffSpan("insert", "each"),
        DiffSpan("equal", " message"),
        DiffSpan("delete", "."),
        DiffSpan("insert", "!"),
    ]


@settings(max_examples=200, deadline=None)
@given(before=st.text("ab \n.", max_size=30), after=st.text("ab \n.", max_size=30))
def test_the_spans_spell_both_texts_and_never_repeat_an_operation(before, after):
    spans = diff_words(before, after)
    assert side(spans, "insert") == before
    assert side(spans, "delete") == after
    assert all(one.op != two.op for one, two in zip(spans, spans[1:], strict=False))


def test_very_long_texts_are_compared_by_lines():
    before = "".join(f"line {number} with some words\n" for number in range(6000))
    after = before.replace("line 3000 ", "row 3000 ")
    changed = [span for span in diff_words(before, after) if span.op != "equal"]
    assert changed == [
        DiffSpan("delete", "line 3000 with some words\n"),
        DiffSpan("insert", "row 3000 with some words\n"),
    ]


def test_texts_with_too_many_lines_are_replaced_as_a_whole():
    before, after = "\na" * 30_000, "\nb" * 30_000
    assert diff_words(before, after) == [DiffSpan("delete", before), DiffSpan("insert", after)]


def test_a_diff_names_the_smallest_thing_it_compared():
    assert diff_texts("one two", "one three").unit == "word"
    assert diff_texts("a b\n" * 20_000, "a c\n" * 20_000).unit == "line"
    assert diff_texts("\na" * 30_000, "\nb" * 30_000).unit == "text"
