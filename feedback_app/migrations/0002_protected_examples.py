from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("feedback_app", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="example",
            name="is_protected",
            field=models.BooleanField(default=False, help_text="A new version may not break it."),
        ),
    ]
