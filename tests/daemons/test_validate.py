"""`ntactl validate` over real sockets: scenarios and scenes served in a network namespace."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
ROWS = (TESTS / "cases" / "rpl" / "expected.tsv").read_text().splitlines()
EXPECTED = {row.split("\t")[0]: row.split("\t")[4] for row in ROWS if not row.startswith("#")}
EXIT = {"secure": 0, "insecure": 0, "bogus": 10, "indeterminate": 12}
SCENES = (
    ("positive-nsec", "secure", 0),
    ("cname-to-other-zone-nsec3", "secure", 0),
    ("wildcard-cname-to-wildcard-nsec", "secure", 0),
    ("child-on-same-server-nsec3", "secure", 0),
    ("dname-within-nsec", "secure", 0),
    ("nx-nsec3", "secure", 0),
    ("nx-optout", "insecure", 0),
    ("unsigned-child-below-ent-optout", "insecure", 0),
    ("anchor-dnskey-below-nsec", "secure", 0),
    ("rsasha1-nsec", "secure", 0),
    ("positive-spoilt-nsec", "bogus", 10),
    ("ds-stripped-nsec3", "bogus", 10),
    ("wildcard-no-proof-nsec", "bogus", 10),
    ("one-spoilt-nsec", "bogus", 11),
    ("one-silent-nsec", "secure", 0),
    ("all-refuse-nsec", "indeterminate", 12),
)


def play(what: str, *options: str) -> tuple[int, dict[str, object]]:
    done = subprocess.run(
        ["unshare", "-n", sys.executable, str(TESTS / "play.py"), what, *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


@pytest.mark.parametrize(("file", "state"), EXPECTED.items())
def test_a_scenario(file: str, state: str) -> None:
    code, verdict = play(str(TESTS / "cases" / "rpl" / file))
    assert (code, verdict["state"]) == (EXIT[state], state)


@pytest.mark.parametrize(("scene", "state", "code"), SCENES)
def test_a_scene(scene: str, state: str, code: int) -> None:
    got, verdict = play(scene, "--drop", "--timeout", "0.5")
    assert (got, verdict["state"]) == (code, state)
    assert verdict["schema"] == "ntactl/validate/1"


def test_unbound_says_the_same_of_some_scenes() -> None:
    """All of them: `unshare -n python tests/beside_unbound.py`."""
    some = ("wildcard", "anchor-", "positive-", "two-chains", "delegation-")
    done = subprocess.run(
        ["unshare", "-n", sys.executable, str(TESTS / "beside_unbound.py"), *some],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
