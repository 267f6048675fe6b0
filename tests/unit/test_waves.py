"""In which order hosts get a change."""

from ipaddress import ip_address

import pytest

from orchestrator.fleet.inventory import Host
from orchestrator.rollout.waves import one_per_site, split, stand_ins


def host(number: int, engine: str = "unbound", site: str = "east") -> Host:
    address = ip_address(f"192.0.2.{number}")
    return Host(name=f"h{number}", address=address, dns=address, engine=engine, site=site)


TEN = [host(n) for n in range(1, 11)]
MIXED = [host(1), host(2), host(3, "bind"), host(4, site="west"), host(5, "bind", "west")]


def sizes(waves: tuple[tuple[str, ...], ...]) -> list[int]:
    return [len(wave) for wave in waves]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (["canary", "rest"], [1, 9]),
        (["canary", "10%", "rest"], [1, 1, 8]),
        (["canary", "25%", "rest"], [1, 3, 6]),
        (["canary", "4"], [1, 4, 5]),
        (["canary", "50"], [1, 9]),
    ],
)
def test_sizes(spec: list[str], expected: list[int]) -> None:
    assert sizes(split(TEN, spec)) == expected


def test_a_canary_is_one_host_per_engine_and_site() -> None:
    assert split(MIXED, ["canary", "rest"]) == (("h1", "h3", "h4", "h5"), ("h2",))


def test_every_host_is_in_exactly_one_wave() -> None:
    names = [name for wave in split(MIXED, ["canary", "10%", "1"]) for name in wave]
    assert sorted(names) == ["h1", "h2", "h3", "h4", "h5"]


def test_no_hosts_no_waves() -> None:
    assert split([], ["canary", "rest"]) == ()


def test_one_per_site() -> None:
    assert [h.name for h in one_per_site(MIXED)] == ["h1", "h4"]


@pytest.mark.parametrize(
    ("tried", "on", "expected"),
    [
        ([], [], ()),
        (["h1", "h3", "h4", "h5"], ["h1", "h3", "h4", "h5"], ()),
        (["h1", "h3", "h4", "h5"], ["h3", "h4", "h5"], ("h2",)),
        (["h1", "h3", "h4", "h5"], [], ("h2",)),
        (["h3"], [], ()),
        (["h1", "h2"], [], ()),
    ],
)
def test_stand_ins_are_of_the_engine_and_site_that_has_no_canary(
    tried: list[str], on: list[str], expected: tuple[str, ...]
) -> None:
    assert stand_ins(MIXED, tried, on) == expected
