"""What `check` says of every outage that the lab can make, on real servers (acceptance 2)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dns.rdatatype
import pytest
from harness import Lab
from outages import EXPECTED, SOME, Expected

Verdict = dict[str, Any]


CHANGING = {"de-2026", "bw", "de-2010"}  # what differs from look to look is looked at in full
FULL = ("--rounds", "3", "--every", "1")


def check(lab: Lab, *zones: str, options: Sequence[str] = ()) -> tuple[int, list[Verdict]]:
    """`ntactl check --json`: its exit code and the verdicts."""
    done = lab.ntactl("check", *(zones or ("de.",)), *options, "--json")
    assert done.out, done.err
    assert "Traceback" not in done.err
    return done.code, done.json["zones"]


def verdict_of(lab: Lab, zone: str = "de.") -> Verdict:
    return check(lab, zone)[1][0]


def errors(verdict: Verdict) -> list[Verdict]:
    return [finding for finding in verdict["findings"] if finding["severity"] == "error"]


def no_ds_proofs(verdict: Verdict) -> list[Verdict]:
    """Findings on the NSEC3 that should prove an unsigned child's delegation."""
    return [
        finding
        for finding in verdict["findings"]
        if finding["rrset"] == "NSEC3" and finding["detail"].startswith("no-DS proof of ")
    ]


def assert_real_rrsets(verdict: Verdict) -> None:
    for finding in verdict["findings"]:
        if finding["rrset"] is not None:
            dns.rdatatype.from_text(finding["rrset"])


def test_every_scenario_of_the_lab_is_expected(lab: Lab) -> None:
    listed = set(re.findall(r"^(\S+)", lab.lab("scenarios").out, re.MULTILINE))
    assert listed == {expected.scenario for expected in EXPECTED}


def test_keys_that_share_a_tag_are_no_reason_for_a_flush(lab: Lab) -> None:
    lab.lab("break", "de.", "--as", "tag-collision", "--phase", "2")
    _, (verdict,) = check(lab)
    assert {finding["server"] for finding in errors(verdict)} == {"bind1", "bind2"}
    told = {view["engine"]: view["state"] for view in verdict["engines"]}
    assert (verdict["state"], told) == ("secure", {"unbound": "secure", "bind": "bogus"})


def test_what_resolvers_still_chase_does_not_spoil_the_next_outage(lab: Lab) -> None:
    lab.lab("break", "de.", "--as", "dnskey-no-tcp")
    check(lab)
    lab.lab("break", "de.", "--as", "apnic-2012")


def test_what_each_engine_makes_of_it_is_told_and_true(lab: Lab) -> None:
    """Expired 22 hours ago: within Unbound's skew, and BIND has none."""
    lab.lab("break", "de.", "--as", "mm-2016")
    _, (verdict,) = check(lab)
    told = {view["engine"]: view["state"] for view in verdict["engines"]}
    assert told == {"unbound": "secure", "bind": "bogus"}
    seen = {v["host"]: v["rcode"] for v in verdict["resolvers"] if v["name"] == "de."}
    assert set(seen.items()) == {
        ("unbound1", "NOERROR"), ("unbound2", "NOERROR"),
        ("bind1", "SERVFAIL"), ("bind2", "SERVFAIL"),
    }  # fmt: skip
    assert "validators differ" in lab.ntactl("check", "de.").out


LATER = [pytest.param(one, marks=pytest.mark.soak) if one.phase > 1 else one for one in EXPECTED]


@pytest.mark.parametrize("expected", LATER, ids=str)
def test_each_outage_gets_its_verdict(lab: Lab, expected: Expected) -> None:
    lab.lab("break", "de.", "--as", expected.scenario, "--phase", str(expected.phase))
    code, (verdict,) = check(lab, options=FULL if expected.scenario in CHANGING else ())
    assert verdict["state"] == expected.state, verdict
    assert verdict["extent"] in expected.extents, verdict
    if expected.main:
        assert verdict["findings"][0]["cause"] == expected.main, verdict
    else:
        assert not errors(verdict)
    assert verdict["remedy"] == expected.remedy, verdict
    assert verdict["remedy_reason"]
    assert code == expected.code
    assert_real_rrsets(verdict)


@pytest.mark.soak
def test_de_2026_is_seen_ten_times_out_of_ten(lab: Lab) -> None:
    lab.lab("break", "de.", "--as", "de-2026")
    for _ in range(10):
        code, (verdict,) = check(lab, options=FULL)
        assert code == 11
        assert verdict["state"] == "bogus"
        assert verdict["extent"] in SOME
        assert verdict["remedy"] == "nta"
        assert verdict["findings"][0]["cause"] == "rrsig-invalid", verdict["findings"]
        assert no_ds_proofs(verdict), verdict["findings"]
        assert not {f["rrset"] for f in verdict["findings"]} & {"DS", "DNSKEY"}
        assert 0.3 < verdict["fraction_bogus"] < 0.9
        assert_real_rrsets(verdict)


def test_a_stale_server_is_named_and_no_reason_for_an_nta(lab: Lab) -> None:
    lab.lab("break", "de.", "--as", "bw")
    verdict = verdict_of(lab)
    bad = [server for server in verdict["servers"] if server["state"] == "bogus"]
    assert len(bad) == 1
    named = f"{bad[0]['name']} ({bad[0]['address']})"
    assert {finding["server"] for finding in errors(verdict)} == {named}
    assert "serial" in verdict["findings"][0]["detail"]


def test_false_denials_are_never_a_reason_for_an_nta(lab: Lab) -> None:
    lab.lab("break", "de.", "--as", "de-2010")
    for _ in range(3):
        assert verdict_of(lab)["remedy"] == "escalate"


@pytest.mark.soak
def test_a_whole_zone_is_clean_at_once_after_heal(lab: Lab) -> None:
    for scenario in dict.fromkeys(expected.scenario for expected in EXPECTED):
        lab.lab("break", "de.", "--as", scenario)
        lab.lab("heal", "de.")
        code, (verdict,) = check(lab, options=("--rounds", "1"))
        assert (code, verdict["state"], verdict["remedy"]) == (0, "secure", "none"), verdict
        assert {server["state"] for server in verdict["servers"]} == {"secure"}
        assert not verdict["findings"], verdict["findings"]


@pytest.mark.soak
def test_a_whole_zone_never_raises_a_false_alarm(lab: Lab) -> None:
    lab.lab("heal", "de.")
    for _ in range(20):
        code, verdicts = check(lab, "de.", "org.")
        assert code == 0, verdicts
        for verdict in verdicts:
            assert verdict["state"] == "secure"
            assert verdict["fraction_bogus"] == 0.0
            assert not errors(verdict)


def test_the_control_is_secure_and_the_bogus_zone_bogus(lab: Lab) -> None:
    zones = lab.status()["zones"]
    code, (control, bogus) = check(lab, zones["control"], zones["bogus"])
    assert code == 10
    assert (control["state"], control["remedy"]) == ("secure", "none")
    assert (bogus["state"], bogus["extent"]) == ("bogus", "whole")


def test_two_zones_break_and_heal_each_for_itself(lab: Lab) -> None:
    lab.lab("heal", "de.")
    lab.lab("break", "fj.", "--as", "fj-2022")
    assert verdict_of(lab, "fj.")["state"] == "bogus"
    assert verdict_of(lab)["state"] == "secure"
    lab.lab("break", "de.", "--as", "zm-2015")
    lab.lab("heal", "fj.")
    assert verdict_of(lab, "fj.")["state"] == "secure"
    assert verdict_of(lab)["state"] == "bogus"
    lab.lab("heal", "de.")
    code, _ = check(lab, "de.", "fj.")
    assert code == 0


ROOT_ANCHOR = ". IN DS 1 13 2 " + "00" * 32


@dataclass(frozen=True)
class Odd:
    """Input that is wrong, and how `check` has to end."""

    option: str
    content: str | bytes | None
    code: int
    cause: str = ""


ODD = {
    "anchor-garbage": Odd("--trust-anchor", "no records", 2),
    "anchor-binary": Odd("--trust-anchor", bytes(range(256)), 2),
    "anchor-empty": Odd("--trust-anchor", "", 2),
    "anchor-absent": Odd("--trust-anchor", None, 2),
    "anchor-of-another-zone": Odd(
        "--trust-anchor", "org. IN DS 1 13 2 " + "00" * 32, 12, "trust-anchor-mismatch"
    ),
    "anchor-wrong": Odd("--trust-anchor", ROOT_ANCHOR, 12, "trust-anchor-mismatch"),
    "anchor-wrong-for-the-zone": Odd(
        "--trust-anchor", "de. IN DS 1 13 2 " + "00" * 32, 12, "trust-anchor-mismatch"
    ),
    "hints-absent": Odd("--root-hints", None, 2),
    "hints-empty": Odd("--root-hints", "; none", 2),
    "hints-dead": Odd(
        "--root-hints", ". 9 IN NS a.root.\na.root. 9 IN A 10.53.9.9\n", 12, "server-unreachable"
    ),
    "names-absent": Odd("--names", None, 2),
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_odd_files_end_in_clear_words(lab: Lab, tmp_path: Path, odd: Odd) -> None:
    lab.lab("heal", "de.")
    path = tmp_path / "odd"
    if odd.content is not None:
        path.write_bytes(odd.content if isinstance(odd.content, bytes) else odd.content.encode())
    quick = ("--rounds", "1", "--timeout", "0.5", "--json")
    done = lab.ntactl("check", "de.", odd.option, str(path), *quick)
    assert done.code == odd.code, done.err
    assert "Traceback" not in done.err
    if odd.code == 2:
        assert str(path) in done.err
        assert not done.out
        return
    (verdict,) = done.json["zones"]
    assert verdict["findings"][0]["cause"] == odd.cause
    assert verdict["remedy"] == "escalate"


@pytest.mark.parametrize("zone", ["nosuchtld.", "www.denic.de.", "www.amazon.de."])
def test_what_is_no_zone_is_indeterminate(lab: Lab, zone: str) -> None:
    lab.lab("heal", "de.")
    code, (verdict,) = check(lab, zone)
    assert (code, verdict["state"], verdict["remedy"]) == (12, "indeterminate", "escalate")
    assert "no zone" in verdict["findings"][0]["detail"]


@pytest.mark.parametrize("now", ["2036-01-01T00:00:00Z", "2010-01-01T00:00:00Z"])
def test_a_clock_that_is_far_off_is_told(lab: Lab, now: str) -> None:
    lab.lab("heal", "de.")
    done = lab.ntactl("check", "de.", ".", "--rounds", "1", "--now", now, "--json")
    assert done.code == 12
    assert done.json["clock"]["source"] == "--now"
    for verdict in done.json["zones"]:
        assert verdict["findings"][0]["cause"] == "clock-suspect"
        assert verdict["remedy"] == "escalate"
