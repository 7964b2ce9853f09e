"""What the compare page costs with prompts of 8,000 words."""

import pytest

from bench.long_prompt import WORDS, long_text
from tests.factories.prompts import PromptVersionFactory
from tests.prompts_app.test_compare_page import address, measured

pytestmark = pytest.mark.django_db


def test_two_prompts_of_8000_words_cost_few_queries_and_one_page(
    client, approver, task, django_assert_max_num_queries
):
    old = PromptVersionFactory(task=task, system=long_text(1))
    new = measured(old, system=long_text(2))
    client.force_login(approver)
    with django_assert_max_num_queries(40):
        answer = client.get(address(old, new))
    [diff, _] = answer.context["page"].diffs
    assert (diff.unit, diff.is_cut) == ("word", False)
    assert sum(len(span.text.split()) for span in diff.rows[0].before) >= WORDS
    assert len(answer.content) < 1_000_000
