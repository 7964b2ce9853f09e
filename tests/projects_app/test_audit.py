"""The audit trail is written once: the database itself refuses every change."""

import pytest
from django.db import DatabaseError, connection, transaction

from projects_app.models import AuditEntry
from projects_app.services.audit import audit_record
from tests.factories.projects import AuditEntryFactory

BOTH = pytest.mark.parametrize("live_database", ["sqlite", "postgres"], indirect=True)
TABLE = AuditEntry._meta.db_table


def test_an_entry_says_who_did_what_to_which_object(editor_actor, project):
    entry = audit_record(
        actor=editor_actor, action="kaizen.test.done", subject=project, reason="because", count=3
    )
    entry.refresh_from_db()
    assert (entry.actor, entry.project) == ("user:editor", project)
    assert (entry.object_type, entry.object_id) == ("project", str(project.public_id))
    assert (entry.reason, entry.data) == ("because", {"count": 3})


@BOTH
@pytest.mark.parametrize(
    "statement",
    [
        f"UPDATE {TABLE} SET reason = 'rewritten'",
        f"UPDATE {TABLE} SET actor = actor",
        f"DELETE FROM {TABLE}",
    ],
)
def test_raw_sql_can_neither_change_nor_delete(live_database, statement):
    entry = AuditEntryFactory(reason="as written")
    with pytest.raises(DatabaseError, match="append-only"), connection.cursor() as cursor:
        cursor.execute(statement)
    assert AuditEntry.objects.get() == entry
    assert AuditEntry.objects.get().reason == "as written"


@pytest.mark.django_db
def test_the_orm_can_neither_change_nor_delete():
    entry = AuditEntryFactory()
    with pytest.raises(TypeError, match="written once"):
        entry.save()
    for change in (entry.delete, AuditEntry.objects.all().delete):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()
    with pytest.raises(DatabaseError), transaction.atomic():
        AuditEntry.objects.update(reason="rewritten")
    assert AuditEntry.objects.count() == 1
