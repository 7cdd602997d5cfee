"""`~/.ssh/config`, machines on the way, and pinning a key: with real sshd, and a home of the test's own."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import asyncssh
import pytest
from click.testing import CliRunner

from harness.cli.trust import trust
from harness.connect import connect
from harness.connect.trust import fingerprint_of, pin
from harness.errors import HostKeyRefused, LoginRefused, Unreachable
from harness.inventory import BoardSpec
from harness.load import load_inventory
from harness.load.ssh_config import SshConfig
from tests.connect.conftest import openssh

if TYPE_CHECKING:
    from conftest import LiveBoard

INVENTORY = "all: {hosts: {far: {board_class: edge-x86, server_address: 192.0.2.1, connect_timeout_s: 5}}}\n"


@pytest.fixture(scope="module")
def sshd(a_spec: BoardSpec, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveBoard]:
    with openssh(a_spec, tmp_path_factory.mktemp("sshd")) as live:
        yield live


@pytest.fixture
def home(sshd: LiveBoard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One server is both the way and the board; `far` is reached through `gate`."""
    (tmp_path / ".ssh").mkdir(mode=0o700)
    monkeypatch.setenv("HOME", str(tmp_path))
    spec = sshd.spec
    common = f"  HostName 127.0.0.1\n  Port {spec.port}\n  User {spec.user}\n  IdentityFile {spec.key_file}\n"
    (tmp_path / ".ssh/config").write_text(f"Host gate\n{common}Host far\n{common}  ProxyJump gate\n")
    (tmp_path / "rack.yaml").write_text(INVENTORY)
    return tmp_path


def far(home: Path) -> BoardSpec:
    (spec,) = load_inventory(home / "rack.yaml").boards
    return spec


def test_what_the_inventory_leaves_open_ssh_config_answers(home: Path, sshd: LiveBoard) -> None:
    spec = far(home)
    assert (spec.host, spec.port, spec.user, spec.key_file) == (
        "127.0.0.1", sshd.spec.port, sshd.spec.user, sshd.spec.key_file,
    )  # fmt: skip
    assert [(jump.host, jump.port) for jump in spec.jumps] == [("127.0.0.1", sshd.spec.port)]
    text = INVENTORY.replace("board_class", "ansible_port: 77, ansible_user: ana, board_class")
    (home / "rack.yaml").write_text(text)
    assert (far(home).port, far(home).user) == (77, "ana"), "the inventory wins"


def test_a_board_behind_another_machine(home: Path, sshd: LiveBoard) -> None:
    (home / ".ssh/known_hosts").write_text(f"[127.0.0.1]:{sshd.spec.port} {sshd.spec.host_key}\n")
    connection = connect(far(home))
    assert connection.run("echo through").text == "through\n"
    (home / "file").write_bytes(bytes(1_000_000))
    connection.put(home / "file", str(home / "copy"))
    assert (home / "copy").stat().st_size == 1_000_000
    connection.close()


def test_no_key_is_accepted_on_the_way_either(home: Path, sshd: LiveBoard) -> None:
    (home / ".ssh/known_hosts").write_text("")
    with pytest.raises(HostKeyRefused, match=r"far: on the way, at .*: its host key is .* none is pinned"):
        connect(far(home))
    assert (home / ".ssh/known_hosts").read_text() == ""
    spec = replace(far(home), host_key=sshd.spec.host_key)  # the board's own pin does not vouch for the way
    with pytest.raises(HostKeyRefused, match="on the way"):
        connect(spec)


def test_a_way_that_is_closed_is_named(home: Path, sshd: LiveBoard) -> None:
    (home / ".ssh/known_hosts").write_text(f"[127.0.0.1]:{sshd.spec.port} {sshd.spec.host_key}\n")
    spec = far(home)
    (jump,) = spec.jumps
    with pytest.raises(Unreachable, match=r"on the way, at 127\.0\.0\.1:1: 127\.0\.0\.1:1 refuses connections"):
        connect(replace(spec, jumps=(jump._replace(port=1),)))
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(home / "other")
    with pytest.raises(LoginRefused, match="on the way"):
        connect(replace(spec, jumps=(jump._replace(key_file=str(home / "other")),)))
    with pytest.raises(Unreachable):
        connect(replace(spec, port=1))  # behind it nobody answers


def test_a_way_in_a_circle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("Host a\n  ProxyJump b\nHost b\n  ProxyJump a\nHost c\n  ProxyJump u@a:7,b\n")
    config = SshConfig(tmp_path / "config")
    with pytest.raises(ValueError, match="ProxyJump of a goes in a circle"):
        config.jumps("a", "me")


def test_a_key_is_pinned_once_and_never_replaced(home: Path, sshd: LiveBoard) -> None:
    spec = replace(far(home), jumps=(), host_key=None)
    pins = home / ".ssh/known_hosts"
    key, fingerprint = fingerprint_of(spec)
    assert fingerprint == asyncssh.import_public_key(sshd.spec.host_key or "").get_fingerprint()
    assert not pins.exists(), "looking stores nothing"
    assert [pin(spec, key), pin(spec, key)] == [True, False]
    assert pins.read_text().count("\n") == 1 and stat.S_IMODE(pins.stat().st_mode) == 0o600
    connect(spec).close()
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    pins.write_text(f"[127.0.0.1]:{spec.port} {other}\n")
    with pytest.raises(HostKeyRefused, match="it offers") as caught:
        pin(spec, key)
    assert "ssh-keygen -R" in caught.value.remedy and other in pins.read_text()


@pytest.mark.parametrize(("answer", "pinned"), [("y\n", True), ("n\n", False), ("", False)])
def test_trust_asks_and_takes_only_a_yes(home: Path, sshd: LiveBoard, answer: str, pinned: bool) -> None:
    (home / ".ssh/config").write_text((home / ".ssh/config").read_text().replace("  ProxyJump gate\n", ""))
    done = CliRunner().invoke(trust, ["--inventory", str(home / "rack.yaml"), "far"], input=answer)
    assert "offers ssh-ed25519 SHA256:" in done.output
    assert (home / ".ssh/known_hosts").exists() == pinned


def test_trust_compares_a_given_fingerprint(home: Path) -> None:
    (home / ".ssh/config").write_text((home / ".ssh/config").read_text().replace("  ProxyJump gate\n", ""))
    done = CliRunner().invoke(trust, ["--inventory", str(home / "rack.yaml"), "far", "--fingerprint", "SHA256:other"])
    assert isinstance(done.exception, HostKeyRefused) and "not SHA256:other" in done.exception.message
    assert not (home / ".ssh/known_hosts").exists()
    good = fingerprint_of(far(home))[1]
    done = CliRunner().invoke(trust, ["--inventory", str(home / "rack.yaml"), "far", "--fingerprint", good])
    assert done.exit_code == 0 and (home / ".ssh/known_hosts").exists()
