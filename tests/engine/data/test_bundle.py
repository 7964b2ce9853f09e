"""A bundle is the same bytes for the same content, and refuses all but what was packed."""

import io
import json
import zipfile
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from kaizen_engine.data.bundle import BundleRefused, Limits, bundle_pack, bundle_unpack, read_json

KIND = "kaizen.test/1"
FILES = {"one.json": b'{"a":1}\n', "two.jsonl": b"1\n2\n" * 500}
CONTENT, SHA256 = bundle_pack(KIND, FILES)


def repacked(change: Callable[[dict[str, bytes]], Any], content: bytes = CONTENT) -> bytes:
    """Return the bundle with its files changed, by whoever does not mind the manifest."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    change(files)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return packed.getvalue()


def test_the_order_of_the_files_and_the_time_leave_no_trace() -> None:
    assert bundle_pack(KIND, dict(reversed(FILES.items()))) == (CONTENT, SHA256)
    with zipfile.ZipFile(io.BytesIO(CONTENT)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_what_was_packed_comes_back() -> None:
    found = bundle_unpack(KIND, CONTENT, FILES)
    assert (found.files, found.sha256) == (FILES, SHA256)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda files: files.update({"one.json": b'{"a":2}\n'}), "one.json is not what was"),
        (lambda files: files.update({"../../etc/passwd": b"x"}), "'../../etc/passwd'"),
        (lambda files: files.update({"/one.json": b"x"}), "'/one.json'"),
        (lambda files: files.pop("two.jsonl"), "'two.jsonl'"),
        (lambda files: files.pop("manifest.json"), "'manifest.json'"),
        (lambda files: files.update({"manifest.json": b"{"}), "manifest.json is not JSON"),
        (lambda files: files.update({"manifest.json": b"[]"}), "not of the format"),
        (lambda files: files.update({"manifest.json": b"[" * 9_000}), "manifest.json is not JSON"),
        (
            lambda files: files.update({"manifest.json": json.dumps({"format": KIND}).encode()}),
            "does not list",
        ),
    ],
)
def test_a_bundle_that_was_changed_is_refused_in_words(
    change: Callable[[dict[str, bytes]], Any], said: str
) -> None:
    with pytest.raises(BundleRefused, match=said.replace("[", r"\[")):
        bundle_unpack(KIND, repacked(change), FILES)


def test_another_kind_of_bundle_is_refused() -> None:
    with pytest.raises(BundleRefused, match="not of the format kaizen.other/1"):
        bundle_unpack("kaizen.other/1", CONTENT, FILES)


@pytest.mark.parametrize("content", [b"", b"no zip", CONTENT[:200], CONTENT[:-30], b"PK" * 400])
def test_what_is_no_whole_zip_is_refused(content: bytes) -> None:
    with pytest.raises(BundleRefused, match="no readable bundle"):
        bundle_unpack(KIND, content, FILES)


@pytest.mark.parametrize("place", range(60, len(CONTENT) - 60, 40))
def test_a_flipped_bit_never_gives_other_content(place: int) -> None:
    flipped = bytearray(CONTENT)
    flipped[place] ^= 0x10
    found = None
    with suppress(BundleRefused):
        found = bundle_unpack(KIND, bytes(flipped), FILES)
    assert found is None or found.files == FILES


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_twice_is_refused() -> None:
    packed = io.BytesIO(CONTENT)
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr("one.json", b"another")
    with pytest.raises(BundleRefused, match="a file twice"):
        bundle_unpack(KIND, packed.getvalue(), FILES)


def test_a_small_zip_of_much_is_read_no_further_than_its_limit() -> None:
    little = Limits(packed=10_000, content=1_000)
    with pytest.raises(BundleRefused, match=r"two\.jsonl is larger"):
        bundle_unpack(KIND, CONTENT, FILES, limits=little)
    with pytest.raises(BundleRefused, match="the content is larger"):
        bundle_pack(KIND, FILES, limits=little)
    with pytest.raises(BundleRefused, match="the file is larger"):
        bundle_unpack(KIND, CONTENT, FILES, limits=Limits(packed=10))
    with pytest.raises(BundleRefused, match="the bundle would be larger"):
        bundle_pack(KIND, FILES, limits=Limits(packed=10))


@pytest.mark.parametrize("text", [b"NaN", b"{", b"\xff", b"[" * 100_000])
def test_json_that_is_none_is_refused(text: bytes) -> None:
    with pytest.raises(BundleRefused, match=r"calls\.jsonl is not JSON"):
        read_json(text, "calls.jsonl")
