"""What this app tells whoever listens, after commit."""

from django.dispatch import Signal

# Sent with job_id and percent once a job has used up that much of its budget.
budget_used = Signal()
