"""What real resolvers have counted of an outage, read without changing them."""

from typing import Any

import pytest
from harness import Lab

CHANNEL = "statistics-channels { inet 127.0.0.1 port 8053 allow { 127.0.0.1; }; };"
SOUND, BAD = 90, 30  # questions


def asked_a_lot(lab: Lab) -> None:
    """Every host: questions for a sound zone, and the same broken name over and over."""
    name, control = lab.status()["zones"]["names"][0], lab.status()["zones"]["control"]
    for host in lab.status()["hosts"]:
        questions = [f"{control} SOA"] * SOUND + [f"{name} A"] * BAD
        script = f"printf '%s\n' {' '.join(map(repr, questions))} >$NTACTL_LAB/asked; "
        script += f"dig +tries=1 +time=5 @{host['address']} -f $NTACTL_LAB/asked"
        done = lab.inside("sh", "-c", script)
        assert done.out.count("status: SERVFAIL") == BAD, done.out[-500:]


def told(lab: Lab, text: bool = False) -> Any:
    asked = ("check", "de.", "--rounds", "1")
    if text:
        return " ".join(lab.ntactl(*asked).out.split())
    views = lab.ntactl(*asked, "--json").json["zones"][0]["resolvers"]
    return {view["host"]: view["statistics"] for view in views}


@pytest.fixture(scope="module")
def counted(small: Lab) -> Lab:
    small.lab("break", "de.", "--as", "de-2026", "--phase", "1")
    asked_a_lot(small)
    return small


def test_unbound_tells_how_many_answers_failed(counted: Lab) -> None:
    one = told(counted)["unbound1"]
    assert one["error"] == ""
    assert one["servfail"] == one["bogus"]  # the raw counter says nearly twice as many
    assert BAD <= one["bogus"] < one["answers"] - SOUND + 1
    again = told(counted)["unbound1"]
    assert again["answers"] > one["answers"], "nothing began anew because we looked"
    words = told(counted, text=True)
    assert "unbound1: " in words
    assert "% SERVFAIL since 20" in words


def test_bind_tells_what_it_can_be_asked_without_a_change(counted: Lab) -> None:
    folder = counted.on_host("bind1", "ls /var/cache/bind").out
    assert "there is no /var/cache/bind/named.stats" in told(counted)["bind1"]["error"]
    assert counted.on_host("bind1", "ls /var/cache/bind").out == folder
    counted.on_host("bind1", "rndc stats")
    dump = told(counted)["bind1"]
    assert (dump["source"], dump["error"]) == ("named.stats", "")
    done = counted.on_host(
        "bind1", f"rm /var/cache/bind/named.stats; echo '{CHANNEL}' >>/etc/bind/named.conf.local; "
        "rndc reconfig",
    )  # fmt: skip
    assert done.code == 0, done.err
    live = told(counted)["bind1"]
    assert (live["source"], live["error"]) == ("named's statistics channel", "")
    for one in (dump, live):
        assert BAD <= one["servfail"] < one["answers"] - SOUND + 1
        assert one["failed_validations"] > 0
    assert live["answers"] > dump["answers"]
    assert live["since"] == dump["since"]
