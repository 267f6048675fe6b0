"""What others left on a fleet is found, all of it and nothing else, and mended as printed."""

from collections.abc import Iterator
from typing import Any

import pytest
from harness import Lab, a_lab, wait_until
from seeds import RELOAD, SEEDS

FLEET = "unbound=2,bind=2,pdns=2,knot=2"


@pytest.fixture(scope="module")
def eight(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with a_lab(tmp_path_factory.mktemp("eight"), FLEET) as lab:
        yield lab


def audited(lab: Lab, code: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = lab.ok("audit", "--json", code=code).json["findings"]
    return found


def sown(lab: Lab) -> None:
    """Every seed: first what is in files, then the daemons go by these, then the rest."""
    for seed in SEEDS:
        if not seed.live:
            sow(lab, seed.host, seed.how)
    for host, command in RELOAD.items():
        sow(lab, host, command)
    for seed in SEEDS:
        if seed.live:
            sow(lab, seed.host, seed.how)


def sow(lab: Lab, host: str, command: str) -> None:
    done = lab.on_host(host, command)
    assert done.code == 0, (host, command, done.out, done.err)


def test_all_that_was_seeded_is_found_and_mended_and_nothing_else(eight: Lab) -> None:
    assert audited(eight, 0) == []
    sown(eight)
    found = audited(eight, 3)
    told = [(finding["host"], finding["rule"]) for finding in found]
    assert sorted(told) == sorted((seed.host, seed.rule) for seed in SEEDS)
    assert len(told) >= 25
    for finding in found:
        done = eight.inside("sh", "-c", finding["mend"], timeout=30)
        assert done.code == 0, (finding, done.out, done.err)
    assert audited(eight, 0) == []
    wait_until(eight.validated, 20, "validation everywhere")
