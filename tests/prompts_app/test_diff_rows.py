"""How a diff becomes rows: whole lines on both sides, and all of both texts."""

from hypothesis import given, settings
from hypothesis import strategies as st

from kaizen_engine.prompts.diff import diff_words
from prompts_app.diff_rows import diff_rows, text_diff


def side(rows, name):
    return "".join(span.text for row in rows for span in getattr(row, name))


@settings(max_examples=200, deadline=None)
@given(before=st.text("ab \n", max_size=40), after=st.text("ab \n", max_size=40))
def test_the_rows_spell_both_texts(before, after):
    rows = diff_rows(diff_words(before, after))
    assert side(rows, "before") == before
    assert side(rows, "after") == after
    for row in rows:
        same = row.before == row.after and all(span.op == "equal" for span in row.before)
        assert row.is_changed is not same


def test_a_changed_line_stands_between_the_lines_that_stayed():
    rows = diff_rows(diff_words("one\ntwo\nthree\n", "one\n2\nthree\n"))
    assert [(row.is_changed, side([row], "before"), side([row], "after")) for row in rows] == [
        (False, "one\n", "one\n"),
        (True, "two\n", "2\n"),
        (False, "three\n", "three\n"),
    ]


def test_a_line_that_is_gone_has_nothing_beside_it():
    [first, gone, last] = diff_rows(diff_words("a\nb\nc\n", "a\nc\n"))
    assert (side([gone], "before"), gone.after) == ("b\n", [])
    assert gone.after_html == ""
    assert not first.is_changed
    assert not last.is_changed


def test_long_stretches_without_a_change_are_folded():
    lines = [f"line {number}\n" for number in range(20)]
    rows = text_diff("Instruction", "".join(lines), "".join(["new\n", *lines])).rows
    assert [(row.is_folded, row.lines) for row in rows] == [
        (False, 1),
        (False, 2),
        (True, 16),
        (False, 2),
    ]


def test_marks_are_ours_and_the_text_is_escaped():
    [row] = text_diff("Instruction", "<b>old</b>", "<b>new</b>").rows
    assert "<del><span" in row.before_html
    assert "&lt;b&gt;" in row.after_html
    assert "<b>" not in row.before_html + row.after_html
