from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from kaizen_sdk.testing import FrozenClock
from tests.sdk import scripted
from tests.sdk.blocking import CLIENTS


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture(params=CLIENTS, ids=lambda kind: kind.__name__)
def client_of(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """The `client_of` of `scripted`, for the blocking and for the awaiting client."""
    return partial(scripted.client_of, kind=request.param)
