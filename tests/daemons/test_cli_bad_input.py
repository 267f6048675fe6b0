"""Bad input on a lab with a broken zone: a clear error, the right code, no host differs after."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import NTACTL, Lab, Run, unchanged

LABEL = "a" * 64


@pytest.fixture(scope="module")
def broken(lab: Lab) -> Iterator[Lab]:
    """de. is broken, and no host differs after all of it."""
    lab.lab("break", "de.", "--as", "zm-2015")
    with unchanged(lab):
        yield lab


def ends(lab: Lab, code: int, *argv: str) -> Run:
    done = lab.ok(*argv, code=code)
    assert "Traceback" not in done.out + done.err
    return done


@pytest.mark.parametrize("verb", [["check"], ["plan", "--reason", "r"]])
@pytest.mark.parametrize("zone", ["", "de extra", "a..b", LABEL])
def test_what_is_no_zone(broken: Lab, verb: list[str], zone: str) -> None:
    done = ends(broken, 2, verb[0], zone, *verb[1:])
    assert done.out == ""
    assert "zone name" in done.err


def test_the_root_is_looked_at_and_never_planned(broken: Lab) -> None:
    assert (
        ends(broken, 0, "check", ".", "--names", "/dev/null", "--json").json["zones"][0]["zone"]
        == "."
    )
    refused = ends(broken, 4, "plan", ".", "--reason", "r")
    assert "rule 'root-zone'" in refused.err


def test_a_broken_zone_below_is_not_blamed_on_our_resolvers(broken: Lab, tmp_path: Path) -> None:
    names = tmp_path / "names"
    names.write_text("www.denic.de.\n")
    asked = ("check", ".", "-i", str(broken.folder / "inventory.yaml"), "--names", str(names))
    verdict = ends(broken, 0, *asked, "--json").json["zones"][0]
    assert (verdict["state"], verdict["remedy"]) == ("secure", "none")
    assert "ntactl check de." in verdict["remedy_reason"]


def test_witnesses_are_heard(broken: Lab) -> None:
    address = broken.host("bind1")["address"]
    verdict = ends(broken, 10, "check", "de.", "--via", address, "--json").json["zones"][0]
    assert {view["host"] for view in verdict["witnesses"]} == {f"via {address}"}
    assert verdict["remedy_reason"].endswith("1 of 1 witnesses fail alike")
    assert "--via 9.9.9.9" in ends(broken, 2, "check", "de.", "--via", "dns.quad9.net").err


def test_capitals_are_the_same_zone(broken: Lab) -> None:
    assert ends(broken, 10, "check", "DE", "--json").json["zones"][0]["zone"] == "de."
    plan = ends(broken, 0, "plan", "DE", "--reason", "r", "--json").json
    assert plan["ntas"][0]["zone"] == "de."


def test_umlauts_are_an_a_label(broken: Lab) -> None:
    done = broken.ntactl("check", "münchen", "--json")
    assert done.code in (0, 10, 11, 12), done.err
    assert done.json["zones"][0]["zone"] == "xn--mnchen-3ya."


@pytest.mark.parametrize(
    ("lifetime", "code", "said"), [("0s", 2, "no lifetime"), ("8d", 4, "rule 'lifetime'")]
)
def test_lifetimes(broken: Lab, lifetime: str, code: int, said: str) -> None:
    done = ends(broken, code, "plan", "de.", "--reason", "r", "--for", lifetime)
    assert said in done.err


def test_a_plan_that_was_cut_short(broken: Lab, tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    broken.approved(path)
    path.write_text(path.read_text()[:-200])
    for verb in ("show", "approve", "apply"):
        assert "is no plan" in ends(broken, 2, verb, str(path)).err


def test_a_full_disk(broken: Lab, tmp_path: Path) -> None:
    """The journal is written before the act: where it cannot be, nothing is done."""
    path, full = tmp_path / "p.json", tmp_path / "full"
    broken.approved(path)
    full.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(full)], check=True)
    try:
        done = ends(broken, 1, "apply", str(path), "--state", str(full / "state"))
        assert str(full) in done.err
        saved = ends(broken, 1, "plan", "de.", "--reason", "r", "--out", str(full / "p.json"))
        assert str(full) in saved.err
        _what_is_lost_in_the_end(broken, full, tmp_path / "zones")
    finally:
        subprocess.run(["umount", str(full)], check=True)


def _what_is_lost_in_the_end(broken: Lab, full: Path, zones: Path) -> None:
    """A disk that is full when the look is over costs what was to be kept, never the verdict."""
    zones.write_text("de.\n")
    with pytest.raises(OSError, match="No space left"):
        (full / "fill").write_bytes(bytes(1 << 20))
    kept = ends(broken, 10, "scan", "--zones", str(zones), "--state", str(full / "scan.json"))
    assert "de. is BOGUS" in kept.out
    assert "this scan is not remembered; the verdict stands" in kept.err
    lost = ends(broken, 1, "check", "fj.", "--save-evidence", str(full / "kept.json"))
    assert "fj. is SECURE" in lost.out
    assert "No space left" in lost.err


def test_a_report_that_cannot_be_printed(broken: Lab) -> None:
    """Hosts were changed: no "nothing was changed", and the report is told elsewhere."""
    done = broken.inside(
        "sh", "-c", '"$@" >/dev/full', "sh", *NTACTL, "mitigate", "de.", "--reason", "r", "--yes"
    )
    assert done.code == 6, done.err
    assert "stdout cannot be written: No space left on device" in done.err
    assert "all on: every host of plan" in done.err
    assert done.err.endswith("next: ntactl status\n")
    ends(broken, 0, "rollback", "de.", "--yes")


def test_mitigate_and_rollback_say_one_object(broken: Lab) -> None:
    done = ends(broken, 0, "mitigate", "de.", "--reason", "r", "--yes", "--json")
    assert done.json["schema"] == "ntactl/mitigate/1"
    rolled = ends(broken, 0, "rollback", "de.", "--yes", "--json")
    assert rolled.json["schema"] == "ntactl/rollback/1"
    told = json.loads(broken.lab("status", "--json").out)
    assert told["schema"] == "ntactl/lab-status/1"
