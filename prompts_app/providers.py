"""Which git provider speaks for a repository, and which places a project may name."""

from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings

from kaizen_engine.git.base import GitProvider
from kaizen_engine.git.local import LocalGit
from projects_app.exceptions import InvalidInput
from projects_app.models import Project
from projects_app.targets import check_target
from prompts_app.models import GitConnection, Repository


def provider_of(repository: Repository) -> GitProvider:
    """Return the provider, whose calls go to git or over the network. Raises GitError."""
    connection = repository.connection
    check_place(connection.project, connection.url)
    folder = Path(settings.CONFIG.data_dir).absolute() / "git"
    if not connection.url:
        own = folder / f"{connection.public_id}.git"
        return LocalGit.create(own, base=repository.base_branch)
    if connection.url.startswith("/"):
        return LocalGit(Path(connection.url))
    copy = folder / f"{connection.public_id}.copy.git"
    copy.parent.mkdir(parents=True, exist_ok=True)
    return LocalGit(copy, remote=connection.url, pin=_pin(connection))


def check_place(project: Project, url: str) -> None:
    """Raise InvalidInput unless the project may name this place.

    On disk: what is under `<data>/repositories/<project>` or a folder of KAIZEN_GIT_ROOTS. By
    address: what KAIZEN_ALLOW_PRIVATE_TARGETS and the guard for addresses let through.
    """
    parts = urlsplit(url)
    if not url:
        return
    if parts.scheme in ("http", "https"):
        _check_address(url)
    elif parts.scheme == "file" and not parts.netloc:
        _check_folder(project, parts.path)
    elif url.startswith("/"):
        _check_folder(project, url)
    else:
        message = (
            "give the absolute path of a bare repository, or an address with https:// or file://"
        )
        raise InvalidInput(message, errors={"url": message})


def _check_address(url: str) -> None:
    try:
        check_target(url)
    except InvalidInput as error:
        raise InvalidInput(str(error), code=error.code, errors={"url": str(error)}) from error


def _check_folder(project: Project, path: str) -> None:
    own = Path(settings.CONFIG.data_dir) / "repositories" / project.slug
    roots = [own, *map(Path, settings.CONFIG.git_roots)]
    folder = Path(path).resolve()
    if not any(folder.is_relative_to(root.resolve()) for root in roots):
        message = f"a repository on disk must be under {own} or a folder of KAIZEN_GIT_ROOTS"
        raise InvalidInput(message, code="target_refused", errors={"url": message})


def _pin(connection: GitConnection) -> str:
    """Let git call only the address that was checked: a name may lead elsewhere a moment later."""
    if urlsplit(connection.url).scheme not in ("http", "https"):
        return ""
    target = check_target(connection.url)
    addresses = ",".join(f"[{one}]" if ":" in one else one for one in target.addresses)
    return f"{target.host}:{target.port}:{addresses}" if addresses else ""
