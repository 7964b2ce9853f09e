"""Base URLs may name a host without a dot; rate windows may be shorter than a minute."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("llm_app", "0001_initial")]
    operations = [
        migrations.AlterField(
            "connection", "base_url", models.CharField(blank=True, default="", max_length=500)
        ),
        migrations.RemoveConstraint("ratewindow", "ratewindow_one_per_minute"),
        migrations.RenameField("ratewindow", "minute", "starts_at_ms"),
        migrations.AddConstraint(
            "ratewindow",
            models.UniqueConstraint(fields=["key", "starts_at_ms"], name="ratewindow_one_a_time"),
        ),
    ]
