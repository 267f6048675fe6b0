"""In which order hosts get a change."""

from collections import Counter
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.fleet.inventory import Host
from orchestrator.rollout.waves import canary_waves, one_per_site, split, stand_ins


def host(
    number: int, engine: str = "unbound", site: str = "east", labels: tuple[str, ...] = ()
) -> Host:
    address = ip_address(f"192.0.2.{number}")
    name = f"h{number}"
    return Host(name=name, address=address, dns=address, engine=engine, site=site, labels=labels)


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
    assert sizes(split(TEN, spec, "100%")) == expected


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        ("100%", [1, 1, 8]),
        ("50%", [1, 1, 5, 3]),
        ("39%", [1, 1, 3, 3, 2]),
        ("10%", [1] * 10),
        ("1%", [1] * 10),
    ],
)
def test_no_wave_takes_more_of_a_site_than_its_share(share: str, expected: list[int]) -> None:
    assert sizes(split(TEN, ["canary", "10%", "rest"], share)) == expected


def test_a_step_takes_fewer_where_a_site_can_spare_no_more() -> None:
    assert sizes(split(TEN, ["canary", "90%", "rest"], "30%")) == [1, 3, 3, 3]


def test_a_site_with_one_host_still_goes() -> None:
    hosts = [host(1), host(2, site="west"), host(3, site="south")]
    assert split(hosts, ["canary", "rest"], "50%") == (("h1", "h2", "h3"),)


def test_canaries_keep_to_the_share_too() -> None:
    """Two engines on a site of three: one after the other, and both are canaries."""
    waves = split(MIXED, ["canary", "rest"], "50%")
    assert waves == (("h1", "h4"), ("h3", "h5"), ("h2",))
    assert canary_waves(MIXED, waves) == waves[:2]


def test_the_other_sites_fill_the_rest_meanwhile() -> None:
    west = [host(n, site="west") for n in range(11, 13)]
    waves = split([*TEN, *west], ["canary", "rest"], "50%")
    assert waves[:2] == (("h1", "h11"), ("h2", "h3", "h4", "h5", "h6", "h12"))
    assert waves[2:] == (("h7", "h8", "h9", "h10"),)


def test_a_canary_is_one_host_per_engine_and_site() -> None:
    assert split(MIXED, ["canary", "rest"], "100%") == (("h1", "h3", "h4", "h5"), ("h2",))


def test_every_host_is_in_exactly_one_wave() -> None:
    names = [name for wave in split(MIXED, ["canary", "10%", "1"], "50%") for name in wave]
    assert sorted(names) == ["h1", "h2", "h3", "h4", "h5"]


def test_no_hosts_no_waves() -> None:
    assert split([], ["canary", "rest"], "50%") == ()


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
    assert stand_ins(MIXED, tried, on, "100%") == ((expected,) if expected else ())


def test_stand_ins_keep_to_the_share() -> None:
    hosts = [host(1), host(2), host(3, "bind"), host(4, "bind")]
    assert stand_ins(hosts, ["h1", "h3"], [], "50%") == (("h2", "h4"),)
    assert stand_ins(hosts, ["h1", "h3"], [], "25%") == (("h2",), ("h4",))


HOSTS = st.lists(
    st.tuples(
        st.sampled_from(["unbound", "bind"]),
        st.sampled_from(["east", "west", "south"]),
        st.sampled_from([(), ("canary",)]),
    ),
    max_size=40,
).map(lambda kinds: [host(number, *kind) for number, kind in enumerate(kinds, 1)])
STEPS = st.lists(
    st.one_of(st.integers(1, 100).map("{}%".format), st.integers(1, 50).map(str)), max_size=3
).map(lambda steps: ["canary", *steps, "rest"])
SHARES = st.integers(1, 100).map("{}%".format)


@given(hosts=HOSTS, spec=STEPS, share=SHARES)
def test_every_host_goes_once_and_no_wave_is_empty(
    hosts: list[Host], spec: list[str], share: str
) -> None:
    waves = split(hosts, spec, share)
    assert sorted(n for wave in waves for n in wave) == sorted(h.name for h in hosts)
    assert all(waves)


@given(hosts=HOSTS, spec=STEPS, share=SHARES)
def test_no_wave_is_ever_over_the_share_of_a_site(
    hosts: list[Host], spec: list[str], share: str
) -> None:
    site = {h.name: h.site for h in hosts}
    whole = Counter(site.values())
    for wave in split(hosts, spec, share):
        for name, taken in Counter(site[name] for name in wave).items():
            assert taken == 1 or taken * 100 <= whole[name] * int(share[:-1])


@given(hosts=HOSTS, spec=STEPS, share=SHARES)
def test_before_any_other_every_engine_and_site_has_had_its_one_canary(
    hosts: list[Host], spec: list[str], share: str
) -> None:
    waves = split(hosts, spec, share)
    kind = {h.name: (h.engine, h.site) for h in hosts}
    canaries = [name for wave in canary_waves(hosts, waves) for name in wave]
    assert Counter(kind[name] for name in canaries) == Counter(set(kind.values()))
    for name in canaries:
        labelled = {h.name for h in hosts if kind[h.name] == kind[name] and h.labels}
        assert not labelled or name in labelled


@given(hosts=HOSTS, spec=STEPS, share=SHARES, data=st.data())
def test_which_canaries_and_how_many_waves_the_order_of_the_inventory_does_not_tell(
    hosts: list[Host], spec: list[str], share: str, data: st.DataObject
) -> None:
    """Who goes first of an engine and site it does tell: that is what the order is for."""
    kind = {h.name: (h.engine, h.site) for h in hosts}
    shuffled = data.draw(st.permutations(hosts))
    one, other = (canary_waves(way, split(way, spec, share)) for way in (hosts, shuffled))
    assert {kind[n] for wave in one for n in wave} == {kind[n] for wave in other for n in wave}
    assert len(one) == len(other)
