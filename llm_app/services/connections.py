"""Connections to models: where they are, the secret nobody reads again, and what a model costs."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from django.db import transaction

from kaizen_engine.llm.vendors import VENDOR_URLS, Wire
from llm_app.models import Connection, ConnectionKind, ModelPrice
from projects_app.actors import Actor
from projects_app.exceptions import InvalidInput
from projects_app.models import Project, Role
from projects_app.secrets import SecretUnreadable, decrypt, encrypt, is_current
from projects_app.services.audit import audit_record
from projects_app.targets import check_target
from projects_app.validation import check_model

SHOWN_FROM = 12
FIGURES = ("input_usd_per_mtok", "output_usd_per_mtok")
TEST_FIELDS = ("test_state", "test_words", "test_raw")
LONGEST_SECRET = 4096


@transaction.atomic
def connection_create(
    *,
    actor: Actor,
    project: Project,
    slug: str,
    kind: ConnectionKind | str,
    base_url: str = "",
    secret: str = "",
    requests_per_minute: int | None = None,
) -> Connection:
    """Add a provider. Only admins say which addresses the server calls."""
    actor.require(role=Role.ADMIN, project_id=project.pk)
    connection = Connection(
        project=project,
        slug=slug,
        kind=str(kind),
        base_url=_address(kind, base_url),
        requests_per_minute=requests_per_minute,
    )
    _check(connection)
    _seal(connection, secret)
    connection.save()
    audit_record(
        actor=actor,
        action="kaizen.connection.created",
        subject=connection,
        slug=slug,
        kind=str(kind),
        base_url=connection.base_url,
        has_secret=bool(secret),
    )
    return connection


@transaction.atomic
def connection_update(
    *,
    actor: Actor,
    connection: Connection,
    base_url: str | None = None,
    requests_per_minute: int | None = None,
) -> Connection:
    """Set address and limit; None for `base_url` keeps it, None for the limit lifts it.

    A changed address drops the secret, or whoever names a new address could collect it there, and
    with it the cached answers.
    """
    actor.require(role=Role.ADMIN, project_id=connection.project_id)
    stored = Connection.objects.get(pk=connection.pk)
    before = connection.base_url
    connection.base_url = before if base_url is None else _address(connection.kind, base_url)
    connection.requests_per_minute = requests_per_minute
    _check(connection)
    if connection.base_url != before:
        _seal(connection, "")
        _forget_test(connection)
        # Another place may have another model under the same name.
        connection.cached_answers.all().delete()
    connection.save()
    audit_record(
        actor=actor,
        action="kaizen.connection.updated",
        subject=connection,
        base_url=connection.base_url,
        requests_per_minute=requests_per_minute,
        before={
            "base_url": stored.base_url,
            "requests_per_minute": stored.requests_per_minute,
        },
    )
    return connection


@transaction.atomic
def connection_secret_set(*, actor: Actor, connection: Connection, secret: str) -> Connection:
    """Replace the secret; an empty one removes it."""
    actor.require(role=Role.ADMIN, project_id=connection.project_id)
    before = connection.secret_last4
    _seal(connection, secret)
    _forget_test(connection)
    connection.save(update_fields=["secret_encrypted", "secret_last4", *TEST_FIELDS])
    audit_record(
        actor=actor,
        action="kaizen.connection.secret_set",
        subject=connection,
        last4=connection.secret_last4,
        before={"last4": before},
    )
    return connection


@transaction.atomic
def price_set(
    *,
    actor: Actor,
    connection: Connection,
    model: str,
    input_usd_per_mtok: Decimal | str,
    output_usd_per_mtok: Decimal | str,
    source: str = "entered by hand",
) -> ModelPrice:
    """Say what a model costs, in US dollars per million tokens."""
    actor.require(role=Role.ADMIN, project_id=connection.project_id)
    price = ModelPrice.objects.filter(connection=connection, model=model).first()
    before = _figures(price) if price else None
    price = price or ModelPrice(connection=connection, model=model)
    price.input_usd_per_mtok = _money("input_usd_per_mtok", input_usd_per_mtok)
    price.output_usd_per_mtok = _money("output_usd_per_mtok", output_usd_per_mtok)
    price.source = source
    check_model(price)
    price.save()
    audit_record(
        actor=actor,
        action="kaizen.connection.price_set",
        subject=connection,
        model=model,
        source=source,
        **_figures(price),
        before=before or dict.fromkeys(FIGURES),
    )
    return price


def _figures(price: ModelPrice) -> dict[str, str]:
    return {name: str(getattr(price, name)) for name in FIGURES}


def _forget_test(connection: Connection) -> None:
    """What was tested is not what is there now."""
    connection.test_state = connection.test_words = connection.test_raw = ""


def connection_secret(connection: Connection) -> str:
    """Return the secret in the clear; for the moment of building a provider and nothing else."""
    if not connection.secret_encrypted:
        return ""
    return decrypt(connection.secret_encrypted, _place(connection))


@dataclass(frozen=True)
class Rotation:
    """How many secrets were encrypted anew, and the connections whose secret no key opens."""

    renewed: int
    unreadable: tuple[str, ...]


def secrets_rotate(connections: Iterable[Connection] | None = None) -> Rotation:
    """Encrypt with the first key every secret that an older key still holds."""
    rows = Connection.objects.exclude(secret_encrypted="") if connections is None else connections
    renewed, unreadable = 0, []
    for connection in rows:
        try:
            renewed += _renew(connection)
        except SecretUnreadable:
            unreadable.append(str(connection.public_id))
    return Rotation(renewed, tuple(unreadable))


def _renew(connection: Connection) -> int:
    old = connection.secret_encrypted
    if is_current(old):
        return 0
    new = encrypt(decrypt(old, _place(connection)), _place(connection))
    # Whoever set another secret meanwhile used the first key already.
    same = Connection.objects.filter(pk=connection.pk, secret_encrypted=old)
    return same.update(secret_encrypted=new)


def _address(kind: ConnectionKind | str, base_url: str) -> str:
    """Return the address to call; left empty, it is the vendor's own."""
    return (base_url or VENDOR_URLS.get(str(kind), "")).rstrip("/")


def _check(connection: Connection) -> None:
    if connection.kind in set(Wire):
        check_target(connection.base_url)
    elif connection.kind == ConnectionKind.DEMO and connection.base_url:
        message = "the demo model runs inside the worker and has no address"
        raise InvalidInput(message, errors={"base_url": message})
    if connection.requests_per_minute == 0:
        message = "a limit is at least 1; leave it empty for none"
        raise InvalidInput(message, errors={"requests_per_minute": message})
    check_model(connection)


def _seal(connection: Connection, secret: str) -> None:
    if len(secret) > LONGEST_SECRET or not (secret.isascii() and secret.isprintable()):
        message = f"a secret has at most {LONGEST_SECRET} printable ASCII characters"
        raise InvalidInput(message, errors={"secret": message})
    connection.secret_encrypted = encrypt(secret, _place(connection)) if secret else ""
    # The tail of a short secret would give too much of it away.
    connection.secret_last4 = secret[-4:] if len(secret) >= SHOWN_FROM else ""


def _place(connection: Connection) -> str:
    return f"connection:{connection.public_id}:secret"


def _money(field: str, value: Decimal | str) -> Decimal:
    try:
        amount = Decimal(value)
    except (ArithmeticError, ValueError, TypeError) as error:
        raise InvalidInput(f"{field} is not a number", errors={field: "not a number"}) from error
    if not amount.is_finite() or amount < 0:
        message = "a price is a number of at least 0"
        raise InvalidInput(f"{field}: {message}", errors={field: message})
    return amount
