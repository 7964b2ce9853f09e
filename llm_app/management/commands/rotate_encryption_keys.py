"""Put a new key first in KAIZEN_ENCRYPTION_KEYS, restart, run this, then drop the old key."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from llm_app.services.connections import secrets_rotate
from projects_app.services.channels import channel_secrets_rotate


class Command(BaseCommand):
    help = "Encrypt every stored secret with the first key of KAIZEN_ENCRYPTION_KEYS."

    def handle(self, *args: Any, **options: Any) -> None:
        rotation = secrets_rotate()
        renewed, closed = channel_secrets_rotate()
        self.stdout.write(f"secrets encrypted anew: {rotation.renewed + renewed}")
        if unreadable := (*rotation.unreadable, *closed):
            names = ", ".join(unreadable)
            message = f"no configured key opens the secrets of these connections: {names}"
            raise CommandError(message)
