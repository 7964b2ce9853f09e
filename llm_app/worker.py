"""What django-q2 calls. Each function may be called twice, late or by two workers at once."""

from llm_app.services.connection_test import connection_test_run


def try_connection(connection_id: int) -> str:
    return connection_test_run(connection_id)
