"""How each kind of fault strikes and is taken away. A strike gives words for the log."""

from __future__ import annotations

import os
import signal
import time

from harness import Run

from faults.hosts import DISK, DROPINS, PLACES
from faults.scene import BYTE, Scene


def cut(scene: Scene) -> str:
    stay = scene.draw.variant == "stays"
    scene.bench.wire.cut(scene.host.name, stay=stay)
    return f"connections to {scene.host.name} cut{', no new ones' if stay else ''}"


def splice(scene: Scene) -> None:
    scene.bench.wire.shut.discard(scene.host.name)


def kill_operator(scene: Scene) -> str:
    os.kill(scene.child.process.pid, signal.SIGKILL)
    return "operator killed"


def signal_program(scene: Scene) -> str:
    """The program of ntactl that has the host's lock, where there is one; stopped, it wakes up."""
    name, seconds = scene.draw.variant, 1 + 24 * scene.draw.number
    kill = f"read -r pid rest <{_OWNER} && kill -{name} $pid && echo $pid"
    pid = scene.host.sh(kill, check=False).strip()
    if pid and name == "STOP":
        scene.host.begin(f"sleep {seconds}; kill -CONT {pid}")
        name = f"STOP for {seconds:.1f} s"
    return f"SIG{name} to ntactl's program on {scene.host.name}" if pid else ""


_OWNER = "/var/lib/ntactl/lock/owner"


def wake_program(scene: Scene) -> None:
    scene.host.sh(f"read -r pid rest <{_OWNER} && kill -CONT $pid", check=False)


def kill_sshd(scene: Scene) -> str:
    scene.host.kill("sshd")
    return f"sshd and its sessions killed on {scene.host.name}"


def start_sshd(scene: Scene) -> None:
    scene.host.service("sshd", "restart")


def kill_resolver(scene: Scene) -> str:
    scene.host.kill("resolver")
    return f"resolver killed on {scene.host.name}"


def start_resolver(scene: Scene) -> None:
    scene.host.service("resolver", "start")


def restart_resolver(scene: Scene) -> str:
    if scene.draw.variant == "restart":
        scene.host.service("resolver", "restart")
    else:
        reload = {"unbound": "unbound-control reload", "bind": "rndc reload"}
        scene.host.sh(reload[scene.host.engine], check=False)
    return f"{scene.draw.variant} of the resolver on {scene.host.name}"


def fill_disk(scene: Scene) -> str:
    left = int(scene.draw.number * 3) * 4096  # a few files still find room
    scene.host.sh(
        f"cat /dev/zero >{DISK}/filler 2>/dev/null; size=$(stat -c %s {DISK}/filler);"
        f" truncate -s $((size - {left})) {DISK}/filler"
    )
    return f"disk full on {scene.host.name} but for {left} bytes"


def free_disk(scene: Scene) -> None:
    scene.host.sh(f"rm -f {DISK}/filler")


def _place(scene: Scene) -> str:
    return {**PLACES, "config": DROPINS[scene.host.engine]}[scene.draw.variant]


def make_read_only(scene: Scene) -> str:
    scene.host.sh(
        f"for n in 1 2 3 4 5; do mount -o remount,bind,ro {_place(scene)} && break; sleep 0.1; done"
    )
    return f"{_place(scene)} read-only on {scene.host.name}"


def make_writable(scene: Scene) -> None:
    scene.host.sh(f"mount -o remount,bind,rw {_place(scene)}")


def break_checker(scene: Scene) -> str:
    if scene.draw.variant == "fails":
        (scene.host.run_folder / "checker").touch()
    else:
        scene.host.sh(f"echo 'nonsense {{' >>{_foreign_file(scene)}")
    return f"checker of {scene.host.name} fails ({scene.draw.variant})"


def mend_checker(scene: Scene) -> None:
    (scene.host.run_folder / "checker").unlink(missing_ok=True)
    if scene.draw.variant == "nonsense":
        scene.host.sh(f"sed -i '/^nonsense {{/d' {_foreign_file(scene)}")


def _foreign_file(scene: Scene) -> str:
    return {
        "unbound": "/etc/unbound/unbound.conf.d/site.conf",
        "bind": "/etc/bind/named.conf.local",
    }[scene.host.engine]


def slow_down(scene: Scene) -> str:
    seconds = 1 + 3 * scene.draw.number
    if scene.draw.variant == "held":
        time.sleep(seconds)
        return f"held for {seconds:.1f} s"
    scene.host.sh(f"{_EACH_RESOLVER} kill -STOP ${{p#/proc/}};; esac; done; true")
    scene.host.begin(f"sleep {seconds}; {_EACH_RESOLVER} kill -CONT ${{p#/proc/}};; esac; done")
    return f"resolver of {scene.host.name} stopped for {seconds:.1f} s"


_EACH_RESOLVER = "for p in /proc/[0-9]*; do case $(cat $p/comm 2>/dev/null) in unbound|named)"


def speed_up(scene: Scene) -> None:
    scene.host.sh(f"{_EACH_RESOLVER} kill -CONT ${{p#/proc/}};; esac; done; true")


def shift_clock(scene: Scene) -> str:
    """The clock as ntactl's programs read it; "resolver-": as a resolver does too.

    Only Unbound: named hangs under libfaketime.
    """
    far = int(70 + 10 ** (2 + 4 * scene.draw.number))
    offset = far if scene.draw.variant.endswith("ahead") else -far
    (scene.host.run_folder / "clock").write_text(f"{offset}\n")
    if _shifts_resolver(scene):
        scene.host.sh(f"LD_PRELOAD={_FAKETIME} FAKETIME={offset:+d} {_RESTART}", check=False)
        return f"clock of {scene.host.name} {offset:+d} s, its resolver's too"
    return f"clock of {scene.host.name} {offset:+d} s"


_FAKETIME = "$(ls /usr/lib/*/faketime/libfaketime.so.1)"
_RESTART = "/etc/lab/service resolver restart"


def _shifts_resolver(scene: Scene) -> bool:
    return scene.draw.variant.startswith("resolver-") and scene.host.engine == "unbound"


def set_clock(scene: Scene) -> None:
    clock = scene.host.run_folder / "clock"
    if clock.exists() and _shifts_resolver(scene):
        scene.host.sh(_RESTART)
    clock.unlink(missing_ok=True)


def second_operator(scene: Scene) -> str:
    """Another one at the same moment: the same plan from the same state, or from a state of his."""
    other = scene.folder / "other"
    other.mkdir()
    if scene.draw.variant == "same-state":
        state, plan = scene.state, scene.folder / "plan.json"
    else:
        state, plan = scene.folder / "state-other", scene.folder / "plan-other.json"
    running = scene.bench.start(state, other, "0", "apply", str(plan), "--json")
    scene.others.append((scene.draw.variant, state, running))
    time.sleep(2 * scene.draw.number)
    return "a second operator began to apply"


def take_over(scene: Scene) -> str:
    """The operator sleeps; another, who has his journal, takes the NTA out; he wakes up.

    A program that is on its way then does not come through, so that he sends it once more.
    """
    os.kill(scene.child.process.pid, signal.SIGSTOP)
    state = scene.copy_of_state()
    done = scene.bench.ntactl(state, "revert", scene.nta, "--yes", "--json")
    scene.others.append(("revert", state, done))
    if scene.draw.moment == BYTE:
        scene.bench.wire.cut(scene.host.name, stay=False)
    os.kill(scene.child.process.pid, signal.SIGCONT)
    return f"operator stopped, another one reverted (exit {done.code}), operator woken"


def keep_copy(scene: Scene) -> str:
    """The journal as it is now comes back after the end, as from a backup."""
    scene.others.append(("again", scene.copy_of_state(), Run(0, "", "")))
    return "journal copied, to apply from it again after the end"


def leave_alone(scene: Scene) -> str:
    """The operator dies for good; the guards are alone with what happens to their resolver."""
    os.kill(scene.child.process.pid, signal.SIGKILL)
    if not any(seen.ends for seen in scene.bench.look().values()):
        return ""  # no guard was armed yet, or it is all over
    if scene.draw.variant == "resolver-down":
        scene.host.kill("resolver")
    if scene.draw.variant == "resolver-restarted":
        scene.host.service("resolver", "restart")
    return f"operator killed for good ({scene.draw.variant or 'nothing else'})"
