"""What this app tells the rooms above it, inside the transaction of what it tells."""

from django.dispatch import Signal

# Sent with entry and subject as soon as an audit entry is written, and so before the commit.
audited = Signal()
