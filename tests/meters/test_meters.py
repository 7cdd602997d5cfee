"""What each meter's answers mean, and how a meter is named."""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.errors import BadInput
from harness.meters import METERS, Reading, kasa, meter, parse_meter, shelly_gen1, shelly_gen2, tasmota
from harness.meters.base import MeterFault
from harness.meters.csv_file import CsvFile
from tests.meters.conftest import RECORDED, Answer, Plug, drips, hangs, not_http, recorded, says

MONSOON = f"csv:{RECORDED / 'monsoon.csv'}?time=Time(ms):ms&current=Main(mA):mA&voltage=Main Voltage(V)"
GEN1 = Reading(power_w=12.34, energy_j=439237 * 60.0)
GEN2 = Reading(power_w=8.9, energy_j=6532.123 * 3600, voltage_v=237.5, current_a=0.051)


@pytest.mark.parametrize(
    ("address", "answer", "path", "expected"),
    [
        ("shelly1://{}", "shelly_gen1.json", "/meter/0", GEN1),
        ("shelly1://{}?meter=2", "shelly_gen1.json", "/meter/2", GEN1),
        ("shelly2://{}?id=1", "shelly_gen2.json", "/rpc/Switch.GetStatus?id=1", GEN2),
        (
            "tasmota://{}",
            "tasmota_status10.json",
            "/cm?cmnd=Status%2010",
            Reading(power_w=27, energy_j=1.234 * 3.6e6, voltage_v=234, current_a=0.122),
        ),
        (
            "tasmota://{}?channel=1",
            "tasmota_two_channels.json",
            "/cm?cmnd=Status%2010",
            Reading(power_w=6, energy_j=7.2e6, voltage_v=230, current_a=0.06),
        ),
    ],
)
def test_plugs_over_http(plug: Plug, address: str, answer: str, path: str, expected: Reading) -> None:
    plug.answers = [says(recorded(answer))]
    assert meter(address.format(plug.host)).read(2.0) == expected
    assert plug.asked == [path]


def test_old_tasmota_is_asked_the_old_way(plug: Plug) -> None:
    plug.answers = [says({"Command": "Unknown"}), says(recorded("tasmota_status8.json"))]
    assert meter(f"tasmota://{plug.host}").read(2.0).energy_j == pytest.approx(0.52 * 3.6e6)
    assert plug.asked == ["/cm?cmnd=Status%2010", "/cm?cmnd=Status%208"]


def test_a_plug_that_does_not_measure(plug: Plug) -> None:
    plug.answers = [says(recorded("tasmota_no_energy.json"))]
    with pytest.raises(MeterFault, match="does the plug measure"):
        meter(f"tasmota://{plug.host}").read(2.0)


@pytest.mark.parametrize("style", ["kasa_new.json", "kasa_old.json"])
def test_kasa_in_both_styles(style: str) -> None:
    reading = kasa.parse(recorded(style))
    assert reading.sensors() == pytest.approx(
        {"power_w": 8.123, "energy_j": 5.4e6, "voltage_v": 230.512, "current_a": 0.063}
    )


def test_kasa_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kasa", None)
    with pytest.raises(MeterFault, match="python-kasa is not installed") as caught:
        meter("kasa://127.0.0.1").read(2.0)
    assert caught.value.remedy == "pip install python-kasa"


class KasaDevice:
    """A plug as python-kasa shows it: modules by name, and what is asynchronous there."""

    def __init__(self, modules: dict[str, Any], delay_s: float = 0.0) -> None:
        self.modules = modules
        self._delay_s = delay_s
        self.disconnected = False

    async def update(self) -> None:
        await asyncio.sleep(self._delay_s)

    async def disconnect(self) -> None:
        self.disconnected = True


@pytest.mark.parametrize(
    ("device", "what"),
    [
        (KasaDevice({"Energy": SimpleNamespace(status=recorded("kasa_new.json"))}), None),
        (KasaDevice({}), "does not measure"),
        (KasaDevice({}, delay_s=60), "no answer within 0.3 s"),
        (None, "no Kasa or Tapo plug answers there"),
    ],
)
def test_kasa_through_its_package(monkeypatch: pytest.MonkeyPatch, device: KasaDevice | None, what: str | None) -> None:
    async def discover_single(host: str) -> KasaDevice | None:
        return device

    package = SimpleNamespace(
        Discover=SimpleNamespace(discover_single=discover_single), Module=SimpleNamespace(Energy="Energy")
    )
    monkeypatch.setitem(sys.modules, "kasa", package)
    if what is None:
        assert meter("kasa://127.0.0.1").read(0.3).power_w == 8.123
    else:
        with pytest.raises(MeterFault, match=what):
            meter("kasa://127.0.0.1").read(0.3)
    deadline = time.monotonic() + 2
    while device is not None and not device.disconnected:
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("parse", "answer", "what"),
    [
        (shelly_gen1.parse, [], "the answer has no fields"),
        (shelly_gen1.parse, {}, "neither power nor energy"),
        (shelly_gen1.parse, {"power": "12"}, "power is '12', not a number"),
        (shelly_gen1.parse, {"power": float("nan")}, "power is nan"),
        (shelly_gen1.parse, {"power": True}, "power is True"),
        (shelly_gen1.parse, {"power": 1.0, "is_valid": False}, "not valid"),
        (shelly_gen2.parse, {"apower": 1, "aenergy": 3}, "the answer has no aenergy"),
        (tasmota.parse, {"StatusSNS": {"ENERGY": {"Power": [], "Total": [1]}}}, "Power has 0 channels, and 0 is"),
        (kasa.parse, {"err_code": -1}, "neither power nor energy"),
    ],
)
def test_an_answer_without_a_number_is_a_fault_and_never_zero(
    parse: Callable[[Any], Reading], answer: object, what: str
) -> None:
    with pytest.raises(MeterFault, match=what):
        parse(answer)


def test_what_a_meter_lacks_is_absent() -> None:
    assert shelly_gen1.parse({"power": 0.0}).sensors() == {"power_w": 0.0}


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (says(b"<html>busy</html>"), "not JSON"),
        (says(b""), "not JSON"),
        (says({}, 500), "HTTP 500"),
        (says({}, 401), "HTTP 401: it wants a password"),
        (says({}, 302), "HTTP 302"),
        (hangs, "no answer within 0.3 s"),
        (drips, "no answer within 0.3 s"),
        (not_http, "not HTTP: BadStatusLine"),
    ],
)
def test_a_bad_answer_is_a_fault_within_the_deadline(plug: Plug, answer: Answer, what: str) -> None:
    plug.answers = [answer]
    began = time.monotonic()
    with pytest.raises(MeterFault, match=re.escape(what)):
        meter(f"shelly2://{plug.host}").read(0.3)
    assert time.monotonic() - began < 0.6


def test_nobody_there(plug: Plug) -> None:
    plug.close()
    with pytest.raises(MeterFault, match="Connection refused"):
        meter(f"shelly1://{plug.host}").read(1.0)


def test_no_proxy_is_asked(plug: Plug, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    plug.answers = [says(recorded("shelly_gen1.json"))]
    assert meter(f"shelly1://{plug.host}").read(1.0) == GEN1


def test_a_csv_with_its_own_time_base() -> None:
    trace = meter(MONSOON)
    assert isinstance(trace, CsvFile)
    rows = [row for row in trace.rows() if isinstance(row, Reading)]
    assert [row.own_time_s for row in rows] == pytest.approx([0, 0.0002, 0.0004])
    assert [row.power_w for row in rows] == pytest.approx([2.1, 2.1441, 2.009])
    assert trace.read(1.0) == rows[-1]


def test_a_csv_that_is_being_written(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    trace = meter(f"csv:{path}?time=t&power=P:mW&energy=E:Wh")
    with pytest.raises(MeterFault, match="No such file"):
        trace.read(1.0)
    path.write_text("t, P, E\n")
    with pytest.raises(MeterFault, match="no whole row yet"):
        trace.read(1.0)
    path.write_text("t, P, E\n1,2500,0.5\n2,26")
    assert trace.read(1.0) == Reading(power_w=2.5, energy_j=1800, own_time_s=1)
    path.write_text("t, P, E\n1,,0.5\n")
    with pytest.raises(MeterFault, match="last row: no number for power"):
        trace.read(1.0)


def test_a_csv_row_that_is_broken_is_named(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    shutil.copy(RECORDED / "monsoon.csv", path)
    path.write_text(path.read_text().replace("510.5", "overload"))
    trace = meter(MONSOON.replace(str(RECORDED / "monsoon.csv"), str(path)))
    assert isinstance(trace, CsvFile)
    first, bad, last = trace.rows()
    assert isinstance(bad, MeterFault) and "line 3: no number for current" in bad.message
    assert isinstance(first, Reading) and isinstance(last, Reading), "the others go on"
    trace = meter(f"csv:{path}?time=Time(s)&power=P")
    with pytest.raises(MeterFault, match=re.escape("no column 'Time(s)', 'P' among Time(ms), Main(mA)")):
        trace.read(1.0)


@pytest.mark.parametrize(
    ("text", "mistakes"),
    [
        ("", ["unknown meter ''"]),
        ("ina3221", ["unknown meter 'ina3221'"]),
        ("shely2://plug", ["unknown meter 'shely2' -> did you mean 'shelly2'?"]),
        ("shelly2:plug", ["no host"]),
        ("shelly2://", ["no host"]),
        ("shelly2://plug:99999", ["no address: Port out of range"]),
        ("shelly2://[::1", ["no address: Invalid IPv6 URL"]),
        ("shelly2://me:secret@plug/rpc?id=x&ID=1", ["unknown option 'ID'", "a user", "a path '/rpc'", "id='x' is not"]),
        ("shelly1://plug?meter=1&meter=2", ["'meter' is given twice"]),
        ("kasa://plug:9999?id=0", ["unknown option 'id'", "a port"]),
        ("tasmota://plug?channel=-1", ["channel='-1' is not a whole number"]),
        ("csv:", ["no file", "no column for the time", "no column for power"]),
        ("csv:t.csv?time=t:h&power=P", ["no unit in time='t:h' -> write `time=<column>:<unit>` with one of s, ms"]),
        ("csv:t.csv?time=t&current=I&watt=P", ["unknown option 'watt'", "no column for power"]),
        ("shelly2://plug#1", ["'#' and line breaks"]),
    ],
)
def test_every_mistake_in_a_name_is_listed(text: str, mistakes: list[str]) -> None:
    parsed, problems = parse_meter(text, "all.hosts.nano.meters[0]")
    assert parsed is None
    assert len(problems) == len(mistakes), problems
    for problem, mistake in zip(problems, mistakes, strict=True):
        assert str(problem).startswith(f"all.hosts.nano.meters[0]: {mistake}")
    with pytest.raises(BadInput):
        meter(text)


def test_every_scheme_has_a_name_that_parses() -> None:
    texts = ["shelly1://a", "shelly2://b:8080?id=0", "tasmota://[::1]", "kasa://d", "csv:~/x.csv?time=t&power=P:uW"]
    assert [text.partition(":")[0] for text in texts] == list(METERS)
    for text in texts:
        parsed, problems = parse_meter(text, "m")
        assert problems == []
        assert parsed and parsed.name == text
