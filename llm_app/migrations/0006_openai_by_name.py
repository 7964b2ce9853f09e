"""The label of a kind; no table changes."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("llm_app", "0005_connection_test")]

    operations = [
        migrations.AlterField(
            model_name="connection",
            name="kind",
            field=models.CharField(
                choices=[
                    ("demo", "Demo"),
                    ("openai", "OpenAI-compatible"),
                    ("groq", "Groq"),
                    ("anthropic", "Anthropic"),
                    ("gemini", "Gemini"),
                ],
                max_length=10,
            ),
        ),
    ]
