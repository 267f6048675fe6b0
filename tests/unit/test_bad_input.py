"""Bad input on the command line: a clear error, the right code, and nothing is written."""

from pathlib import Path

import pytest
from commands import ROOT, ntactl

EXAMPLE = ROOT / "inventories" / "example.yaml"
# Nothing here may reach a network: the hints do not exist, and names and files are read first.
OFFLINE = ("--root-hints", "/nonexistent/hints", "--reason", "test")


def refused(folder: Path, *args: str) -> tuple[int, str]:
    """The code and the message; checks that the folder is as it was."""
    before = sorted(folder.rglob("*"))
    done = ntactl(folder, *args)
    assert done.stdout == ""
    assert sorted(folder.rglob("*")) == before
    return done.returncode, done.stderr


@pytest.mark.parametrize("verb", ["plan", "mitigate"])
@pytest.mark.parametrize(
    ("zone", "code", "said"),
    [
        (".", 4, "refused by rule 'root-zone'"),
        ("", 2, "zone name '' has an empty label"),
        ("de extra", 2, "zone name 'de extra' is not a host name"),
        ("a..b", 2, "zone name 'a..b' has an empty label"),
        ("a" * 64, 2, "has a label of over 63 characters"),
        (".".join(["a" * 60] * 5), 2, "is longer than 253 characters"),
    ],
)
def test_a_bad_zone_is_refused_before_anything_is_asked(
    tmp_path: Path, verb: str, zone: str, code: int, said: str
) -> None:
    got, text = refused(tmp_path, verb, zone, "-i", str(EXAMPLE), *OFFLINE)
    assert (got, said in text) == (code, True), text
    assert "checking" not in text


@pytest.mark.parametrize(("zone", "name"), [("DE", "de."), ("münchen", "xn--mnchen-3ya.")])
def test_other_spellings_are_the_same_zone(tmp_path: Path, zone: str, name: str) -> None:
    code, text = refused(tmp_path, "plan", zone, "-i", str(EXAMPLE), *OFFLINE)
    assert f"checking {name}" in text
    assert "/nonexistent/hints" in text
    assert code == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("hosts: [\n", "fleet.yaml:2: is not YAML: "),
        ("", "fleet.yaml: is empty"),
        (
            (
                "hosts:\n- {name: a, address: 192.0.2.1, engine: bind}\n"
                "- {name: b, address: 192.0.2.1, engine: bind}\n"
            ),
            "fleet.yaml:3: hosts[1].address: 192.0.2.1 is a duplicate of line 2",
        ),
        (
            "hosts:\n- {name: a, address: 192.0.2.1, engine: dnsmasq}\n",
            "fleet.yaml:2: hosts[0].engine: unknown engine 'dnsmasq', known: 'unbound', 'bind',",
        ),
        (
            "hosts:\n- {name: a, address: ns.example.de, engine: bind}\n",
            "fleet.yaml:2: hosts[0].address: 'ns.example.de' is not an IP address",
        ),
    ],
)
@pytest.mark.parametrize("verb", ["plan", "mitigate", "check", "fleet"])
def test_a_bad_inventory_is_refused_by_every_verb_that_reads_one(
    tmp_path: Path, verb: str, text: str, said: str
) -> None:
    (tmp_path / "fleet.yaml").write_text(text)
    words = {"fleet": (), "check": ("de.", *OFFLINE[:2])}.get(verb, ("de.", *OFFLINE))
    code, shown = refused(tmp_path, verb, *words, "-i", "fleet.yaml")
    assert shown.startswith(said), shown
    assert code == 2


def test_an_inventory_that_is_not_there(tmp_path: Path) -> None:
    code, text = refused(tmp_path, "plan", "de.", "-i", "no.yaml", *OFFLINE)
    assert (code, "no.yaml: cannot be read: No such file" in text) == (2, True)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("lifetime: 0s", "policy.yaml:3: lifetime: an NTA needs an end"),
        ("lifetime: 8d", "policy.yaml:3: lifetime: a lifetime of 8d is refused"),
        ("{", "policy.yaml:4: is not YAML: "),
    ],
)
def test_a_bad_playbook_is_refused(tmp_path: Path, line: str, said: str) -> None:
    controls = "controls: {healthy: org., bogus: dnssec-failed.org.}"
    (tmp_path / "policy.yaml").write_text(f"name: x\n{controls}\n{line}\n")
    words = ("plan", "de.", "-i", str(EXAMPLE), "--playbook", "policy.yaml", *OFFLINE)
    code, text = refused(tmp_path, *words)
    assert text.startswith(said), text
    assert code == 2


@pytest.mark.parametrize(
    ("lifetime", "code"), [("0s", 2), ("8d", 4), ("169h", 4), ("soon", 2), ("4", 2), ("-1h", 2)]
)
def test_a_bad_lifetime_is_refused(tmp_path: Path, lifetime: str, code: int) -> None:
    words = ("plan", "de.", "-i", str(EXAMPLE), f"--for={lifetime}", *OFFLINE)
    got, text = refused(tmp_path, *words)
    assert got == code, text
    assert "checking" not in text


def test_an_nta_without_a_reason_is_refused(tmp_path: Path) -> None:
    code, text = refused(tmp_path, "plan", "de.", "-i", str(EXAMPLE), *OFFLINE[:2])
    assert (code, "needs a reason" in text) == (2, True)
