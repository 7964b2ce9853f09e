"""A few named files in one zip, whose bytes depend on their content alone, checked by hash.

Nothing is ever unpacked to a disk, and nothing is read beyond the limits, whatever a header says.
"""

import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from kaizen_engine.errors import KaizenError
from kaizen_engine.prompts.artifact import canonical_json

MANIFEST = "manifest.json"
LARGEST_BUNDLE = 128 * 1024 * 1024
LARGEST_MANIFEST = 64 * 1024
_EPOCH = (1980, 1, 1, 0, 0, 0)
_READABLE = 0o644 << 16


class BundleRefused(KaizenError):
    """The file is no bundle of this kind, or not the one that was written."""

    code = "bundle_refused"


@dataclass(frozen=True)
class Limits:
    """Bytes of the zip, and of all that is in it."""

    packed: int = LARGEST_BUNDLE
    content: int = 4 * LARGEST_BUNDLE


STANDARD = Limits()


@dataclass(frozen=True)
class Bundle:
    """`sha256` is of the manifest, which holds the hash of every file."""

    files: Mapping[str, bytes]
    sha256: str


def bundle_pack(
    kind: str, files: Mapping[str, bytes], *, limits: Limits = STANDARD
) -> tuple[bytes, str]:
    """Return the zip and the SHA-256 that names its content."""
    contents = {
        name: {"bytes": len(files[name]), "sha256": _sha256(files[name])} for name in sorted(files)
    }
    if sum(map(len, files.values())) > limits.content:
        raise BundleRefused(f"the content is larger than {_mib(limits.content)}")
    manifest = canonical_json({"format": kind, "files": contents}).encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name, content in [(MANIFEST, manifest), *sorted(files.items())]:
            archive.writestr(_entry(name), content)
    if packed.tell() > limits.packed:
        raise BundleRefused(f"the bundle would be larger than {_mib(limits.packed)}")
    return packed.getvalue(), _sha256(manifest)


def bundle_unpack(
    kind: str, content: bytes, names: Collection[str], *, limits: Limits = STANDARD
) -> Bundle:
    """Return the files called `names` when each is what was packed. Raises BundleRefused."""
    if len(content) > limits.packed:
        raise BundleRefused(f"the file is larger than {_mib(limits.packed)}")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _check_names(archive, {MANIFEST, *names})
            manifest = _read(archive, MANIFEST, LARGEST_MANIFEST)
            listed = _listed(kind, manifest, names)
            left, files = limits.content, {}
            for name in sorted(names):
                files[name] = _read(archive, name, left)
                left -= len(files[name])
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise BundleRefused(f"the file is no readable bundle: {error}") from error
    for name in sorted(names):
        if _sha256(files[name]) != listed[name]:
            message = f"{name} is not what was exported: its SHA-256 differs from the manifest's"
            raise BundleRefused(message)
    return Bundle(files, _sha256(manifest))


def read_json(content: bytes, name: str) -> Any:
    """Return strict JSON; raises BundleRefused naming the file."""
    try:
        return json.loads(content, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise BundleRefused(f"{name} is not JSON: {error}") from error


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = _READABLE
    # Unix everywhere, so that the bytes do not tell where they were written.
    entry.create_system = 3
    return entry


def _check_names(archive: zipfile.ZipFile, wanted: Collection[str]) -> None:
    found = archive.namelist()
    if sorted(found) != sorted(wanted):
        odd = sorted(set(found) ^ set(wanted)) or ["a file twice"]
        raise BundleRefused(f"a bundle has exactly its own files; missing or foreign: {odd[0]!r}")


def _read(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    """Read at most `most` bytes: what a header says of the size is not to be believed."""
    with archive.open(name) as stream:
        content = stream.read(most + 1)
    if len(content) > most:
        raise BundleRefused(f"{name} is larger than a bundle may be")
    return content


def _listed(kind: str, manifest: bytes, names: Collection[str]) -> dict[str, str]:
    body = read_json(manifest, MANIFEST)
    if not isinstance(body, dict) or body.get("format") != kind:
        raise BundleRefused(f"the manifest is not of the format {kind}")
    try:
        return {name: str(body["files"][name]["sha256"]) for name in names}
    except (KeyError, TypeError) as error:
        raise BundleRefused("the manifest does not list every file") from error


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _refuse_constant(name: str) -> None:
    message = f"{name} is no JSON"
    raise ValueError(message)


def _mib(size: int) -> str:
    return f"{size // 1024 // 1024} MiB"
