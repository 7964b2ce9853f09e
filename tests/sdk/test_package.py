import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import kaizen_sdk
from kaizen_sdk import ConfigurationError, CTClient, KaizenError, errors

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "sdk" / "src" / "kaizen_sdk"


def test_all_names_what_the_package_exports_in_order():
    exported = {
        name
        for name, value in vars(kaizen_sdk).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    }
    assert kaizen_sdk.__all__ == sorted(exported | {"__version__"})


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


def test_the_key_shows_nowhere_in_the_client():
    with CTClient("http://kaizen.test", "kz_secret") as client:
        assert "kz_secret" not in repr(client) + repr(client._settings)


def test_importing_starts_no_thread_and_no_connection():
    script = "import kaizen_sdk, threading; assert threading.active_count() == 1"
    environment = {"PYTHONPATH": str(SOURCE.parent)}
    subprocess.run([sys.executable, "-c", script], env=environment, check=True, timeout=30)
