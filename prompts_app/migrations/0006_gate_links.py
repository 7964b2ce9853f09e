from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("prompts_app", "0005_schedules"),
    ]

    operations = [
        migrations.AddField(
            model_name="gateresult",
            name="link",
            field=models.CharField(
                blank=True, default="", help_text="Where the figures come from.", max_length=300
            ),
        ),
    ]
