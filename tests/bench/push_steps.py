"""What an NTA takes on a host, step by step: as one script, and as the peers would write it."""

from __future__ import annotations

from push_hosts import Hosts

from orchestrator.fleet.inventory import Host

GUARD = "#!/bin/sh\n# lifts the NTA at its end\nunbound-control insecure_remove de.\n"
CRON = "* * * * * root /bin/sh /var/lib/ntactl/guard\n"
DROPIN = 'server:\n    domain-insecure: "de." # ntactl de-4f2a91c0\n'


def commands(tools: str, own: str) -> dict[str, str]:
    """The steps that are commands; the files go between the first and the second."""
    control = f"{tools}/unbound-control -c {own}/unbound.conf"
    return {
        "read": f"{control} list_insecure",
        "check": f"{tools}/unbound-checkconf {own}/unbound.conf",
        "add": f"{control} insecure_add de.",
        "flush": f"{control} flush_zone de.",
        "verify": f"{control} list_insecure",
    }


def files(own: str) -> list[tuple[str, str, str]]:
    """The files that are put: where, mode, text."""
    return [
        (f"{own}/guard", "0700", GUARD),
        (f"{own}/cron.d/ntactl", "0644", CRON),
        (f"{own}/ntactl-nta.conf", "0644", DROPIN),
    ]


def steps(hosts: Hosts, host: Host) -> str:
    """All of it as one script: each file beside its place, then moved there."""
    own = str(hosts.own(host))
    run = commands(f"{hosts.folder}/bin", own)
    put = [
        f"printf %s '{text}' >{path}.new && chmod {mode} {path}.new && mv -f {path}.new {path}"
        for path, mode, text in files(own)
    ]
    return "\n".join(["set -e", run["read"], *put, *(run[k] for k in list(run)[1:])])
