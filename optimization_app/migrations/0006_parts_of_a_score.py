from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("optimization_app", "0005_labels_and_passports"),
    ]

    operations = [
        migrations.AddField(
            model_name="evaluationrow",
            name="parts",
            field=models.JSONField(default=dict, help_text="Scores by part of the evaluator."),
        ),
        migrations.AddField(
            model_name="evaluationrow",
            name="reasons",
            field=models.JSONField(default=dict, help_text="Why, in words, by part."),
        ),
        migrations.AddField(
            model_name="evaluationrow",
            name="votes",
            field=models.JSONField(default=dict, help_text="Each vote of a judge, by part."),
        ),
    ]
