"""Several resolvers on one host, each a target of its own; inner ones are asked over SSH.

Two views of one named, and beside Unbound, PowerDNS and kresd a second one that listens on
loopback alone, as behind a dnsdist.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from by_hand import kresd
from hands import Hands
from harness import Lab, a_lab, wait_until

_VIEWS = """
sed -i '/^zone/,$d' /etc/bind/named.conf
hint='zone "." { type hint; file "/etc/bind/root.hints"; };'
echo "view internal { match-destinations { 127.0.0.1; }; $hint };" >>/etc/bind/named.conf
echo "view external { match-clients { any; }; $hint };" >>/etc/bind/named.conf
/etc/lab/service resolver restart
"""
_UNBOUND = """
mkdir /etc/unbound/inner.d
cd /etc/unbound
sed -e 's/interface: 127.*/interface: 127.0.0.1@5301/' -e '/interface: 10[.]/d' \
  -e 's/unbound.ctl/inner.ctl/' unbound.conf.d/*.conf >inner.conf
cat >>inner.conf <<C
server:
    pidfile: /run/inner.pid
remote-control:
    control-use-cert: no
include-toplevel: "/etc/unbound/inner.d/*.conf"
C
unbound -c /etc/unbound/inner.conf
"""
_PDNS = """
cd /etc/powerdns
sed -e 's/^local-address=.*/local-address=127.0.0.1/' -e 's/recursor.lua/inner.lua/' \
  recursor.conf >recursor-inner.conf
echo local-port=5301 >>recursor-inner.conf
sed 's/ntactl-nta/inner-nta/' recursor.lua >inner.lua
pdns_recursor --config-dir=/etc/powerdns --config-name=inner --daemon=yes --setuid=pdns \
  --setgid=pdns --socket-dir=/run/pdns-recursor
"""
_KNOT = """
cd /etc/knot-resolver
sed -e '/net.listen/d' -e 's/ntactl-nta/inner-nta/' kresd.conf >inner.conf
echo "net.listen('127.0.0.1', 5301, { kind = 'dns' })" >>inner.conf
mkdir /var/cache/knot-inner
chown knot-resolver: /var/cache/knot-inner
sed -i '1i cache.storage = "lmdb:///var/cache/knot-inner"' inner.conf
cd /var/lib/knot-resolver
SYSTEMD_INSTANCE=inner setpriv --reuid knot-resolver --regid knot-resolver --clear-groups \
  setsid kresd -n -c /usr/lib/*/knot-resolver/distro-preconfig.lua \
  -c /etc/knot-resolver/inner.conf </dev/null >/var/log/knot-resolver/inner.log 2>&1 &
"""
_DNSDIST = """
cat >/etc/dnsdist.conf <<C
setLocal("10.53.100.1:5300")
newServer("127.0.0.1:5301")
getPool(""):setCache(newPacketCache(1000))
controlSocket("127.0.0.1:5199")
setKey("MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI=")
C
setsid dnsdist -C /etc/dnsdist.conf --supervised </dev/null >/var/log/dnsdist.log 2>&1 &
"""
_EXPUNGE = """dnsdist -C /etc/dnsdist.conf -e \
  'getPool(""):getCache():expungeByName(newDNSName("de."), DNSQType.ANY, true)'"""
_INNER = {"dns": "127.0.0.1", "dns_port": 5301, "instance": "inner"}
_PATHS = {
    "unbound": {"config": "/etc/unbound/inner.conf", "dropin": "/etc/unbound/inner.d/nta.conf"},
    "pdns": {
        "config": "/etc/powerdns/recursor-inner.conf",
        "dropin": "/etc/powerdns/inner-nta.lua",
    },
    "knot": {
        "config": "/etc/knot-resolver/inner.conf",
        "dropin": "/etc/knot-resolver/inner-nta.conf",
    },
}
_NEXT_TO = {"unbound": _UNBOUND, "pdns": _PDNS, "knot": _KNOT}
_LISTS = {
    "unbound": """
        for c in unbound inner; do unbound-control -c /etc/unbound/$c.conf list_insecure; done""",
    "bind": "rndc nta -dump | sed 's/:.*//'",
    "pdns": "rec_control get-ntas; rec_control --config-name=inner get-ntas",
}


@dataclass(frozen=True)
class Fleet:
    """The lab, and an inventory of its eight resolvers on four hosts."""

    lab: Lab
    inventory: Path

    def plan(self, out: Path, *hosts: str) -> str:
        """A plan for de. on these alone, approved; its NTA."""
        fleet = yaml.safe_load(self.inventory.read_text())
        fleet["hosts"] = [one for one in fleet["hosts"] if one["name"] in hosts]
        some = out.with_suffix(".yaml")
        some.write_text(yaml.safe_dump(fleet))
        self.lab.ok("plan", "de.", "-i", str(some), "--reason", "test", "--out", str(out))
        self.lab.ok("approve", str(out))
        return str(json.loads(out.read_text())["ntas"][0]["id"])

    def said(self, host: str) -> str:
        """What the daemons of a host list."""
        return Hands(self.lab, host).sh(_LISTS[host.rstrip("1")])


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("instances")
    with a_lab(folder / "lab", "unbound=1,bind=1,pdns=1,knot=1") as lab:
        lab.lab("break", "de.", "--as", "de-2026", "--phase", "2")
        written = yaml.safe_load((lab.folder / "inventory.yaml").read_text())
        written["hosts"] = [entry for one in written["hosts"] for entry in _entries(lab, one)]
        inventory = folder / "fleet.yaml"
        inventory.write_text(yaml.safe_dump(written))
        yield Fleet(lab, inventory)


def _entries(lab: Lab, one: dict[str, object]) -> Iterator[dict[str, object]]:
    engine, name = str(one["engine"]), str(one["name"])
    if engine == "bind":
        Hands(lab, name).sh(_VIEWS)
        yield {**one, "name": "bind1-out", "instance": "external"}
        yield {**one, "name": "bind1-in", "instance": "internal", "dns": "127.0.0.1"}
        return
    Hands(lab, name).sh(_NEXT_TO[engine])
    if engine != "knot":  # an entry without an instance would be every kresd of the host
        yield one
    yield {**one, **_INNER, "name": f"{name}-in", "paths": _PATHS[engine]}


ALL = [f"{engine}1{more}" for engine in ("unbound", "pdns") for more in ("", "-in")]
ALL += ["bind1-in", "bind1-out"]


def test_each_gets_it_is_asked_and_loses_it(fleet: Fleet, tmp_path: Path) -> None:
    lab, before = fleet.lab, fleet.lab.files()
    nta = fleet.plan(tmp_path / "p.json", *ALL, "knot1-in")
    done = lab.ok("apply", str(tmp_path / "p.json"), "--json").json
    assert {one["host"]: one["state"] for one in done["hosts"]} == dict.fromkeys(
        [*ALL, "knot1-in"], "applied"
    )
    assert fleet.said("bind1").split() == ["de/internal", "de/external"]
    assert fleet.said("unbound1").split() == ["de.", "de."]
    assert fleet.said("pdns1").count(f"ntactl {nta}") == 2
    crons = {p.name for p in (lab.etc("bind1") / "cron.d").iterdir()}
    assert crons == {f"ntactl_internal_{nta}", f"ntactl_external_{nta}"}
    lab.ok("revert", nta, "--yes")
    assert fleet.said("bind1").split() == []
    assert "de" not in fleet.said("unbound1") + fleet.said("pdns1").replace("onfigured", "")
    assert lab.files() == before


def test_one_of_two_is_touched_and_the_other_is_not(fleet: Fleet, tmp_path: Path) -> None:
    lab = fleet.lab
    nta = fleet.plan(tmp_path / "p.json", "bind1-in", "unbound1-in", "pdns1")
    lab.ok("apply", str(tmp_path / "p.json"))
    assert fleet.said("bind1").split() == ["de/internal"]
    assert Hands(lab, "unbound1").sh("unbound-control list_insecure") == ""
    assert "de" not in Hands(lab, "pdns1").sh("rec_control --config-name=inner get-ntas | sed 1d")
    views = lab.views("heise.de.")
    assert views["bind1", "heise.de."] == ("SERVFAIL", False)  # the lab asks the external view
    assert views["unbound1", "heise.de."] == ("SERVFAIL", False)
    assert views["pdns1", "heise.de."] == ("NOERROR", False)
    lab.ok("revert", nta, "--yes")


def test_behind_a_dnsdist_its_cache_is_all_that_is_left(fleet: Fleet, tmp_path: Path) -> None:
    """The resolver behind it is asked itself; what the dnsdist has cached is not ntactl's."""

    def through(name: str) -> str:
        told = fleet.lab.inside("dig", f"@{address}", "-p", "5300", "+tries=1", name).out
        return told.partition("status: ")[2].partition(",")[0]

    hands, address = Hands(fleet.lab, "unbound1"), fleet.lab.host("unbound1")["address"]
    hands.sh(_DNSDIST.replace("10.53.100.1", address))
    wait_until(lambda: through("org.") == "NOERROR", 10, "dnsdist")
    assert through("heise.de.") == "SERVFAIL"
    nta = fleet.plan(tmp_path / "p.json", "unbound1-in")
    fleet.lab.ok("apply", str(tmp_path / "p.json"))
    assert (through("bahn.de."), through("heise.de.")) == ("NOERROR", "SERVFAIL")
    hands.sh(_EXPUNGE)
    assert through("heise.de.") == "NOERROR"
    fleet.lab.ok("revert", nta, "--yes")
    hands.sh("pkill dnsdist; rm /etc/dnsdist.conf")


def test_the_guard_of_one_lifts_that_one_alone(fleet: Fleet, tmp_path: Path) -> None:
    lab = fleet.lab
    nta = fleet.plan(tmp_path / "p.json", "bind1-in", "bind1-out")
    lab.ok("apply", str(tmp_path / "p.json"))
    hands = Hands(lab, "bind1")
    hands.sh(f"echo 1 >/var/lib/ntactl_external/nta/{nta}/ends_at")
    hands.sh(f"/bin/sh /var/lib/ntactl_external/nta/{nta}/guard")
    wait_until(lambda: fleet.said("bind1").split() == ["de/internal"], 5, "its guard")
    assert [p.name for p in (lab.etc("bind1") / "cron.d").iterdir()] == [f"ntactl_internal_{nta}"]
    lab.ok("revert", nta, "--yes")


def test_check_tells_what_inner_ones_answer(fleet: Fleet) -> None:
    said = fleet.lab.ok("check", "de.", "-i", str(fleet.inventory), "--json", code=11).json
    told = {(view["host"], view["rcode"]) for view in said["zones"][0]["resolvers"]}
    hosts = {host for host, _ in told}
    assert {"bind1-in", "unbound1-in", "pdns1-in", "knot1-in"} <= hosts
    assert not [host for host, rcode in told if rcode is None]


def test_where_sshd_forwards_nothing_an_inner_one_is_left_alone(
    fleet: Fleet, tmp_path: Path
) -> None:
    lab, hands = fleet.lab, Hands(fleet.lab, "unbound1")
    hands.sh("echo 'AllowTcpForwarding no' >>/etc/ssh/sshd_config; /etc/lab/service sshd restart")
    fleet.plan(tmp_path / "p.json", "bind1-out", "unbound1", "unbound1-in")
    plan = json.loads((tmp_path / "p.json").read_text())
    left = {one["host"]["name"]: one["message"] for one in plan["hosts"] if one["rule"]}
    assert set(left) == {"unbound1-in"}
    assert "does not connect to 127.0.0.1 port 5301" in left["unbound1-in"]
    hands.sh("sed -i '$d' /etc/ssh/sshd_config; /etc/lab/service sshd restart")
    lab.ok("status")


def tell(lab: Lab, instance: str, lua: str) -> None:
    """Lua for one kresd, which must not complain."""
    Hands(lab, "knot1").sh(kresd(lua).replace("control/*", f"control/{instance}"))


def test_an_audit_mends_the_one_that_it_is_about(fleet: Fleet) -> None:
    """Each instance is told of its own, and the command as printed touches no other."""
    lab = fleet.lab
    Hands(lab, "bind1").sh("rndc nta -lifetime 600 de internal; rndc nta -lifetime 600 fj external")
    Hands(lab, "unbound1").sh("unbound-control -c /etc/unbound/inner.conf insecure_add de")
    Hands(lab, "unbound1").sh("unbound-control insecure_add fj")
    Hands(lab, "pdns1").sh("rec_control add-nta fj; rec_control --config-name=inner add-nta de")
    for instance in ("1", "inner"):
        tell(lab, instance, "trust_anchors.set_insecure({'de'})")
    found = lab.ntactl("audit", "-i", str(fleet.inventory), "--json").json["findings"]
    foreign = [one for one in found if one["rule"] == "foreign-nta"]
    assert {(one["host"], one["says"].split()[0]) for one in foreign} == {
        *((host, "de.") for host in ("bind1-in", "unbound1-in", "pdns1-in", "knot1-in")),
        *((host, "fj.") for host in ("bind1-out", "unbound1", "pdns1")),
    }
    for one in foreign:
        done = lab.inside("sh", "-c", one["mend"])
        assert done.code == 0, one["mend"] + done.err
    tell(lab, "inner", "assert(#trust_anchors.insecure == 0)")
    tell(lab, "1", "assert(#trust_anchors.insecure == 1)")
    for host in ("bind1", "unbound1", "pdns1"):
        assert not {"de", "fj"} & set(fleet.said(host).replace("/", " ").replace(".", " ").split())
