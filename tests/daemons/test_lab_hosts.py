"""The lab's resolver hosts: they see what history's resolvers saw, and live like real machines."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from harness import Lab, wait_until

SERVFAIL = ("SERVFAIL", False)
SECURE = ("NOERROR", True)
INSECURE = ("NOERROR", False)

# What every resolver answers after the break for a never-asked name below an unsigned child
# (bahn.de.) and below a signed one (denic.de.).
SEEN = {
    ("de-2026", 1): (SERVFAIL, SERVFAIL),
    ("de-2026", 2): (SERVFAIL, SECURE),
    ("fj-2022", 1): (SERVFAIL, SERVFAIL),
    ("zm-2015", 1): (SERVFAIL, SERVFAIL),
    ("na-2019", 1): (SERVFAIL, SERVFAIL),
    ("na-2019", 2): (SERVFAIL, SERVFAIL),
    ("al-2026", 1): (SERVFAIL, SERVFAIL),
    ("al-2026", 2): (SERVFAIL, SERVFAIL),
    ("al-2026", 3): (INSECURE, INSECURE),
    # One address of four is bad: validators go on to the next.
    ("de-2026", 3): (INSECURE, SECURE),
    ("bw", 1): (INSECURE, SECURE),
}


def fresh(child: str) -> str:
    """A name that nobody asked for yet."""
    return f"x{time.monotonic_ns():x}.{child}"


def seen(lab: Lab, name: str) -> set[tuple[str | None, bool]]:
    return set(lab.views(name).values())


def as_usual(lab: Lab) -> bool:
    names = {fresh("bahn.de."): INSECURE, fresh("denic.de."): SECURE, "org.": SECURE}
    names |= {"bogus.": SERVFAIL, fresh("www.bogus."): SERVFAIL, fresh("gov.fj."): SECURE}
    return all(answer == names[name] for (_, name), answer in lab.views(*names).items())


@pytest.mark.soak
@pytest.mark.parametrize(("scenario", "phase"), SEEN)
def test_resolvers_see_what_history_saw(lab: Lab, scenario: str, phase: int) -> None:
    unsigned, signed = SEEN[scenario, phase]
    lab.lab("break", "de.", "--as", scenario, "--phase", str(phase))
    wait_until(lambda: seen(lab, fresh("bahn.de.")) == {unsigned}, 20, f"unsigned {unsigned}")
    wait_until(lambda: seen(lab, fresh("denic.de.")) == {signed}, 20, f"signed {signed}")
    assert seen(lab, "org.") == {SECURE}
    assert seen(lab, fresh("gov.fj.")) == {SECURE}
    lab.lab("heal", "de.")
    wait_until(lambda: as_usual(lab), 20, "a healed zone")


def test_de_2010_says_that_names_do_not_exist(lab: Lab) -> None:
    lab.lab("break", "de.", "--as", "de-2010")
    names = [f"{label}.de." for label in ("ebay", "heise", "otto", "spiegel", "web", "zeit")]
    rcodes = {rcode for rcode, _ in lab.views(*names).values()}
    assert "NXDOMAIN" in rcodes
    assert "SERVFAIL" not in rcodes
    lab.lab("heal", "de.")
    wait_until(lambda: as_usual(lab), 20, "a healed zone")


def test_caches_are_kept_when_asked_for(lab: Lab) -> None:
    name = fresh("posteo.de.")
    assert seen(lab, name) == {SECURE}
    lab.lab("break", "de.", "--as", "fj-2022", "--keep-caches")
    assert seen(lab, name) == {SECURE}
    lab.lab("heal", "de.")


@pytest.mark.parametrize("daemon", ["resolver", "cron", "sshd"])
@pytest.mark.parametrize("name", ["unbound1", "bind1"])
def test_daemons_stop_and_start(small: Lab, name: str, daemon: str) -> None:
    service = f"/etc/lab/service {daemon}"
    assert small.on_host(name, f"{service} status").out == "running\n"
    assert small.on_host(name, f"{service} stop").code == 0
    assert small.on_host(name, f"{service} status").code == 3
    assert small.on_host(name, f"{service} start").code == 0
    wait_until(lambda: small.ssh(name, f"{service} status").out == "running\n", 10, daemon)
    wait_until(lambda: as_usual(small), 20, "answers")


def test_cron_does_what_its_folder_says(small: Lab) -> None:
    names = ("unbound1", "bind1")
    for name in names:
        job = "* * * * * root touch /var/tmp/cron-was-here\n"
        (small.etc(name) / "cron.d/test").write_text(job)
    for name in names:
        wait_until((small.var(name) / "tmp/cron-was-here").exists, 130, f"cron on {name}")
        (small.etc(name) / "cron.d/test").unlink()


def test_a_host_writes_only_what_is_its_own(small: Lab) -> None:
    done = small.ssh("unbound1", "touch /usr/here; touch /tmp/here /root/here && ls /root")
    assert done.out == "here\n"
    assert "Read-only" in done.err
    assert not Path("/tmp/here").exists()


def test_a_host_reboots_with_its_files_and_an_empty_run(small: Lab) -> None:
    assert small.ssh("bind1", "touch /var/lib/kept /run/lost").code == 0
    small.lab("host", "bind1", "reboot")
    assert small.ssh("bind1", "ls -d /var/lib/kept /run/lost").out == "/var/lib/kept\n"
    assert as_usual(small)


def test_a_lab_on_a_leash_dies_with_its_user(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from orchestrator.lab.folder import Folder\n"
        "from orchestrator.lab.lifecycle import leash, up; f = Folder(Path(sys.argv[1]))\n"
        "from orchestrator.lab.asked import Asked\n"
        "with leash(f):\n up(f, Asked('unbound=1')); print('up', flush=True); time.sleep(600)"
    )
    argv = [sys.executable, "-c", code, str(tmp_path / "lab")]
    user = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    assert user.stdout is not None
    with user.stdout:
        assert user.stdout.readline() == "up\n"
    assert named(tmp_path)
    user.kill()
    user.wait()
    wait_until(lambda: not named(tmp_path), 20, "the end of the lab")


def named(folder: Path) -> list[str]:
    """Processes whose command line names the folder."""
    listed = subprocess.run(
        ["ps", "axww", "-o", "args"], capture_output=True, text=True, check=True
    )
    return [line for line in listed.stdout.splitlines() if str(folder) in line]
