"""A fleet from YAML: what is merged, what is refused, and where the message points."""

from ipaddress import ip_address
from pathlib import Path

import pytest

from orchestrator.errors import BadFile
from orchestrator.fleet.inventory import Host
from orchestrator.fleet.load import load_inventory
from orchestrator.fleet.peer import route
from orchestrator.fleet.ssh_config import SshConfig
from orchestrator.rollout.waves import one_per_site, split

EXAMPLE = Path(__file__).parents[2] / "inventories" / "example.yaml"


def write(folder: Path, text: str) -> Path:
    path = folder / "fleet.yaml"
    path.write_text(text)
    return path


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(BadFile) as caught:
        load_inventory(write(folder, text))
    assert caught.value.exit_code == 2
    return str(caught.value).removeprefix(f"{folder}/")


def one(folder: Path, text: str) -> Host:
    (host,) = load_inventory(write(folder, text)).hosts
    return host


def test_the_example_loads_and_teaches_the_merge() -> None:
    inventory = load_inventory(EXAMPLE)
    hosts = {host.name: host for host in inventory.hosts}
    assert not inventory.lab
    engines = [*["unbound", "bind"] * 2, "pdns", "knot", *["unbound"] * 2]
    assert sorted(h.engine for h in inventory.hosts) == sorted(engines)
    assert hosts["fra-p1"].paths.dropin == "/etc/powerdns/ntactl-nta.lua"
    assert hosts["fra-u1"].labels == ("public", "canary")
    assert hosts["fra-b2"].ssh.port == 2222
    assert hosts["fra-b2"].ssh.user == "ntactl"
    assert hosts["fra-b2"].dns == ip_address("2001:db8::53")
    assert hosts["fra-u1"].dns == hosts["fra-u1"].address
    assert hosts["ams-u1"].site == "ams"
    assert hosts["ams-u1"].ssh.jump == "ntactl@192.0.2.1:22"
    assert hosts["fra-u1"].ssh.key == EXAMPLE.parent / "keys" / "ntactl"
    assert all(host.sudo for host in inventory.hosts)
    assert [host.name for host in inventory.hosts if host.inner] == ["ams-u1-inner"]


def test_hosts_labelled_canary_go_first() -> None:
    hosts = load_inventory(EXAMPLE).hosts
    canary, _ = split(hosts, ["canary", "rest"], "100%")
    assert canary == ("fra-u1", "fra-b1", "fra-p1", "fra-k1", "ams-u1")
    moved = [
        h.model_copy(update={"labels": ("canary",)}) if h.name == "fra-u2" else h for h in hosts
    ]
    unlabelled = [h.model_copy(update={"labels": ()}) if h.name == "fra-u1" else h for h in moved]
    assert [host.name for host in one_per_site(unlabelled)] == ["fra-u2", "ams-u1"]


def test_a_host_goes_before_its_group_and_that_before_the_defaults(tmp_path: Path) -> None:
    host = one(
        tmp_path,
        """
defaults: {engine: bind, site: d, sudo: true, ssh: {user: d, port: 1, jump: 192.0.2.9}}
groups:
  g: {site: g, ssh: {user: g, port: 2}}
hosts: [{name: r, address: 192.0.2.1, group: g, ssh: {user: h}}]
""",
    )
    assert (host.engine, host.site, host.sudo) == ("bind", "g", True)
    assert (host.ssh.user, host.ssh.port, host.ssh.jump) == ("h", 2, "192.0.2.9")


@pytest.mark.parametrize(
    ("jump", "way"),
    [
        ("192.0.2.9", ("op", "192.0.2.9", 22)),
        ("me@192.0.2.9", ("me", "192.0.2.9", 22)),
        ("me@192.0.2.9:2222", ("me", "192.0.2.9", 2222)),
        ("[2001:db8::9]", ("op", "2001:db8::9", 22)),
        ("me@[2001:DB8::9]:65535", ("me", "2001:db8::9", 65535)),
    ],
)
def test_user_and_port_of_a_jump_host_may_be_left_out(
    tmp_path: Path, jump: str, way: tuple[str, str, int]
) -> None:
    text = f"""
defaults: {{engine: bind, ssh: {{user: op, port: 2200, jump: '{jump}'}}}}
hosts: [{{name: r, address: 192.0.2.1}}]
"""
    host = one(tmp_path, text)
    hop, _ = route(host, SshConfig())
    assert (hop.user, hop.address, hop.port) == way


def test_a_host_may_say_false_where_the_defaults_say_true(tmp_path: Path) -> None:
    text = "defaults: {sudo: true}\nhosts: [{name: r, address: '::1', engine: bind, sudo: false}]"
    assert not one(tmp_path, text).sudo


def test_key_paths_start_at_the_file_and_home(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("HOME", "/home/op")
    text = """
defaults: {engine: bind, ssh: {key: ~/.ssh/id, known_hosts: sub/known}}
hosts: [{name: r, address: 192.0.2.1}]
"""
    ssh = one(tmp_path, text).ssh
    assert ssh.key == Path("/home/op/.ssh/id")
    assert ssh.known_hosts == tmp_path / "sub" / "known"


def test_one_address_with_two_ssh_ports_is_two_hosts(tmp_path: Path) -> None:
    text = """
defaults: {engine: bind}
hosts:
  - {name: a, address: 192.0.2.1}
  - {name: b, address: 192.0.2.1, ssh: {port: 23}}
"""
    assert len(load_inventory(write(tmp_path, text)).hosts) == 2


ONE_VIEW = "{name: a, address: 192.0.2.1, group: g, instance: v}"
HEAD = "groups: {g: {engine: bind, ssh: {port: 24}}}\nhosts:\n"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            "- {name: a, address: 192.0.2.1, group: g}\n- {name: a, address: 192.0.2.2, group: g}",
            "fleet.yaml:4: hosts[1].name: a is a duplicate of line 3",
        ),
        (
            "- {name: a, address: 192.0.2.1, group: g}\n- {name: A, address: 192.0.2.2, group: g}",
            "fleet.yaml:4: hosts[1].name: A is a duplicate of line 3",
        ),
        (
            "- {name: a, address: 192.0.2.1, group: g}\n- {name: b, address: 192.0.2.1, group: g}",
            "fleet.yaml:4: hosts[1].address: 192.0.2.1 is a duplicate of line 3",
        ),
        (
            (
                "- {name: a, address: 2001:db8::1, group: g}\n"
                "- name: b\n  address: 2001:DB8:0::1\n  engine: bind\n  ssh: {port: 24}"
            ),
            "fleet.yaml:5: hosts[1].address: 2001:db8::1 is a duplicate of line 3",
        ),
        (
            (
                "- {name: a, address: 192.0.2.1, group: g}\n"
                "- {name: b, address: '::ffff:192.0.2.1', group: g}"
            ),
            "fleet.yaml:4: hosts[1].address: 192.0.2.1 is a duplicate of line 3",
        ),
        (
            f"- {ONE_VIEW}\n- {{name: b, address: 192.0.2.1, group: g, instance: v}}",
            "fleet.yaml:4: hosts[1].address: 192.0.2.1 is a duplicate of line 3",
        ),
        (
            f"- {ONE_VIEW}\n- {{name: b, address: 192.0.2.1, group: g}}",
            (
                "fleet.yaml:4: hosts[1].instance: is missing: it would be all views of named, and "
                "other entries have some"
            ),
        ),
        (
            (
                "- {name: a, address: 192.0.2.1, engine: unbound, paths: {dropin: /x}}\n"
                "- {name: b, address: 192.0.2.1, engine: unbound, instance: i,\n"
                "   paths: {config: /c, dropin: /x}}"
            ),
            "fleet.yaml:5: hosts[1].paths.dropin: /x is a duplicate of line 3",
        ),
        (
            "- {name: b, address: 192.0.2.1, engine: unbound, instance: i, paths: {config: /c}}",
            "fleet.yaml:3: hosts[0].paths.dropin: is missing: an instance of unbound has one",
        ),
        (
            (
                "- {name: a, address: 192.0.2.1, engine: knot, instance: i, paths: {config: /c}}\n"
                "- {name: b, address: 192.0.2.1, engine: knot}"
            ),
            "fleet.yaml:4: hosts[1].instance: is missing: it would be all kresd of the host, and ",
        ),
        (
            (
                "- {name: a, address: 192.0.2.1, engine: pdns, instance: i,\n"
                "   paths: {config: /e/recursor-i.yml}}\n"
                "- {name: b, address: 192.0.2.1, engine: pdns, instance: j,\n"
                "   paths: {config: /e/recursor-i.yml}}"
            ),
            "fleet.yaml:6: hosts[1].paths.config: /e/recursor-i.yml is a duplicate of line 4",
        ),
        (
            "- {name: a, address: 192.0.2.1, engine: pdns, instance: i, paths: {config: /r.conf}}",
            "fleet.yaml:3: hosts[0].paths.config: /r.conf is not /FOLDER/recursor-NAME.conf",
        ),
        (
            "- {name: b, address: 192.0.2.1, group: g, instance: 'a b'}",
            "fleet.yaml:3: hosts[0].instance: ",
        ),
        (
            "- name: a\n  address: 192.0.2.1\n  engine: dnsmasq",
            "fleet.yaml:5: hosts[0].engine: unknown engine 'dnsmasq', known: 'unbound', 'bind',",
        ),
        (
            "- name: a\n  address: r1.example.net\n  engine: bind",
            (
                "fleet.yaml:4: hosts[0].address: 'r1.example.net' is not an IP address; a name "
                "will not do: it may not resolve while the zone is broken"
            ),
        ),
        (
            "- {name: a, address: 192.0.2.300, engine: bind}",
            "fleet.yaml:3: hosts[0].address: '192.0.2.300' is not an IP address",
        ),
        (
            "- {name: a, address: 0.0.0.0, engine: bind}",
            "fleet.yaml:3: hosts[0].address: 0.0.0.0 is not the address of one host",
        ),
        (
            "- {name: a, address: 1:2:3:4:5:6:7:8, engine: bind}",
            "fleet.yaml:3: hosts[0].address: 2895057742028 is no address: put it in quotes",
        ),
        (
            "- {name: a, address: 192.0.2.1}",
            "fleet.yaml:3: hosts[0].engine: is missing, also in the group and in defaults",
        ),
        (
            "- name: a\n  address: 192.0.2.1\n  group: h",
            "fleet.yaml:5: hosts[0].group: no group 'h', known: g",
        ),
        ("- {name: a, engine: bind}", "fleet.yaml:3: hosts[0].address: is missing"),
        (
            "- {name: a b, address: 192.0.2.1, engine: bind}",
            "fleet.yaml:3: hosts[0].name: string should match pattern",
        ),
        (
            "- {name: a, address: 192.0.2.1, engine: bind, ssh: {jump: 'me@gw.example'}}",
            "fleet.yaml:3: hosts[0].ssh.jump: 'gw.example' is not an IP address",
        ),
        (
            "- {name: a, address: 192.0.2.1, engine: bind, ssh: {jump: 'a b'}}",
            "fleet.yaml:3: hosts[0].ssh.jump: 'a b' is no jump host",
        ),
        (
            "- {name: a, address: 192.0.2.1, engine: bind, ssh: {jump: 'me@192.0.2.9:99999'}}",
            (
                "fleet.yaml:3: hosts[0].ssh.jump: 'me@192.0.2.9:99999': "
                "the port of a jump host is 1 to 65535, not 99999"
            ),
        ),
        (
            "- name: a\n  address: 192.0.2.1\n  engine: bind\n  ssh:\n    jump: '192.0.2.9:0'",
            "fleet.yaml:7: hosts[0].ssh.jump: '192.0.2.9:0': the port",
        ),
        (
            "- {name: a, address: 192.0.2.1, engine: bind, ssh: {jump: '2001:db8::9'}}",
            "fleet.yaml:3: hosts[0].ssh.jump: '2001:db8::9' is no jump host: write user@",
        ),
        (
            "- {name: a, address: 192.0.2.1, engine: bind, ssh: {port: 0}}",
            "fleet.yaml:3: hosts[0].ssh.port: input should be greater than or equal to 1, not 0",
        ),
        (
            "- {name: a, address: 192.0.2.1, engine: bind, ssh: {user: '-oProxyCommand=x'}}",
            "fleet.yaml:3: hosts[0].ssh.user: string should match pattern",
        ),
        (
            "- {name: a, address: 192.0.2.1, engine: bind, paths: {config: etc/x}}",
            "fleet.yaml:3: hosts[0].paths.config: 'etc/x' is not an absolute path on the host",
        ),
        (
            '- {name: a, address: 192.0.2.1, engine: bind, paths: {dropin: "/etc/x\\ny"}}',
            "fleet.yaml:3: hosts[0].paths.dropin: '/etc/x\\ny' is not an absolute path",
        ),
        (
            "- {name: a, adress: 192.0.2.1, engine: bind, address: 192.0.2.1}",
            "fleet.yaml:3: hosts[0].adress: unknown field, did you mean 'address'?",
        ),
        ("  []", "fleet.yaml:2: hosts: has no host"),
        ("- [", "fleet.yaml:4: is not YAML: "),
    ],
)
def test_bad_hosts_are_refused_with_file_line_and_field(
    tmp_path: Path, lines: str, said: str
) -> None:
    assert refusal(tmp_path, f"{HEAD}{lines}\n").startswith(said)


def test_every_bad_host_is_listed(tmp_path: Path) -> None:
    text = refusal(tmp_path, "hosts:\n- {name: a}\n- {address: x}\n")
    assert text.splitlines()[0].endswith("(the first of 3 errors)")
    assert "fleet.yaml:3: hosts[1].name: is missing" in text


def test_a_thousand_hosts_load_in_under_two_seconds(tmp_path: Path) -> None:
    import time

    hosts = "\n".join(
        f"- {{name: r{i}, address: 10.0.{i // 250}.{i % 250 + 1}, engine: bind}}"
        for i in range(1000)
    )
    start = time.monotonic()
    assert len(load_inventory(write(tmp_path, f"hosts:\n{hosts}\n")).hosts) == 1000
    assert time.monotonic() - start < 2
