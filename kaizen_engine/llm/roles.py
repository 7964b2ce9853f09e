"""In which role a model is asked: what journal, ledger and pages tell calls apart by."""

STUDENT = "student"
TEACHER = "teacher"
ANALYST = "analyst"
