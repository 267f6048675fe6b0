"""What others do to a resolver by hand, in each engine's own words."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

# Every instance of kresd does what "$1" says.
_KRESD = """for s in /run/knot-resolver/control/*; do perl -MIO::Socket::UNIX -e '
    my $to = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die; syswrite $to, "$ARGV[1]\\n";
    sysread $to, my $first, 2; sysread $to, my $answer, 9000;
    die $answer if $answer =~ /error|lua:/' $s "{lua}"; done"""
_FIELDS = "26755 8 2"
_DIGEST = "F341357809A5954311CCB82ADE114C6C1D724A75C0395137AA3978035425E78D"
_DS = f"{_FIELDS} {_DIGEST}"
KNOT_6 = Path("/usr/bin/kresctl").exists()  # which reads YAML, and has a checker for that
KNOT_CONFIG = f"/etc/knot-resolver/{'config.yaml' if KNOT_6 else 'kresd.conf'}"


def kresd(lua: str) -> str:
    return _KRESD.replace("{lua}", lua)


@dataclass(frozen=True)
class ByHand:
    """Shell commands on a host, and lines of configuration.

    `add` and `remove` set an NTA for de. at run time and take it out; `reload` reads the
    configuration anew, in the mildest way there is. `anchor` is a file and what makes de. an anchor
    of its own in it. `main` is the main configuration file, in which the engine's checker finds a
    mistake, where it has one. `insecure` is a file, and how de. is made insecure in it and no more.
    """

    add: str
    remove: str
    reload: str
    anchor: tuple[str, str]
    insecure: tuple[str, str, str]
    main: str
    checker: bool = True


def in_dnssec(line: str) -> str:
    """A line more in the section `dnssec` of Knot Resolver 6."""
    return f"sed -i 's/^dnssec:/&\\n  {line}/' {KNOT_CONFIG}"


def _line(path: str, line: str) -> tuple[str, str, str]:
    return path, f"echo '{line}' >> {path}", f"sed -i '$d' {path}"


_OPTIONS = "/etc/bind/named.conf.options"
_RECURSOR = "/etc/powerdns/recursor.lua"
_THEIRS = "/etc/unbound/unbound.conf.d/theirs.conf"

BY_HAND = {
    "unbound": ByHand(
        add="unbound-control insecure_add DE",
        remove="unbound-control insecure_remove de",
        reload="unbound-control reload",
        anchor=(
            "/etc/unbound/unbound.conf.d/anchor.conf",
            f'server:\\n trust-anchor: \\"De. IN DS {_DS}\\"\\n',
        ),
        insecure=(
            _THEIRS,
            f"printf 'server:\\n  domain-insecure: DE\\n' > {_THEIRS}",
            f"rm {_THEIRS}",
        ),
        main="/etc/unbound/unbound.conf",
    ),
    "bind": ByHand(
        add="rndc nta -lifetime 3600 DE",
        remove="rndc nta -remove de",
        reload="rndc reload",
        anchor=(
            "/etc/bind/named.conf.local",
            f'trust-anchors {{ DE static-ds {_FIELDS} \\"{_DIGEST}\\"; }};\\n',
        ),
        insecure=(
            _OPTIONS,
            f"sed -i 's/^options {{/&\\nvalidate-except {{ \"fj\"; DE; }};/' {_OPTIONS}",
            f"sed -i '/validate-except/d' {_OPTIONS}",
        ),
        main="/etc/bind/named.conf.local",
    ),
    "pdns": ByHand(
        add="rec_control add-nta DE by hand",
        remove="rec_control clear-nta de",
        reload="rec_control reload-lua-config",
        anchor=(_RECURSOR, f'addTA(\\"De\\", \\"{_DS}\\")\\n'),
        insecure=_line(_RECURSOR, 'addNTA("DE", "by hand")'),
        main="/etc/powerdns/recursor.conf",
    ),
    "knot": ByHand(
        add=kresd("trust_anchors.set_insecure({'DE'})"),
        remove=kresd("trust_anchors.set_insecure({})"),
        reload=(
            "kresctl reload --force" if KNOT_6 else "/etc/lab/service resolver restart; sleep 1"
        ),
        # The configuration of release 6 ends in its Lua, four blanks deep.
        anchor=(KNOT_CONFIG, f"    trust_anchors.add('De. DS {_DS}')\\n"),
        main=KNOT_CONFIG,
        checker=KNOT_6,
        insecure=(
            (KNOT_CONFIG, in_dnssec("negative-trust-anchors: [DE]"), f"sed -i /DE/d {KNOT_CONFIG}")
            if KNOT_6
            else _line(
                KNOT_CONFIG, 'trust_anchors.set_insecure({"DE", unpack(trust_anchors.insecure)})'
            )
        ),
    ),
}
