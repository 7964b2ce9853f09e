import pytest
from django.core.exceptions import ValidationError

from tasks_app.locked_text import LONGEST, MOST, check_locked_text


@pytest.mark.parametrize("value", [[], ["Never give advice."], ["a"] * MOST, ["x" * LONGEST]])
def test_short_lists_of_texts_are_locked_passages(value: list[str]) -> None:
    check_locked_text(value)


@pytest.mark.parametrize(
    "value", ["text", {"a": "b"}, [1], [""], ["  \n"], ["a"] * (MOST + 1), ["x" * (LONGEST + 1)]]
)
def test_anything_else_is_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        check_locked_text(value)
