"""What delv, drill and unbound-host say of the lab's outages, beside `check`: a page for the docs.

`make bench-outages` writes docs/reference/outages.md anew. Each tool is asked for the zone's SOA,
for a name that nobody has, for a signed and for an unsigned child: the four that a zone can break
one by one. delv asks a resolver, since it does not iterate; the others ask the servers.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from outages import EXPECTED, Expected  # noqa: E402 (the tests' own table)

NTACTL = (sys.executable, "-m", "orchestrator")
PAGE = HERE.parents[1] / "docs/reference/outages.md"
HEAD = """# Every outage of the lab, and what validators say

Made by `make bench-outages`; do not edit. Each row is one outage as the lab serves it (what is
broken: [the lab](../lab.md)), the verdict of `ntactl check`, which `make test` holds it to, and
what other validators answered for the zone's SOA, a name that nobody has, a signed child and an
unsigned child, one look each: `ok`, `bogus`, `untrusted` (drill: signed, and not by what the anchor
leads to) or `fails` (no answer). Where all four are the same it stands once.

{versions}

| outage | state | main cause | remedy | {tools} |
|---|---|---|---|{lines}
"""


def said(argv: list[str]) -> str:
    """What a command prints, both ways; "" after 15 seconds."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=15, check=False)
    except subprocess.TimeoutExpired:
        return ""
    return done.stdout + done.stderr


class Tools:
    """The validators, with the lab's root and anchor."""

    def __init__(self, folder: Path, env: dict[str, str], resolver: str) -> None:
        self.folder, self.resolver = folder, resolver
        self.anchor, self.hints = env["NTACTL_TRUST_ANCHOR"], env["NTACTL_ROOT_HINTS"]
        *_, tag, algorithm, kind, digest = Path(self.anchor).read_text().split()
        (folder / "delv").write_text(
            f'trust-anchors {{ . static-ds {tag} {algorithm} {kind} "{digest}"; }};\n'
        )
        (folder / "unbound").write_text(
            f'server:\n  root-hints: "{self.hints}"\n  trust-anchor-file: "{self.anchor}"\n'
            "  do-ip6: no\n"
        )

    def delv(self, name: str, kind: str) -> str:
        config = str(self.folder / "delv")
        out = said(["delv", f"@{self.resolver}", "-a", config, "+root=.", name, kind])
        if "fully validated" in out or "unsigned answer" in out:
            return "ok"
        return "fails" if "timed out" in out or not out else "bogus"

    def drill(self, name: str, kind: str) -> str:
        out = said(["drill", "-TD", "-k", self.anchor, "-r", self.hints, name, kind])
        marks = re.findall(r"^\[([TUBS])\]", out, re.MULTILINE)
        if not marks:
            return "fails"
        if "B" in marks:
            return "bogus"
        return "untrusted" if "S" in marks else "ok"  # drill's "self sig OK" leads to no anchor

    def unbound_host(self, name: str, kind: str) -> str:
        config = str(self.folder / "unbound")
        out = said(["unbound-host", "-C", config, "-v", "-t", kind, name])
        if "BOGUS" in out:
            return "bogus"
        return "ok" if re.search(r"\((secure|insecure)\)$", out, re.MULTILINE) else "fails"

    def all(self) -> dict[str, Callable[[str, str], str]]:
        every = {"delv": self.delv, "drill": self.drill, "unbound-host": self.unbound_host}
        return {name: ask for name, ask in every.items() if shutil.which(name)}


def versions(tools: list[str]) -> str:
    """What is installed, as Debian calls it."""
    packages = {"delv": "bind9-dnsutils", "drill": "ldnsutils", "unbound-host": "unbound-host"}
    listed = [
        f"{tool} {said(['dpkg-query', '-Wf', '${Version}', packages[tool]])}" for tool in tools
    ]
    return "Beside: " + ", ".join(listed) + "."


def verdict() -> dict[str, object]:
    out = subprocess.run([*NTACTL, "check", "de.", "--json"], capture_output=True, check=False)
    found: dict[str, object] = json.loads(out.stdout)["zones"][0]
    return found


def answers(ask: Callable[[str, str], str]) -> str:
    nobody = f"n{secrets.token_hex(4)}.de."
    asked = [("de.", "SOA"), (nobody, "A"), ("www.denic.de.", "A"), ("www.heise.de.", "A")]
    words = [ask(*one) for one in asked]
    return words[0] if len(set(words)) == 1 else ", ".join(words)


def row(expected: Expected, tools: Tools) -> str:
    lab = [*NTACTL, "lab", "break", "de.", "--as", expected.scenario]
    subprocess.run([*lab, "--phase", str(expected.phase)], check=True, stdout=subprocess.DEVNULL)
    told = verdict()
    extent = f" ({told['extent']})" if told["extent"] else ""
    causes = told["findings"]
    assert isinstance(causes, list)
    main = f"`{causes[0]['cause']}`" if causes else "-"
    columns = [answers(ask) for ask in tools.all().values()]
    cells = [f"`{expected}`", f"{told['state']}{extent}", main, f"{told['remedy']}", *columns]
    return f"| {' | '.join(cells)} |"


def inside() -> None:
    """In the lab: outage after outage."""
    listed = subprocess.run([*NTACTL, "lab", "status", "--json"], capture_output=True, check=True)
    resolver = json.loads(listed.stdout)["hosts"][0]["address"]
    with tempfile.TemporaryDirectory() as folder:
        tools = Tools(Path(folder), dict(os.environ), resolver)
        names = list(tools.all())
        rows = []
        for expected in EXPECTED:
            rows.append(row(expected, tools))
            print(rows[-1], flush=True)
    head = HEAD.format(versions=versions(names), tools=" | ".join(names), lines="---|" * len(names))
    PAGE.write_text(head + "\n".join(rows) + "\n")


def main() -> None:
    if sys.argv[1:] == ["--inside"]:
        inside()
        return
    with tempfile.TemporaryDirectory(prefix="ntactl-bench-") as folder:
        env = {**os.environ, "NTACTL_LAB": folder}
        up = [*NTACTL, "lab", "up", "--resolvers", "unbound=1"]
        subprocess.run(up, env=env, check=True)
        try:
            again = [sys.executable, __file__, "--inside"]
            subprocess.run([*NTACTL, "lab", "exec", "--", *again], env=env, check=True)
        finally:
            subprocess.run([*NTACTL, "lab", "down"], env=env, check=True)


if __name__ == "__main__":
    main()
