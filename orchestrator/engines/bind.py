"""BIND 9: `rndc nta -force`, which named keeps over restarts by itself.

With -force, as named's own recheck drops the NTA of a zone that is still broken; the lifetime
(at most a week, rndc(8)) is a backstop behind the guard, as natural expiry flushes nothing.
Measured with 9.18.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from orchestrator.engines.base import Mode, Preview, with_config
from orchestrator.engines.mend import commands, edits, named, substituted
from orchestrator.engines.weak import (
    Dialect,
    Facts,
    Line,
    Setting,
    Weakness,
    is_no,
    is_yes,
    shown,
    weak_settings,
)
from orchestrator.fleet.inventory import Host
from orchestrator.model import Statistics, Zone
from orchestrator.render import render

_OPTIONS = "/etc/bind/named.conf.options"


class Bind:
    """ISC BIND 9.18 and later."""

    name = "bind"
    shell = ("bind/engine.sh",)
    cd_is_sure = True
    off_rule = "validation-off"
    sound_since = "9.18.24"
    patched = ("9.16.48-1",)

    def dropin(self, host: Host) -> str:  # noqa: ARG002 - named keeps its NTAs itself
        return ""

    def header(self) -> str:
        return ""

    def line(self, nta_id: str, zone: Zone) -> str:  # noqa: ARG002
        return ""

    def list_command(self, host: Host) -> str:  # noqa: ARG002
        return "rndc nta -dump"

    def statistics(self, counted: Sequence[str]) -> Statistics:
        lines = [line.split(" ", 1) for line in counted]
        text = next((rest for word, rest in lines if word == "json"), None)
        if text is not None:
            return _of_channel(json.loads(text))
        boot = next(rest for word, rest in lines if word == "boot")
        dump = [rest.split(maxsplit=1) for word, rest in lines if word == "dump"]
        return _of_dump(datetime.strptime(boot, _BOOT).replace(tzinfo=UTC), dump)

    def add_commands(self, host: Host, zone: Zone) -> tuple[str, ...]:
        nta = _in_view(f"rndc nta -force -lifetime $((ends_at - now + 300)) {zone}", host)
        checkconf = with_config("named-checkconf", host, "")
        if zone == ".":  # 9.20 dies of one for the root
            off = f"{_in_view('rndc validation off', host)}  # up to 9.18: {nta}"
            return checkconf, off, _flush(zone, host), "rndc validation status"
        return (
            checkconf,
            nta,
            _flush(zone, host),
            "rndc nta -dump",
        )

    def renew_commands(self, host: Host, zone: Zone) -> tuple[str, ...]:
        return self.add_commands(host, zone)

    def remove_commands(self, host: Host, zone: Zone) -> tuple[str, ...]:
        return _in_view(f"rndc nta -remove {zone}", host), _flush(zone, host)

    def unset_commands(self, host: Host, told: Facts, zone: Zone) -> tuple[str, ...]:
        lines = told.having(rf"\bvalidate-except\s*\{{[^}}]*{named(zone)}\s*;")
        return self._taken_out(host, lines, rf"{named(zone)}\s*;", zone)

    def anchor_commands(self, host: Host, told: Facts, zone: Zone) -> tuple[str, ...]:
        pattern = rf"{named(zone)}\s+(?:static|initial)-(?:key|ds)\s[^;]*;"
        return self._taken_out(host, told.having(pattern), pattern, zone)

    def _taken_out(
        self, host: Host, lines: Sequence[Line], pattern: str, zone: Zone
    ) -> tuple[str, ...]:
        if host.instance and len(lines) > 1:
            return ()  # which of them is in this view, a line does not tell
        edited = commands(edits(lines, substituted(pattern, "", _COMMENT)), _check(host))
        return (*edited, "rndc reconfig", _flush(zone, host)) if edited else ()

    def weaknesses(self, host: Host, told: Facts) -> Iterator[Weakness]:
        yield from weak_settings(told, _settings(told), _dialect(host))
        yield from _validation_turned_off(host, told)
        yield from _old_words(host, told)
        yield from _control(host, told)
        yield from _not_loaded(host, told)

    def preview(self, mode: Mode, zones: Sequence[Zone]) -> Preview:
        return _permanent(zones) if mode == "config" else _validation_off(zones)


_BOOT = "%a, %d %b %Y %H:%M:%S GMT"


def _of_channel(told: Mapping[str, Any]) -> Statistics:
    """The JSON of /json/v1/server; its "rcodes" are those of answers sent."""
    views = (view["resolver"]["stats"] for view in told["views"].values())
    return Statistics(
        since=told["boot-time"],
        at=told["current-time"],
        answers=sum(told["rcodes"].values()),
        servfail=told["rcodes"]["SERVFAIL"],
        failed_validations=sum(stats.get("ValFail", 0) for stats in views),
        source="named's statistics channel",
    )


def _of_dump(boot: datetime, dump: Sequence[Sequence[str]]) -> Statistics:
    """The last that somebody had `rndc stats` write, as (COUNT, WHAT) after its first line."""
    if not dump:
        return Statistics(error="named.stats holds no statistics")
    at = datetime.fromtimestamp(int(dump[0][1].rpartition("(")[2].rstrip(")")), UTC)
    if at < boot:
        return Statistics(error="named.stats is older than named's last start")
    failed = "DNSSEC validation failed"
    rcodes = {what: int(count) for count, what in dump[1:] if what != failed}
    return Statistics(
        since=boot,
        at=at,
        answers=sum(rcodes.values()),
        servfail=rcodes.get("SERVFAIL", 0),
        failed_validations=sum(int(count) for count, what in dump[1:] if what == failed),
        source="named.stats",
    )


def _permanent(zones: Sequence[Zone]) -> Preview:
    return Preview(
        text=render("bind/config-mode.j2", path=_OPTIONS, zones=zones),
        commands=("named-checkconf", "rndc reconfig", "rndc nta -dump"),
        dangers=(
            "it has no end: nothing takes it out when the zone is sound again",
            "validate-except may stand once only: a second statement breaks the configuration",
            "it belongs inside options { } or a view, where a file of ntactl's own cannot go",
            "rndc nta -remove undoes it until the next reconfig brings it back",
        ),
    )


def _validation_off(zones: Sequence[Zone]) -> Preview:
    return Preview(
        text=render("bind/override-mode.j2", zones=zones),
        commands=("rndc validation off", "rndc validation status"),
        dangers=(
            "no zone is validated any more: forged answers of every zone are passed on",
            "AD is gone from every answer, also of zones that are sound",
            "it has no end, and the next rndc reconfig silently turns validation on again",
        ),
    )


def _flush(zone: Zone, host: Host) -> str:
    # flushtree drops nothing at "."
    return _in_view("rndc flush" if zone == "." else f"rndc flushtree {zone}", host)


def _in_view(command: str, host: Host) -> str:
    """Without a name rndc means every view."""
    return f"{command} {host.instance}" if host.instance else command


_COMMENT = "//|#"


def _check(host: Host) -> str:
    return with_config("named-checkconf", host, "")


def _reload(host: Host) -> str:
    return f"{_check(host)} && rndc reconfig"


def _edited(host: Host, lines: Sequence[Line], pattern: str, new: str) -> tuple[str, ...]:
    return commands(edits(lines, substituted(pattern, new, _COMMENT)), _check(host))


def _dialect(host: Host) -> Dialect:
    def write(name: str, good: str, lines: Sequence[Line]) -> tuple[str, ...]:
        return _edited(host, lines, rf"(?<![\w-]){name}\s+[^;]*;", good and f"{name} {good};")

    def reload(judged: bool) -> str:
        return _reload(host) + (" && rndc flush" if judged else "")

    return Dialect(lambda name: rf"(?<![\w-]){name}\s", write, reload)


def _settings(told: Facts) -> tuple[Setting, ...]:
    own_root = told.having(r"(?:^|[\s{;])[\"']?\.[\"']?\s+(?:static|initial)-(?:key|ds)")
    return (
        Setting(
            "dnssec-validation",
            is_no,
            "validation-off",
            "error",
            "no answer is validated",
            "yes" if own_root else "auto",
        ),
        Setting(
            "dnssec-accept-expired",
            is_yes,
            "dates-ignored",
            "error",
            "expired signatures are good",
            "no",
        ),
        Setting(
            "stale-answer-enable",
            is_no,
            "serve-stale-off",
            "note",
            "nothing bridges an outage (RFC 8767)",
            "yes",
            False,
        ),
    )


def _validation_turned_off(host: Host, told: Facts) -> Iterator[Weakness]:
    off = [line for line in told.runs.get("validation", ()) if "disabled" in line]
    if off and not any(map(is_no, told.said.get("dnssec-validation", ()))):
        says = "no answer is validated: somebody turned it off with rndc validation"
        mend = _in_view("rndc validation on", host)
        yield Weakness("validation-off", "error", says, tuple(off), (mend,))


_DISABLED = r"(?<![\w-])disable-(?:algorithms|ds-digests)\s[^{]*\{[^}]*\}\s*;"


def _old_words(host: Host, told: Facts) -> Iterator[Weakness]:
    gone = told.having(r"(?<![\w-])dnssec-(?:enable|lookaside)\s")
    if gone:
        says = "the option is gone (9.18): named refuses the file, and does not start with it"
        edited = _edited(host, gone, r"(?<![\w-])dnssec-(?:enable|lookaside)\s[^;]*;", "")
        mend = (*edited, "rndc reconfig") if edited else ()
        yield Weakness("obsolete-option", "error", says, shown(gone), mend)
    keys = told.having(r"(?<![\w-])(?:managed|trusted)-keys\s*(?:\{|$)")
    if keys:
        says = "trust anchors in an old form, of which nobody knows whether they are current"
        edited = _edited(host, keys, r"(?<![\w-])managed-keys(?=\s*\{)", "trust-anchors")
        mend = (*edited, "rndc reconfig") if edited else ()
        yield Weakness("legacy-anchors", "warning", says, shown(keys), mend)
    less = [line for line in told.having(_DISABLED) if not line.file.startswith(_CRYPTO)]
    if less:
        says = "zones that are signed in these ways count as insecure"
        edited = _edited(host, less, _DISABLED, "")
        mend = (*edited, "rndc reconfig") if edited else ()
        yield Weakness("algorithm-disabled", "warning", says, shown(less), mend)


_CRYPTO = "/etc/crypto-policies/"  # a distribution's policy for all programs


def _control(host: Host, told: Facts) -> Iterator[Weakness]:
    lines = told.having(r"(?<![\w-])controls\s*\{")
    inets = [one.split()[1] for one in told.said.get("control", ()) if len(one.split()) > 1]
    if "controls" in told.said and not inets:
        says = "rndc is off: no NTA can be set or taken out"
        edited = _edited(host, lines, r"(?<![\w-])controls\s*\{\s*\}\s*;", "")
        mend = (*edited, "pkill -HUP -x named") if edited else ()
        yield Weakness("control-off", "error", says, shown(lines), mend)
    if open_to := [one for one in inets if not one.startswith(("127.", "::1"))]:
        says = f"rndc's channel listens on {', '.join(open_to)}, not on this host alone"
        yield Weakness("control-open", "error", says, shown(lines))


def _not_loaded(host: Host, told: Facts) -> Iterator[Weakness]:
    for text in told.runs.get("configured", ()):
        try:
            at = datetime.strptime(text, _BOOT).replace(tzinfo=UTC).timestamp()
        except ValueError:
            continue
        newer = [path for path, changed in told.files.items() if changed > at]
        if newer:
            says = "the daemon does not run by what its files say"
            evidence = tuple(f"{path} was changed after named read it" for path in newer)
            yield Weakness("not-loaded", "warning", says, evidence, (_reload(host),))
