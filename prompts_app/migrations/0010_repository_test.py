"""How the last test of a repository ended."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("prompts_app", "0009_client_sightings"),
    ]

    operations = [
        migrations.AddField(
            model_name="repository",
            name="test_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="repository",
            name="test_state",
            field=models.CharField(blank=True, default="", editable=False, max_length=10),
        ),
        migrations.AddField(
            model_name="repository",
            name="test_words",
            field=models.CharField(blank=True, default="", editable=False, max_length=500),
        ),
    ]
