"""How the last test of a connection ended."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("llm_app", "0004_cached_answers"),
    ]

    operations = [
        migrations.AddField(
            model_name="connection",
            name="test_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="connection",
            name="test_model",
            field=models.CharField(blank=True, default="", editable=False, max_length=200),
        ),
        migrations.AddField(
            model_name="connection",
            name="test_raw",
            field=models.TextField(blank=True, default="", editable=False),
        ),
        migrations.AddField(
            model_name="connection",
            name="test_state",
            field=models.CharField(
                blank=True,
                choices=[
                    ("", "not tested"),
                    ("waiting", "waiting"),
                    ("asking", "asking"),
                    ("works", "works"),
                    ("failed", "failed"),
                ],
                default="",
                editable=False,
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="connection",
            name="test_words",
            field=models.CharField(blank=True, default="", editable=False, max_length=500),
        ),
    ]
