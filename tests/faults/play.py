"""One round: a transaction with one fault in it, what was promised for after, and the checks."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from subprocess import TimeoutExpired
from typing import Any

from harness import Run

from faults import invariants
from faults.bench import ZONE, Bench, Child, report_of
from faults.hosts import DISK, DROPINS, PLACES
from faults.moments import AtByte, AtCommand, AtStep, Moment
from faults.scene import BEGUN, BYTE, COMMAND, SENT, Draw, Scene

TRIES = 3
SLOWER = 3  # times as long as a plan takes until a fault has struck in its apply
UNKNOWN = "in this state"  # it was killed before anything was written down
CONTROLS = ("org.", "bogus.", ZONE)
# What cron would do with the guards' entries, at once.
WAKE = (
    "for f in /etc/cron.d/ntactl-*; do [ -s $f ] || continue;"
    " tail -n 1 $f | cut -d ' ' -f 7- | timeout 40 sh & done; wait"
)


@dataclass
class Round:
    """How a round went. `proof` is "" when its fault did not strike."""

    draw: Draw
    proof: str = ""
    ended: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def __str__(self) -> str:
        how = "; ".join(self.ended)
        line = f"seed {self.draw.seed}: {self.draw}: {self.proof}; {how}; {self.seconds:.1f} s"
        return "\n".join([line, *(f"  VIOLATION {each}" for each in self.wrong)])


def play(bench: Bench, draw: Draw) -> Round:
    """Play a round; afterwards the hosts are as before, by force if need be."""
    made, started = Round(draw), time.monotonic()
    folder = bench.rounds / str(draw.seed)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        _Player(bench, folder, made).play()
    except TimeoutExpired as error:
        made.wrong.append(f"hangs: {' '.join(map(str, error.cmd))[-200:]}")
    except AssertionError as error:  # hundreds of rounds must not be lost to one
        made.wrong.append(f"cannot be played: {error}")
    if made.wrong:
        by_force(bench)
    else:
        shutil.rmtree(folder)
    made.seconds = time.monotonic() - started
    return made


class _Player:
    """The acts of a round, in their order."""

    def __init__(self, bench: Bench, folder: Path, made: Round) -> None:
        self.bench, self.folder, self.made = bench, folder, made
        self.draw = made.draw
        self.host = bench.hosts[made.draw.host]
        self.state = folder / "state"
        self.plan_file = str(folder / "plan.json")

    def play(self) -> None:
        self.bench.make_ready(self.host.name)
        self.before = self.bench.look()
        self.plan = self._approved("plan.json", applied=self.draw.action == "revert")
        self.nta = str(self.plan["ntas"][0]["id"])
        self.other_nta = ""
        if self.draw.variant == "own-state":
            self.other_nta = str(self._approved("plan-other.json")["ntas"][0]["id"])
        with self._struck() as scene:
            done = scene.child.end() if scene else None
        if scene is None or done is None:
            self._clear_up()
            return
        self._after(scene, done)

    def _approved(self, name: str, *, applied: bool = False) -> Any:
        """A plan that lives for long enough to be carried out, however busy this machine is."""
        life, budget, path = self.draw.kind.lifetime, self.draw.budget, self.folder / name
        while True:
            path.unlink(missing_ok=True)
            began = time.monotonic()
            plan = self.bench.plan(self.state, path, f"{life}s", budget=budget, applied=applied)
            if (time.monotonic() - began) * SLOWER < life:
                return plan
            life *= 2

    @contextmanager
    def _struck(self) -> Iterator[Scene | None]:
        """The transaction with the fault in it; the fault is taken away at the end."""
        moment = self._moment()
        moment.arm()
        child = self._start()
        scene = Scene(self.bench, self.draw, self.folder, self.host, child, self.plan)
        try:
            reached = _reached(moment, child)
            if reached:
                self.made.wrong += [f"at the moment: {w}" for w in self._always(())]
                words = self.draw.kind.strike(scene)
                self.made.proof = f"{reached}: {words}" if words else ""
                moment.release()
            yield scene if self.made.proof else None
            child.end()
        finally:
            moment.disarm()
            self.draw.kind.lift(scene)

    def _moment(self) -> Moment:
        match self.draw.moment:
            case moment if moment in {COMMAND, BEGUN}:
                since = BEGUN if moment == BEGUN else ""
                return AtCommand(self.host, self.draw.at, since)
            case moment if moment == BYTE:
                return AtByte(self.bench.wire, self.host, self.draw.at)
            case _:
                return AtStep(self.folder, self._step())

    def _step(self) -> str:
        """Where the operator's journal holds him ("0": nowhere)."""
        if self.draw.moment in {COMMAND, BEGUN, BYTE}:
            return "0"
        return f"sent:{self.draw.at}" if self.draw.moment == SENT else str(self.draw.at)

    def _start(self) -> Child:
        what = self.plan_file if self.draw.action == "apply" else self.nta
        return self.bench.start(
            self.state, self.folder, self._step(), self.draw.action, what, "--json", "--yes"
        )

    def _forgetful(self) -> set[str]:
        return {self.host.name} if self.draw.restarts else set()

    def _unsure(self) -> set[str]:
        """A clock that was ahead makes a guard lift its NTA early, and rightly."""
        return {self.host.name} if self.draw.variant.endswith("ahead") else set()

    def _always(self, forgetful: set[str] | tuple[()]) -> list[str]:
        return invariants.always(self.bench.look(), self.before, forgetful)

    def _after(self, scene: Scene, done: Run) -> None:
        if self.draw.kind.name == "dead":
            self._guards_alone()
        else:
            self._others(scene)
            self._first_ending(done)
            self._go_on(done)
            self._all_out(scene)
        self._clear_up()

    def _others(self, scene: Scene) -> None:
        """What the other operators came to; a copied journal is applied from only now."""
        for name, state, theirs in scene.others:
            ended = theirs.end() if isinstance(theirs, Child) else theirs
            if name == "again":
                ended = self.bench.ntactl(state, "apply", self.plan_file, "--json")
            self.made.ended.append(f"the other ({name}): exit {ended.code}")
            self._no_traceback(ended)

    def _first_ending(self, done: Run) -> None:
        self.made.ended.append("killed" if done.code == -9 else f"exit {done.code}")
        self.bench.quiet()
        hosts = self.bench.look()
        self._check(hosts)
        if done.code != -9:
            self._check_report(self.draw.action, done, hosts)
        if self.draw.kind.name == "paused" and any(s.holds(self.nta, ZONE) for s in hosts.values()):
            self.made.wrong.append("an NTA stands that another operator had taken out since")
        if self.draw.kind.name not in {"paused", "twice"}:
            self._check_status(hosts)

    def _check(self, hosts: invariants.Hosts) -> None:
        self.made.wrong += invariants.always(hosts, self.before, self._forgetful())

    def _check_report(self, verb: str, done: Run, hosts: invariants.Hosts) -> None:
        self._no_traceback(done)
        unsure = self._unsure()
        if self.draw.kind.name in {"two-operators", "paused"}:
            unsure |= set(hosts)
        report = report_of(done)
        self.made.wrong += invariants.reported(
            verb, done.code, report, hosts, nta=self.nta, unsure=unsure
        )

    def _no_traceback(self, done: Run) -> None:
        lines = done.err.splitlines()
        odd = [line for line in lines if line.startswith(("Traceback", "unexpected "))]
        if odd:
            self.made.wrong.append(f"a defect: {odd[0]} ... {lines[-1]}")

    def _check_status(self, hosts: invariants.Hosts) -> None:
        """A guard may have been at work since the hosts were looked at."""
        for _ in range(TRIES):
            wrong = self._status_wrong(hosts)
            if not wrong:
                return
            hosts = self.bench.look()
        self.made.wrong += wrong

    def _status_wrong(self, hosts: invariants.Hosts) -> list[str]:
        said = self.bench.ntactl(self.state, "status", "--json")
        status = report_of(said)
        if not status:
            return [f"status ended with exit {said.code}: {said.err[-200:]}"]
        return invariants.status_names(status, hosts, self.nta)

    def _go_on(self, done: Run) -> None:
        """The same command again, as its messages say, until it is done; then the watcher."""
        if self.draw.kind.name in {"paused", "twice"} or self.draw.action == "revert":
            return
        code = done.code
        if code in {0, 1, 4, 5}:
            return
        for _ in range(TRIES):
            if code in {0, 1, 4, 5}:
                break
            again = self.bench.ntactl(self.state, "apply", self.plan_file, "--json")
            code = again.code
            self.made.ended.append(f"again: exit {code}")
            if code == 4 and "plan-finished" in again.err:
                break
            self._check_report("apply", again, self.bench.look())
            if code == 7:
                watched = self.bench.ntactl(self.state, "watch", "--once")
                self.made.ended.append(f"watch: exit {watched.code}")
                self._no_traceback(watched)
                break
        hosts = self.bench.look()
        self._check(hosts)
        if code == 6:
            self.made.wrong.append("nothing is wrong any more, and still a person is needed")
        self._check_status(hosts)
        self._check_answers(hosts)

    def _check_answers(self, hosts: invariants.Hosts) -> None:
        """A resolver that has just started may need a moment."""
        for _ in range(TRIES):
            answers = self.bench.answers(*CONTROLS)
            wrong = invariants.answering(answers, hosts)
            if not wrong:
                return
            time.sleep(1)
        self.made.wrong += wrong

    def _all_out(self, scene: Scene) -> None:
        """Whatever stands is taken out, from every state, and all is as before."""
        self._taken_out(self.state, self.nta)
        for _, state, _ in scene.others:
            self._taken_out(state, self.other_nta or self.nta)
        self._as_before()

    def _taken_out(self, state: Path, nta: str) -> None:
        for _ in range(TRIES):
            done = self.bench.ntactl(state, "revert", nta, "--yes", "--json")
            self._no_traceback(done)
            self.made.ended.append(f"revert: exit {done.code}")
            if done.code == 0 or (done.code == 2 and UNKNOWN in done.err):
                return
        self.made.wrong.append(f"{nta} cannot be reverted: {done.out}{done.err}")

    def _as_before(self) -> None:
        hosts = self.bench.look()
        self.made.wrong += invariants.as_before(hosts, self.before, self._forgetful())
        self._check(hosts)
        self._check_answers(hosts)

    def _guards_alone(self) -> None:
        """Nobody runs any more, and at its end the NTA goes."""
        ends = datetime.fromisoformat(self.plan["ntas"][0]["ends_at"]).timestamp()
        time.sleep(max(0.0, ends + 1 - time.time()))
        if self.draw.variant == "resolver-down":
            self._wake()
            self.host.service("resolver", "start")
            time.sleep(0.5)
        waited = time.monotonic()
        while time.monotonic() - waited < invariants.LATE:
            if self.draw.variant == "cron":
                time.sleep(2)
            else:
                self._wake()
            if not any(seen.ends or ZONE in seen.zones for seen in self.bench.look().values()):
                break
            if self.draw.variant != "cron" and time.monotonic() - waited > 10:
                break
        self.made.ended.append(f"guards done after {time.monotonic() - waited:.1f} s")
        self._as_before()
        watched = self.bench.ntactl(self.state, "watch", "--once")
        self.made.ended.append(f"watch: exit {watched.code}")
        self._no_traceback(watched)
        status = report_of(self.bench.ntactl(self.state, "status", "--json"))
        live = [one["id"] for one in status["ntas"] if one["state"] != "ended"]
        if live:
            self.made.wrong.append(f"status still has {live[0]}, which is gone")

    def _wake(self) -> None:
        self.bench.everywhere(WAKE)

    def _clear_up(self) -> None:
        """Without a strike the transaction stands as it ended."""
        if not self.made.proof and not self.made.wrong:
            self._taken_out(self.state, self.nta)


def _reached(moment: Moment, child: Child) -> str:
    """Wait until the moment is reached, or the transaction is over without it."""
    while True:
        ended = child.ended()
        reached = moment.struck()
        if reached or ended:
            return reached
        time.sleep(0.01)


def by_force(bench: Bench) -> None:
    """After a violation: every host as it was made, whatever stands there."""
    bench.wire.shut.clear()
    bench.wire.disarm()
    for host in bench.hosts.values():
        places = " ".join([*PLACES.values(), DROPINS[host.engine]])
        host.sh(
            f"rm -rf /run/faults/*; for p in {places}; do mount -o remount,bind,rw $p; done;"
            f" rm -rf {DISK}/filler /var/lib/ntactl/* /etc/cron.d/ntactl-*"
            f" {DROPINS[host.engine]}/ntactl-nta*;"
            " sed -i '/^nonsense {/d' /etc/unbound/unbound.conf.d/site.conf"
            " /etc/bind/named.conf.local;"
            " rm -f /var/cache/bind/*.nta",
            check=False,
        )
        for daemon in ("sshd", "cron"):
            host.service(daemon, "start")
        host.sh("rndc nta -remove de", check=False)
        host.service("resolver", "restart")
