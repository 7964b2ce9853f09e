"""The command that promotes and rolls back: the services' rules, at a terminal."""

import json

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from prompts_app.models import Tag
from tests.factories.prompts import PromptVersionFactory

pytestmark = pytest.mark.django_db


def promote(capsys, number, *options):
    call_command("promote", str(number), "--project=support", "--task=triage", "--json", *options)
    return json.loads(capsys.readouterr().out)


def live_number():
    return Tag.objects.get(task__slug="triage", name="production").version.number


def refused(capsys, number, *options):
    with pytest.raises(CommandError) as caught:
        promote(capsys, number, *options)
    return caught.value


def test_it_promotes_on_evidence_and_rolls_back(capsys, proven, approver):
    said = promote(capsys, 2, "--as=approver", "--reason=Reads well.", "--dry-run")
    assert (said["number"], said["dry_run"], live_number()) == (2, True, 1)
    promote(capsys, 2, "--as=approver", "--reason=Reads well.")
    assert live_number() == 2
    assert proven.gates.get(name="promotion").reason == "Reads well."
    promote(capsys, 1, "--as=approver", "--rollback")
    assert live_number() == 1


def test_a_check_that_fails_exits_with_1_and_an_override_needs_a_person(capsys, live, approver):
    PromptVersionFactory(task=live.task, parents=[live])
    assert refused(capsys, 2).returncode == 1
    assert refused(capsys, 2, "--override", "--reason=Now.").returncode == 2
    assert refused(capsys, 2, "--override", "--as=approver").returncode == 2
    promote(capsys, 2, "--override", "--as=approver", "--reason=Legal text.")
    assert live_number() == 2


def test_what_nobody_knows_is_called_wrongly(capsys, live, editor):
    assert "no version 7" in str(refused(capsys, 7))
    assert "no member" in str(refused(capsys, 1, "--as=nobody"))
    assert refused(capsys, 1, "--rollback", "--as=editor").returncode == 2


def test_the_two_person_rule_holds_at_the_terminal(capsys, strict, live, approver, admin_member):
    PromptVersionFactory(task=live.task, proven=live, author=approver, author_label="user:approver")
    for who in (("--as=approver",), ()):
        assert "second person" in str(refused(capsys, 2, *who))
    assert live_number() == 1
    promote(capsys, 2, "--as=admin_member")
    assert live_number() == 2
