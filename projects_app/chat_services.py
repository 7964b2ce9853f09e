"""Chat services, spoken to by apprise: a closed list of them, since its URLs can reach anything.

Only services that live at their vendor's own address are open to every admin. One that people host
themselves is called where an operator has listed its `host:port`. Options in a URL can name files
and other servers, so all but a few are refused.
"""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

from django.conf import settings

from projects_app.exceptions import InvalidInput

VENDORS = {
    "slack": "Slack",
    "workflows": "Microsoft Teams",
    "discord": "Discord",
    "gchat": "Google Chat",
    "tgram": "Telegram",
    "wxteams": "Webex",
    "pagerduty": "PagerDuty",
    "opsgenie": "Opsgenie",
    "pover": "Pushover",
    "twist": "Twist",
    "flock": "Flock",
    "lark": "Lark",
    "feishu": "Feishu",
    "dingtalk": "DingTalk",
}
HOSTED = {
    "mmosts": "Mattermost",
    "rockets": "Rocket.Chat",
    "gotifys": "Gotify",
    "matrixs": "Matrix",
    "ntfys": "ntfy",
}
TEAMS_HOSTS = (".logic.azure.com", ".powerplatform.com")
OPTIONS = frozenset({"api-version", "sp", "sv", "sig", "region", "topic"})
TIMEOUT_S = 20.0
TITLE = "Kaizen"


def check_chat(url: str) -> None:
    """Raise InvalidInput saying why this URL is no chat service that may be called."""
    _opened(url)


def masked_chat(url: str) -> str:
    """Return the service's name and place without what would let others post there."""
    word, service = _opened(url)
    place = f" at {service.host}" if word in HOSTED else ""
    return f"{(VENDORS | HOSTED)[word]}{place}"


def send_chat(url: str, *, title: str, text: str) -> bool:
    """Post the message as plain text; what apprise logs of a failure holds no secret."""
    _, service = _opened(url)
    return bool(service.notify(title=title, body=text, body_format="text"))


def _opened(url: str) -> tuple[str, Any]:
    parts = _parts(url)
    service = _service(url)
    word = next((one for one in _words(service) if one in VENDORS | HOSTED), "")
    if not word:
        raise _refused(
            f"this is none of {', '.join((VENDORS | HOSTED).values())}; others by a signed webhook"
        )
    if word in HOSTED:
        _check_listed(service)
    elif word == "workflows" and not str(service.host).lower().endswith(TEAMS_HOSTS):
        raise _refused(f"a Teams workflow lives under {' or '.join(TEAMS_HOSTS)}")
    unknown = sorted({name for name, _ in parse_qsl(parts.query)} - OPTIONS)
    if unknown:
        raise _refused(f"the options {', '.join(unknown)} are not allowed in its URL")
    return word, service


def _parts(url: str) -> Any:
    if not url.isprintable() or " " in url:
        raise _refused("it holds blanks or control characters")
    try:
        return urlsplit(url)
    except ValueError as error:
        raise _refused("it is not a URL") from error


def _service(url: str) -> Any:
    """Return apprise's own object, which follows no redirect and keeps no file."""
    import apprise

    asset = apprise.AppriseAsset(
        app_id=TITLE,
        app_desc=TITLE,
        app_url=settings.CONFIG.base_url,
        image_url_mask="",
        image_url_logo="",
        http_redirects=False,
        async_mode=False,
        secure_logging=True,
        storage_mode=apprise.PersistentStoreMode.MEMORY,
        service_timeout=TIMEOUT_S,
    )
    service = apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
    if service is None:
        raise _refused("no chat service understands it")
    return service


def _words(service: Any) -> list[str]:
    """Return the names of a service, those of its plain HTTP form among them."""
    spoken = (service.secure_protocol, service.protocol)
    return [
        word
        for one in spoken
        for word in ([one] if isinstance(one, str) else [*(one or ())])
        if word
    ]


def _check_listed(service: Any) -> None:
    port = service.port or (443 if service.secure else 80)
    pair = f"{service.host}:{port}".lower()
    if pair not in {one.lower() for one in settings.CONFIG.allow_private_targets}:
        raise _refused(f"an operator has to list {pair} in KAIZEN_ALLOW_PRIVATE_TARGETS first")


def _refused(why: str) -> InvalidInput:
    return InvalidInput(f"this chat address is refused: {why}", code="target_refused")
