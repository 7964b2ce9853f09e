"""Connections, prices and what was spent through them."""

import hashlib
from decimal import Decimal

import factory
from factory.django import DjangoModelFactory
from uuid_utils.compat import uuid7

from llm_app.models import (
    BreakerState,
    CallRecord,
    Connection,
    ConnectionKind,
    LedgerEntry,
    ModelPrice,
    RateWindow,
)
from tests.factories.projects import ProjectFactory


class ConnectionFactory(DjangoModelFactory):
    class Meta:
        model = Connection

    project = factory.SubFactory(ProjectFactory)
    slug = factory.Sequence(lambda n: f"models{n}")
    kind = ConnectionKind.DEMO.value

    class Params:
        openai = factory.Trait(
            kind=ConnectionKind.OPENAI.value, base_url="http://127.0.0.1:9/v1", secret_last4="test"
        )


class ModelPriceFactory(DjangoModelFactory):
    class Meta:
        model = ModelPrice

    connection = factory.SubFactory(ConnectionFactory)
    model = "demo"
    input_usd_per_mtok = Decimal("0.15")
    output_usd_per_mtok = Decimal("0.60")


class LedgerEntryFactory(DjangoModelFactory):
    class Meta:
        model = LedgerEntry

    project = factory.SubFactory(ProjectFactory)
    purpose = "optimize"
    subject = factory.LazyFunction(uuid7)
    role = "student"
    model = "demo/demo"
    input_tokens = 100
    output_tokens = 10
    cost_usd = Decimal("0.000021")


class CallRecordFactory(DjangoModelFactory):
    class Meta:
        model = CallRecord

    subject = factory.LazyFunction(uuid7)
    role = "student"
    request_hash = factory.Sequence(lambda n: hashlib.sha256(str(n).encode()).hexdigest())
    model = "demo/demo"
    messages_hash = factory.SelfAttribute("request_hash")
    response = factory.LazyFunction(
        lambda: {
            "text": "an answer",
            "input_tokens": 100,
            "output_tokens": 10,
            "finish_reason": "stop",
            "model": "demo",
        }
    )
    cost_usd = Decimal("0.000021")
    latency_ms = 5


class BreakerStateFactory(DjangoModelFactory):
    class Meta:
        model = BreakerState

    key = factory.Sequence(lambda n: f"provider{n}")


class RateWindowFactory(DjangoModelFactory):
    class Meta:
        model = RateWindow

    key = factory.Sequence(lambda n: f"provider{n}")
    starts_at_ms = 1_700_000_000_000
