"""What this app tells the rooms above it, after commit."""

from django.dispatch import Signal

# Sent with task_id, version_id, tag and revision whenever a tag has moved.
prompt_released = Signal()
