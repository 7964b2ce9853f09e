"""Connections to Anthropic, Gemini and Groq."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("llm_app", "0002_any_host_and_any_window")]
    operations = [
        migrations.AlterField(
            "connection",
            "kind",
            models.CharField(
                choices=[
                    ("demo", "Demo"),
                    ("openai", "Openai"),
                    ("groq", "Groq"),
                    ("anthropic", "Anthropic"),
                    ("gemini", "Gemini"),
                ],
                max_length=10,
            ),
        ),
    ]
