"""What others leave on resolvers: how each is done by hand, and what an audit has to call it."""

from __future__ import annotations

from dataclasses import dataclass

from by_hand import KNOT_6, KNOT_CONFIG, in_dnssec, kresd

_DE = "26755 8 2 F341357809A5954311CCB82ADE114C6C1D724A75C0395137AA3978035425E78D"
_THEIRS = "/etc/unbound/unbound.conf.d/theirs.conf"
_OPTIONS = "/etc/bind/named.conf.options"
_LOCAL = "/etc/bind/named.conf.local"
_RECURSOR, _LUA = "/etc/powerdns/recursor.conf", "/etc/powerdns/recursor.lua"


@dataclass(frozen=True)
class Seed:
    """One misconfiguration of a host, and its rule. `live`: sown after the daemons read files."""

    host: str
    rule: str
    how: str
    live: bool = False


def _unbound(line: str) -> str:
    return f"printf 'server:\\n    {line}\\n' >> {_THEIRS}"


def _option(line: str) -> str:
    return f"sed -i 's/^options {{/&\\n    {line}/' {_OPTIONS}"


def _line(text: str, file: str) -> str:
    return f"echo {text!r} >> {file}"


def _recursor(name: str, in_yaml: str, value: str) -> str:
    """In recursor.conf of release 4, and in YAML; what is not there yet joins `dnssec`."""
    yaml = {"no": "false"}.get(value, value)
    script = f"s/^{name}=.*/{name}={value}/; s/^  {in_yaml}: .*/  {in_yaml}: {yaml}/"
    there = f"grep -Eq '^({name}=|  {in_yaml}:)' {_RECURSOR}"
    new = f"s/^dnssec=/{name}={value}\\n&/; s/^dnssec:/&\\n  {in_yaml}: {yaml}/"
    return f"if {there}; then sed -i '{script}' {_RECURSOR}; else sed -i '{new}' {_RECURSOR}; fi"


_KNOT = (
    {
        "nta": in_dnssec("negative-trust-anchors: [fj]"),
        "local": _line("options: { query-loopback: true }", KNOT_CONFIG),
        "off": in_dnssec("enable: false"),
        "anchor": _line(f"    trust_anchors.add('de. IN DS {_DE}')", KNOT_CONFIG),  # its Lua's end
        "reload": "kresctl reload",
    }
    if KNOT_6
    else {
        "nta": _line("trust_anchors.set_insecure({ 'fj.' })", KNOT_CONFIG),
        "local": _line("option('ALLOW_LOCAL', true)", KNOT_CONFIG),
        "off": _line("trust_anchors.remove('.')", KNOT_CONFIG),
        "anchor": _line(f"trust_anchors.add('de. IN DS {_DE}')", KNOT_CONFIG),
        "reload": "service 'kresd@*' restart",
    }
)

# In this order on each host: what breaks its configuration comes last.
SEEDS = (
    Seed("unbound1", "validation-permissive", _unbound("val-permissive-mode: yes")),
    Seed("unbound1", "stripped-accepted", _unbound("harden-dnssec-stripped: no")),
    Seed("unbound1", "dates-ignored", _unbound("val-override-date: -1")),
    Seed("unbound1", "queries-localhost", _unbound("do-not-query-localhost: no")),
    Seed("unbound1", "zone-answered-locally", _unbound('local-zone: "de." static')),
    Seed("unbound1", "nta-without-end", _unbound('domain-insecure: "fj"')),
    Seed("unbound1", "own-anchor", _unbound(f'trust-anchor: "de. DS {_DE}"')),
    Seed(
        "unbound2",
        "validation-permissive",
        "unbound-control set_option val-permissive-mode: yes",
        live=True,
    ),
    Seed("unbound2", "foreign-nta", "unbound-control insecure_add de.", live=True),
    Seed("unbound2", "obsolete-option", _unbound("val-override: yes"), live=True),
    Seed(
        "bind1",
        "validation-off",
        f"sed -i 's/dnssec-validation yes/dnssec-validation no/' {_OPTIONS}",
    ),
    Seed("bind1", "dates-ignored", _option("dnssec-accept-expired yes;")),
    Seed("bind1", "serve-stale-off", _option("stale-answer-enable no;")),
    Seed("bind1", "nta-without-end", _option('validate-except { "fj"; };')),
    Seed(
        "bind1",
        "own-anchor",
        f"""echo 'trust-anchors {{ de. static-ds {_DE.replace("2 F", '2 "F')}"; }};' >> {_LOCAL}""",
    ),
    Seed("bind2", "validation-off", "rndc validation off", live=True),
    Seed("bind2", "foreign-nta", "rndc nta -force -lifetime 86400 de", live=True),
    Seed("bind2", "obsolete-option", _option("dnssec-enable yes;"), live=True),
    Seed("pdns1", "validation-on-demand", _recursor("dnssec", "validation", "process")),
    Seed(
        "pdns1", "skew", _recursor("signature-inception-skew", "signature_inception_skew", "86400")
    ),
    Seed(
        "pdns1",
        "ede-off",
        _recursor("extended-resolution-errors", "extended_resolution_errors", "no"),
    ),
    Seed("pdns2", "nta-without-end", _line('addNTA("fj", "broken since May")', _LUA)),
    Seed("pdns2", "own-anchor", f"rec_control add-ta de {_DE}", live=True),
    Seed("pdns2", "foreign-nta", "rec_control add-nta de by hand", live=True),
    Seed("knot1", "nta-without-end", _KNOT["nta"]),
    Seed("knot1", "queries-localhost", _KNOT["local"]),
    Seed("knot1", "foreign-nta", kresd("trust_anchors.set_insecure({'fj.', 'de.'})"), live=True),
    Seed("knot2", "validation-off", _KNOT["off"]),
    Seed("knot2", "own-anchor", _KNOT["anchor"]),
)
# What lets a daemon go by its files, before what is set in the daemon alone.
RELOAD = {
    "unbound1": "unbound-control reload",
    "bind1": "rndc reconfig",
    "pdns1": "service pdns-recursor restart",
    "pdns2": "rec_control reload-lua-config",
    "knot1": _KNOT["reload"],
    "knot2": _KNOT["reload"],
}
