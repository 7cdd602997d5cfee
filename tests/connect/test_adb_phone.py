"""What adb says when the phone is not there, or does not trust us."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from harness.connect import connect
from harness.errors import BoardError, LoginRefused, Unreachable
from harness.inventory import BoardSpec
from tests.connect.adb_server import adb_server

needs_adb = pytest.mark.skipif(shutil.which("adb") is None, reason="adb is not installed (Debian: adb)")


@needs_adb
@pytest.mark.parametrize(
    ("serial", "state", "kind", "text"),
    [
        ("PHONE2", "device", Unreachable, "PHONE2: .*not found"),
        ("PHONE1", "offline", Unreachable, "PHONE1: offline"),
        ("PHONE1", "unauthorized", LoginRefused, "PHONE1: unauthorized"),
    ],
)
def test_a_phone_that_is_not_ready(
    a_spec: BoardSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    serial: str, state: str, kind: type[BoardError], text: str,
) -> None:  # fmt: skip
    with adb_server(tmp_path, "PHONE1", state) as port:
        monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(port))
        with pytest.raises(kind, match=text) as caught:
            connect(replace(a_spec, connection="adb", host=serial, port=22, virtual=None))
        assert caught.value.remedy


def test_without_adb_the_remedy_is_to_install_it(a_spec: BoardSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(Unreachable, match="adb is not installed") as caught:
        connect(replace(a_spec, connection="adb", host="PHONE1", port=22, virtual=None))
    assert caught.value.remedy == "apt-get install adb"
