"""`ntactl validate` without a network: what it refuses, and what it prints when nothing answers."""

from __future__ import annotations

import json
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from commands import unanswered

FIELDS = {"schema", "name", "type", "zone", "state", "extent", "findings", "servers", "remedy"}


def validate(folder: Path, *args: str) -> CompletedProcess[str]:
    return unanswered(folder, "validate", *args)


def test_json_is_one_verdict_with_name_and_type(tmp_path: Path) -> None:
    done = validate(tmp_path, "WWW.Example", "a", "--json")
    told = json.loads(done.stdout)
    assert done.returncode == 12
    assert set(told) >= FIELDS
    assert (told["schema"], told["name"], told["type"]) == (
        "ntactl/validate/1",
        "www.example.",
        "A",
    )
    assert (told["state"], told["findings"][0]["cause"]) == ("indeterminate", "server-unreachable")


@pytest.mark.parametrize("name", ["*.example.", "_25._tcp.example.", "münchen.example", "."])
def test_any_name_may_be_asked(tmp_path: Path, name: str) -> None:
    assert validate(tmp_path, name, "TYPE65534").returncode == 12


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("a..b.", "A"), "is no domain name"),
        (("example.", "NONSENSE"), "is no record type"),
        (("example.", "AXFR"), "is not the type of any record"),
        (("example.", "A", "--now", "soon"), "soon"),
        (("example.", "A", "--policy", "policy.yaml"), "algorithms: cannot check 200"),
        (("example.", "A", "--trust-anchor", "anchors"), "holds no DS and no DNSKEY"),
    ],
)
def test_what_is_refused(tmp_path: Path, args: tuple[str, ...], said: str) -> None:
    (tmp_path / "policy.yaml").write_text("algorithms: [8, 200]\n")
    (tmp_path / "anchors").write_text(". IN A 127.0.0.1\n")
    done = validate(tmp_path, *args)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


@pytest.mark.parametrize("now", ["2017-04-01T00:00:00Z", "20170401000000"])
def test_the_time_to_judge_for(tmp_path: Path, now: str) -> None:
    done = validate(tmp_path, "example.", "A", "--now", now, "--skew", "5")
    assert "judged for 2017-04-01T00:00:00Z (--now), not for now" in done.stdout
    assert "5 s off" in done.stdout
