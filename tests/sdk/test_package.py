import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

import kaizen_sdk
from kaizen_sdk import AsyncCTClient, ConfigurationError, CTClient, KaizenError, errors

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "sdk" / "src" / "kaizen_sdk"


def test_all_names_what_the_package_exports_in_order():
    exported = {
        name
        for name, value in vars(kaizen_sdk).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    }
    typing_only = {"Any", "TYPE_CHECKING"}
    exported = exported - typing_only | {"AsyncCTClient", "__version__"}
    assert kaizen_sdk.__all__ == sorted(exported)
    assert all(hasattr(kaizen_sdk, name) for name in kaizen_sdk.__all__)
    assert not hasattr(kaizen_sdk, "Nothing")


def test_both_clients_are_made_alike_and_differ_by_the_await_only():
    assert inspect.signature(CTClient) == inspect.signature(AsyncCTClient)
    verbs = {name for name in dir(CTClient) if not name.startswith("_")} - {"close"}
    assert verbs == {name for name in dir(AsyncCTClient) if not name.startswith("_")} - {"aclose"}
    for verb in verbs:
        ours, theirs = (inspect.signature(getattr(c, verb)) for c in (CTClient, AsyncCTClient))
        assert ours == theirs


def test_an_application_without_an_event_loop_does_not_import_one():
    script = """
import sys, httpx, kaizen_sdk
transport = httpx.MockTransport(lambda request: httpx.Response(404))
with kaizen_sdk.CTClient("http://kaizen.test", "k", transport=transport) as client:
    client.get_prompt("triage", fallback="Hello")
assert "asyncio" not in sys.modules
assert kaizen_sdk.AsyncCTClient and "asyncio" in sys.modules
"""
    environment = {"PYTHONPATH": str(SOURCE.parent)}
    subprocess.run([sys.executable, "-c", script], env=environment, check=True, timeout=30)


def test_the_version_has_one_source():
    assert '"src/kaizen_sdk/_version.py"' in (ROOT / "sdk" / "pyproject.toml").read_text()
    assert re.fullmatch(r"\d+\.\d+\.\d+", kaizen_sdk.__version__)


def test_the_error_tree_in_the_docstring_is_the_real_one():
    drawn = set(re.findall(r"[├└]── (\w+)", errors.__doc__))
    real = {
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, KaizenError) and value is not KaizenError
    }
    assert drawn == real
    assert real | {"KaizenError"} <= set(kaizen_sdk.__all__)


def test_only_httpx_and_the_standard_library_are_imported():
    roots = set()
    for path in SOURCE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                roots |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                roots.add(str(node.module).split(".")[0])
    assert roots - set(sys.stdlib_module_names) == {"httpx", "kaizen_sdk"}


@pytest.mark.parametrize("name", ["render", "parse"])
def test_the_engines_renderer_and_parser_are_copied_byte_for_byte(name):
    original = ROOT / "kaizen_engine" / "prompts" / f"{name}.py"
    assert (SOURCE / f"_{name}.py").read_bytes() == original.read_bytes()


def test_the_address_and_the_key_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("KAIZEN_URL", "http://kaizen.test/base/")
    monkeypatch.setenv("KAIZEN_API_KEY", "kz_environment\n")
    with CTClient() as client:
        assert repr(client) == "CTClient('http://kaizen.test/base')"


@pytest.mark.parametrize(
    "url", ["", "kaizen.test", "ftp://x", "http://", "http://u:p@x", "http://x:z"]
)
def test_an_unusable_address_is_refused_at_once(url, monkeypatch):
    monkeypatch.delenv("KAIZEN_URL", raising=False)
    with pytest.raises(ConfigurationError, match="KAIZEN_URL"):
        CTClient(url, "key")


@pytest.mark.parametrize("key", ["", "two words", "naïve", "line\nbreak"])
def test_an_unusable_key_is_refused_without_being_quoted(key, monkeypatch):
    monkeypatch.delenv("KAIZEN_API_KEY", raising=False)
    with pytest.raises(ConfigurationError, match="KAIZEN_API_KEY") as caught:
        CTClient("http://kaizen.test", key)
    assert not key or key not in str(caught.value)


@pytest.mark.parametrize("kind", [CTClient, AsyncCTClient])
def test_the_key_shows_nowhere_in_the_client(kind):
    client = kind("http://kaizen.test", "kz_secret")
    assert repr(client) == f"{kind.__name__}('http://kaizen.test')"
    assert "kz_secret" not in repr(client) + repr(client._settings)


@pytest.mark.parametrize("kind", [CTClient, AsyncCTClient])
def test_a_transport_that_only_awaits_is_refused_with_the_reason(kind):
    with pytest.raises(ConfigurationError, match="threads"):
        kind("http://kaizen.test", "k", transport=httpx.ASGITransport(app=None))


def test_a_transport_that_cannot_be_awaited_is_refused_by_the_awaiting_client():
    with pytest.raises(ConfigurationError, match="awaited"):
        AsyncCTClient("http://kaizen.test", "k", transport=httpx.WSGITransport(app=None))


def test_importing_starts_no_thread_and_no_connection():
    script = "import kaizen_sdk, threading; assert threading.active_count() == 1"
    environment = {"PYTHONPATH": str(SOURCE.parent)}
    subprocess.run([sys.executable, "-c", script], env=environment, check=True, timeout=30)
