from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("feedback_app", "0003_rows_of_any_feedback"),
    ]

    operations = [
        migrations.AddField(
            model_name="example",
            name="is_tied",
            field=models.BooleanField(
                default=False, help_text="Nearly the same as rows of another split: left out."
            ),
        ),
    ]
