"""People, projects, keys and audit entries, each as small as it can be and still valid."""

import hashlib
from datetime import timedelta

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory, Password

from projects_app.models import (
    ApiKey,
    AuditEntry,
    IdempotencyRecord,
    Membership,
    Project,
    Role,
    Scope,
    User,
)

PASSWORD = "a long enough password"


class UserFactory(DjangoModelFactory):
    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"person{n}")
    email = factory.LazyAttribute(lambda user: f"{user.username}@example.org")
    password = Password(PASSWORD)

    class Params:
        staff = factory.Trait(is_staff=True)


class ProjectFactory(DjangoModelFactory):
    class Meta:
        model = Project

    slug = factory.Sequence(lambda n: f"project{n}")
    name = factory.LazyAttribute(lambda project: project.slug.title())


class MembershipFactory(DjangoModelFactory):
    class Meta:
        model = Membership

    project = factory.SubFactory(ProjectFactory)
    user = factory.SubFactory(UserFactory, staff=True)
    role = Role.VIEWER.value


class ApiKeyFactory(DjangoModelFactory):
    """The row; `key_text(row)` is what a client would present."""

    class Meta:
        model = ApiKey
        exclude = ("secret",)

    project = factory.SubFactory(ProjectFactory)
    name = "an application"
    prefix = factory.Sequence(lambda n: f"{n:08d}")
    secret = factory.LazyAttribute(lambda key: f"secret-of-{key.prefix}".ljust(43, "x"))
    secret_hash = factory.LazyAttribute(lambda key: hashlib.sha256(key.secret.encode()).hexdigest())
    scopes = factory.LazyFunction(lambda: sorted(scope.value for scope in Scope))
    expires_at = factory.LazyFunction(lambda: timezone.now() + timedelta(days=30))

    class Params:
        revoked = factory.Trait(revoked_at=factory.LazyFunction(timezone.now))
        expired = factory.Trait(
            expires_at=factory.LazyFunction(lambda: timezone.now() - timedelta(seconds=1))
        )


def key_text(key: ApiKey) -> str:
    return f"kz_live_{key.prefix}_" + f"secret-of-{key.prefix}".ljust(43, "x")


class AuditEntryFactory(DjangoModelFactory):
    class Meta:
        model = AuditEntry

    project = factory.SubFactory(ProjectFactory)
    actor = "system"
    action = "kaizen.test.happened"
    object_type = "project"
    object_id = factory.LazyAttribute(lambda entry: str(entry.project.public_id))


class IdempotencyRecordFactory(DjangoModelFactory):
    class Meta:
        model = IdempotencyRecord

    project = factory.SubFactory(ProjectFactory)
    route = "test"
    key = factory.Sequence(lambda n: f"key-{n}")
    request_hash = "0" * 64
    status = 201
    response = factory.LazyFunction(dict)
