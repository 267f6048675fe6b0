"""Programs and changes as text: pure, no host."""

import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hands import a_host
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from orchestrator.errors import BadInput
from orchestrator.fleet.command import command, word
from orchestrator.fleet.inventory import Paths
from orchestrator.model import HeldNta, HostReading, RunningNta
from orchestrator.names import zone_name
from orchestrator.rollout.plan import _nta_id
from orchestrator.rollout.transaction import (
    NtaOrder,
    apply_program,
    audit_program,
    change,
    flush_program,
    objection,
    read_program,
    renew_commands,
    renew_program,
    revert_program,
)

NOW = datetime(2026, 5, 5, 20, 0, tzinfo=UTC)
DE = NtaOrder(id="de-4f2a91c0", zone="de.", ends_at=NOW)
FJ = NtaOrder(id="fj-00000001", zone="fj.", ends_at=NOW)
ENGINES = ("unbound", "bind", "pdns", "knot")


def reading(engine: str = "unbound", **more: object) -> HostReading:
    fields = {"host": "h1", "at": NOW, "engine": engine, "state_sha256": "abc", **more}
    return HostReading.model_validate(fields)


def test_a_first_nta_makes_the_file_and_says_who_owns_it() -> None:
    made = change(a_host(), reading(), [DE])
    assert made.before is None
    assert made.after is not None
    assert made.after.splitlines()[0].startswith("# ntactl owns this file")
    assert made.after.endswith('server:\n    domain-insecure: "de." # ntactl de-4f2a91c0\n')
    assert "+++ /etc/unbound/unbound.conf.d/ntactl-nta.conf" in made.diff
    assert "+de.\n" in made.diff
    assert made.expected_state == "abc"


def test_a_second_nta_adds_one_line() -> None:
    before = change(a_host(), reading(), [DE]).after
    running = (RunningNta(zone="de.", id="de-4f2a91c0"),)
    made = change(a_host(), reading(dropin=before, running=running), [FJ])
    assert made.after == f'{before}    domain-insecure: "fj." # ntactl fj-00000001\n'
    added = [line for line in made.diff.splitlines() if line.startswith("+")]
    assert added[1:2] == ['+    domain-insecure: "fj." # ntactl fj-00000001']
    assert change(a_host(), reading(dropin=made.after), [FJ]).after == made.after


def test_bind_has_no_file() -> None:
    made = change(a_host("bind"), reading("bind"), [DE])
    assert (made.path, made.before, made.after) == ("", None, None)
    assert made.diff == "--- rndc nta -dump\n+++ rndc nta -dump\n@@ -0,0 +1 @@\n+de.\n"


@pytest.mark.parametrize("engine", ENGINES)
def test_a_reviewer_sees_the_guard_before_the_nta(engine: str) -> None:
    commands = change(a_host(engine), reading(engine), [DE]).commands
    armed = next(n for n, line in enumerate(commands) if "/etc/cron.d/ntactl-de-4f2a91c0" in line)
    adds = ("insecure_add de.", "rndc nta -force", "add-nta de", "set_insecure(")
    added = next(n for n, line in enumerate(commands) if any(add in line for add in adds))
    assert armed < added
    assert any("/etc/cron.d/ntactl-de-4f2a91c0" in c for c in renew_commands(a_host(engine), DE))


def test_a_reviewer_sees_what_wakes_the_guard() -> None:
    (_, cron, *_), (_, timer, *_) = (
        change(a_host(), reading(scheduler=name), [DE]).commands for name in ("cron", "systemd")
    )
    assert cron.endswith(" > /etc/cron.d/ntactl-de-4f2a91c0")
    assert timer.startswith("systemctl enable --now /etc/systemd/system/ntactl-de-4f2a91c0.timer ")
    assert timer.endswith("/bin/sh /var/lib/ntactl/nta/de-4f2a91c0/guard")


def test_one_zone_twice_is_refused() -> None:
    twin = DE.model_copy(update={"id": "de-00000002"})
    with pytest.raises(BadInput, match="same zone twice"):
        change(a_host(), reading(), [DE, twin])


@pytest.mark.parametrize("name", ["", "DE", "a.b", "a b", "-a", "../x", "a'b", "a" * 97])
def test_an_id_must_be_fit_for_a_file_of_cron(name: str) -> None:
    with pytest.raises(ValidationError):
        NtaOrder(id=name, zone="de.", ends_at=NOW)


def is_zone(name: str) -> bool:
    try:
        return bool(zone_name(name))
    except BadInput:
        return False


LABELS = st.from_regex(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", fullmatch=True)
ZONES = st.lists(LABELS, min_size=1).map(".".join).filter(lambda n: len(n) <= 253).map(zone_name)
ALIKE = st.lists(st.sampled_from("ab._-"), min_size=1).map("".join).filter(is_zone)


@given(ZONES)
def test_every_zone_gives_an_id(zone: str) -> None:
    order = NtaOrder(id=_nta_id(zone, "4f2a91c0"), zone=zone, ends_at=NOW)
    assert order.id.endswith("-4f2a91c0")


@given(ALIKE.map(zone_name), ALIKE.map(zone_name))
def test_no_two_zones_give_one_id(one: str, two: str) -> None:
    assert one == two or _nta_id(one, "4f2a91c0") != _nta_id(two, "4f2a91c0")


@pytest.mark.parametrize("zone", ["de.", "co.uk.", "xn--p1ai.", "xn--mgba3a4f16a-b."])
def test_ids_of_common_zones_read_like_them(zone: str) -> None:
    assert _nta_id(zone, "4f2a91c0") == f"{zone[:-1].replace('.', '-')}-4f2a91c0"


def test_why_a_host_would_refuse_is_known_from_its_reading() -> None:
    assert objection(reading(), [DE]) is None
    problem = ("daemon-down", "unbound is not running")
    assert objection(reading(problems=(problem,)), [DE]) == problem
    foreign = reading(running=(RunningNta(zone="de."),))
    assert objection(foreign, [DE])[0] == "foreign-nta"
    assert objection(foreign, [FJ]) is None
    other = HeldNta(id="de-00000002", zone="de.", ends_at=NOW, state="applied")
    assert objection(reading(held=(other,)), [DE])[0] == "already-held"
    ended = other.model_copy(update={"state": "ended"})
    assert objection(reading(held=(ended,)), [DE]) is None
    assert objection(reading(anchors=(".", "de.")), [DE])[0] == "explicit-anchor"


def programs(engine: str) -> dict[str, str]:
    host = a_host(engine)
    made = change(host, reading(engine), [DE, FJ])
    return {
        "read": read_program(host),
        "apply": apply_program(host, made, 7),
        "revert": revert_program(host, [DE, FJ], 8),
        "renew": renew_program(host, [DE, FJ], 9),
        "flush": flush_program(host, "de."),
    }


@pytest.mark.parametrize("shell", [["dash"], ["bash", "--posix"], ["busybox", "sh"]], ids=" ".join)
@pytest.mark.parametrize("engine", ENGINES)
def test_every_program_parses_in_every_shell(engine: str, shell: list[str]) -> None:
    for name, program in programs(engine).items():
        done = subprocess.run(
            [*shell, "-n"], input=program, text=True, capture_output=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, ""), name


@pytest.mark.parametrize("engine", ENGINES)
def test_a_program_fits_the_packet_that_every_ssh_must_take(engine: str) -> None:
    """RFC 4253, 6.1: payloads of 32768 bytes."""
    for program in programs(engine).values():
        assert len(command(a_host(engine, sudo=True), program, 1.7e9).encode()) < 32000


def test_a_flush_is_of_a_zone_and_never_of_the_root() -> None:
    assert "\nzone=de.\n" in flush_program(a_host(), "de.")
    with pytest.raises(BadInput, match="whole cache"):
        flush_program(a_host(), ".")


def sh(program: str) -> str:
    return subprocess.run(["sh", "-c", program], capture_output=True, check=True).stdout.decode()


def test_the_guard_in_a_program_parses_and_needs_nothing_else(tmp_path: Path) -> None:
    program = programs("unbound")["apply"]
    ask = 'printf "%s\\n" "id=x zone=x." "$settings" "$library" "$guard_text"'
    head = program.partition("\neval ")[0].replace("exec 3>&1 1>&2 </dev/null", "")
    (tmp_path / "guard").write_text(sh(f"{head}\n{ask}"))
    done = subprocess.run(
        ["shellcheck", "-s", "sh", "-S", "warning", "-e", "SC2034", str(tmp_path / "guard")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == ""


def test_the_controllers_time_and_sudo_go_in_with_the_program() -> None:
    sent = command(a_host(sudo=True), "echo $controller_now", 12.9)
    assert sent == "exec sudo -n sh -c 'controller_now=12\necho $controller_now'"


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=40))
def test_any_text_reaches_the_shell_unharmed(said: str) -> None:
    host = a_host().model_copy(update={"paths": Paths.model_construct(config=said)})
    program = read_program(host).partition("\neval ")[0]
    ask = f'{program}\neval "$settings"\nprintf %s "$config" >&3'
    assert sh(ask) == said


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",))))
def test_any_text_is_one_word_of_sh_in_one_quoting_or_two(text: str) -> None:
    inner = f"printf %s {word(text)}"
    told = subprocess.run(["sh", "-c", f"sh -c {word(inner)}"], capture_output=True, check=True)
    assert told.stdout == text.encode()


@pytest.mark.parametrize("engine", ENGINES)
def test_no_function_of_a_program_has_two_meanings(engine: str) -> None:
    """But for two that say there why: an audit's way to Unbound, a flush that is broken off."""
    for program in [*programs(engine).values(), audit_program(a_host(engine))]:
        named = re.findall(r"^([a-z_]+)\(\) \{", program, re.MULTILINE)
        assert {one for one in named if named.count(one) > 1} <= {"control", "interrupted"}
        assert len(named) > 20
