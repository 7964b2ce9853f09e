"""Which addresses a connection may name, case by case."""

import socket

import pytest

from projects_app.targets import TargetRefused, check_target, is_public

PUBLIC = "93.184.216.34"
NAMES = {
    "api.example.com": [PUBLIC],
    "both.example.com": [PUBLIC, "10.0.0.5"],
    "inside.example.com": ["10.0.0.5"],
    "empty.example.com": [],
    "localhost": ["127.0.0.1", "::1"],
    "ollama": ["172.18.0.3"],
}
# What the C library makes of numeric spellings.
NUMERIC = {"127.1": "127.0.0.1", "2130706433": "127.0.0.1", "0x7f.1": "127.0.0.1"}


def resolve(host: str, port: int) -> list[str]:
    if host in NAMES:
        return NAMES[host]
    if host in NUMERIC:
        return [NUMERIC[host]]
    if ":" in host or host.replace(".", "").isdigit():
        return [host]
    raise socket.gaierror(f"unknown {host}")


@pytest.mark.parametrize(
    ("url", "port"),
    [
        ("https://api.example.com", 443),
        ("https://api.example.com/v1", 443),
        ("https://API.Example.com./v1", 443),
        ("https://api.example.com:8443/v1", 8443),
        (f"https://{PUBLIC}/v1", 443),
        ("https://[2606:2800:220:1:248:1893:25c8:1946]/v1", 443),
    ],
)
def test_a_public_address_over_https_passes(url, port):
    assert check_target(url, allowed=(), resolve=resolve).port == port


def test_the_checked_addresses_are_told():
    target = check_target("https://api.example.com", allowed=(), resolve=resolve)
    assert target.addresses == (PUBLIC,)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.example.com",
        "http://api.example.com/v1",
        "ftp://api.example.com",
        "file:///etc/passwd",
        "gopher://api.example.com",
        "javascript:alert(1)",
        "https://",
        "https:///v1",
        "https://user@api.example.com",
        "https://user:password@api.example.com",
        "https://api.example.com@10.0.0.5",
        "https://api.example.com#fragment",
        "https://api.example.com?query=1",
        "https://api.example.com:22",
        "https://api.example.com:80",
        "https://api.example.com:99999",
        "https://api.example.com:port",
        "https://api.example.com\\@10.0.0.5",
        "https://api.example.com/ v1",
        "https://api.example.com/\r\nHost: x",
        "https://unknown.example.com",
        "https://empty.example.com",
        "https://inside.example.com",
        "https://both.example.com",
        "https://localhost",
        "https://127.0.0.1",
        "https://127.1",
        "https://2130706433",
        "https://0x7f.1",
        "https://0.0.0.0",
        "https://10.0.0.1",
        "https://172.16.0.1",
        "https://192.168.1.1",
        "https://100.64.0.1",
        "https://169.254.169.254/latest/meta-data",
        "https://224.0.0.1",
        "https://240.0.0.1",
        "https://255.255.255.255",
        "https://[::1]",
        "https://[::]",
        "https://[::ffff:127.0.0.1]",
        "https://[::ffff:169.254.169.254]",
        "https://[::7f00:1]",
        "https://[64:ff9b::a00:1]",
        "https://[2002:7f00:1::]",
        "https://[2001:0:7f00:1::]",
        "https://[fe80::1]",
        "https://[fe80::1%25eth0]",
        "https://[fec0::1]",
        "https://[fd00::1]",
        "https://[ff02::1]",
        "https://[not-an-address]",
    ],
)
def test_anything_else_is_refused(url):
    with pytest.raises(TargetRefused) as caught:
        check_target(url, allowed=(), resolve=resolve)
    assert caught.value.errors["base_url"]


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("http://127.0.0.1:8080/v1", "127.0.0.1:8080"),
        ("http://localhost:11434/v1", "localhost:11434"),
        ("http://LOCALHOST:11434/v1", "localhost:11434"),
        ("http://ollama:11434/v1", "Ollama:11434"),
        ("https://inside.example.com/v1", "inside.example.com:443"),
        ("http://[::1]:8080/v1", "[::1]:8080"),
    ],
)
def test_a_listed_pair_may_be_private_and_speak_plain_http(url, allowed):
    check_target(url, allowed=(allowed,), resolve=resolve)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8081/v1",
        "http://127.0.0.2:8080/v1",
        "http://user@127.0.0.1:8080/v1",
        "ftp://127.0.0.1:8080/v1",
        "http://127.0.0.1:8080.example.com/v1",
        "http://127.0.0.1/v1",
    ],
)
def test_a_listed_pair_opens_nothing_beside_itself(url):
    with pytest.raises(TargetRefused):
        check_target(url, allowed=("127.0.0.1:8080",), resolve=resolve)


def test_the_list_of_the_configuration_is_the_default(settings):
    assert settings.CONFIG.allow_private_targets == ()
    with pytest.raises(TargetRefused, match="KAIZEN_ALLOW_PRIVATE_TARGETS"):
        check_target("http://127.0.0.1:8080/v1")


@pytest.mark.parametrize("text", ["", "example.com", "1.2.3", "::g"])
def test_what_is_no_address_is_not_public(text):
    assert not is_public(text)
