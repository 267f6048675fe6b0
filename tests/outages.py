"""Every outage that the lab can make, and the verdict it has to get."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Expected:
    """One scenario and phase, and the verdict it has to get."""

    scenario: str
    phase: int
    state: str
    extents: tuple[str | None, ...]
    main: str
    remedy: str
    code: int

    def __str__(self) -> str:
        return f"{self.scenario}-{self.phase}"


SOME = ("partial", "flapping")
WHOLE = ("whole",)
NONE = (None,)
EXPECTED = (
    Expected("de-2026", 1, "bogus", SOME, "rrsig-invalid", "nta", 11),
    Expected("de-2026", 2, "bogus", SOME, "rrsig-invalid", "nta", 11),
    Expected("de-2026", 3, "bogus", SOME, "server-divergent", "escalate", 12),
    Expected("fj-2022", 1, "bogus", WHOLE, "ds-no-matching-dnskey", "nta", 10),
    Expected("zm-2015", 1, "bogus", WHOLE, "rrsig-expired", "nta", 10),
    Expected("na-2019", 1, "bogus", WHOLE, "rrsig-missing", "nta", 10),
    Expected("na-2019", 2, "bogus", WHOLE, "dnskey-missing", "nta", 10),
    Expected("al-2026", 1, "bogus", WHOLE, "ds-no-matching-dnskey", "nta", 10),
    Expected("al-2026", 2, "bogus", WHOLE, "dnskey-missing", "nta", 10),
    Expected("al-2026", 3, "insecure", NONE, "", "none", 0),
    Expected("bw", 1, "bogus", ("partial",), "server-divergent", "escalate", 12),
    Expected("de-2010", 1, "secure", NONE, "server-divergent", "escalate", 12),
    Expected("mm-2016", 1, "bogus", WHOLE, "rrsig-expired", "nta", 10),
    Expected("e164-2017", 1, "bogus", WHOLE, "rrsig-expired", "nta", 10),
    Expected("e164-2017", 2, "bogus", WHOLE, "rrsig-expired", "nta", 10),
    Expected("not-yet-valid", 1, "bogus", WHOLE, "rrsig-not-yet-valid", "escalate", 12),
    Expected("se-2009", 1, "bogus", WHOLE, "rrsig-missing", "nta", 10),
    Expected("xn--qxam-2021", 1, "bogus", WHOLE, "dnskey-missing", "nta", 10),
    Expected("red-2014", 1, "bogus", SOME, "rrsig-missing", "nta", 11),
    Expected("ru-2024", 1, "bogus", WHOLE, "rrsig-invalid", "nta", 10),
    Expected("au-2022", 1, "bogus", SOME, "rrsig-invalid", "nta", 11),
    Expected("au-2023", 1, "bogus", SOME, "rrsig-invalid", "nta", 11),
    Expected("se-2022", 1, "bogus", SOME, "rrsig-invalid", "nta-child", 11),
    Expected("se-2022", 2, "bogus", SOME, "rrsig-invalid", "nta", 11),
    Expected("se-2022", 3, "bogus", SOME, "rrsig-invalid", "nta", 11),
    Expected("mx-2023", 1, "bogus", WHOLE, "ds-digest-mismatch", "nta", 10),
    Expected("ds-algorithm", 1, "bogus", WHOLE, "ds-no-matching-dnskey", "nta", 10),
    Expected("ksk-not-signing", 1, "bogus", WHOLE, "dnskey-not-signed-by-ds-key", "nta", 10),
    Expected("zsk-withdrawn", 1, "bogus", WHOLE, "rrsig-unknown-key", "nta", 10),
    Expected("gov-2013", 1, "secure", NONE, "rrsig-missing", "none", 0),
    Expected("unsupported", 1, "insecure", NONE, "unsupported-algorithm", "none", 0),
    Expected("unsupported", 2, "insecure", NONE, "unsupported-digest", "none", 0),
    Expected("tag-collision", 1, "secure", NONE, "validation-limit", "none", 0),
    Expected("tag-collision", 2, "secure", NONE, "validation-limit", "none", 13),
    Expected("key-fields", 1, "bogus", WHOLE, "key-revoked", "nta", 10),
    Expected("key-fields", 2, "bogus", WHOLE, "key-not-zone-key", "nta", 10),
    Expected("key-fields", 3, "bogus", WHOLE, "key-protocol", "nta", 10),
    Expected("denial", 1, "bogus", SOME, "denial-missing", "nta", 11),
    Expected("denial", 2, "bogus", SOME, "denial-invalid", "nta", 11),
    Expected("denial", 3, "bogus", SOME, "rrsig-invalid", "nta", 11),
    Expected("denial", 4, "insecure", NONE, "nsec3-iterations", "none", 0),
    Expected("dnskey-no-tcp", 1, "indeterminate", NONE, "truncated-no-tcp", "escalate", 12),
    Expected("nz-2023", 1, "secure", NONE, "cache-mismatch", "flush", 13),
    Expected("apnic-2012", 1, "bogus", SOME, "server-divergent", "escalate", 12),
    Expected("apnic-2012", 2, "secure", NONE, "cache-mismatch", "flush", 13),
    Expected("rate-limited", 1, "secure", NONE, "", "none", 0),
    Expected("unreachable", 1, "indeterminate", NONE, "server-unreachable", "escalate", 12),
    Expected("unreachable", 2, "secure", NONE, "server-unreachable", "none", 0),
    Expected("lame", 1, "indeterminate", NONE, "server-lame", "escalate", 12),
    Expected("lame", 2, "secure", NONE, "server-lame", "none", 0),
    Expected("ds-signature", 1, "bogus", WHOLE, "rrsig-invalid", "nta", 10),
    Expected("ds-signature", 2, "bogus", WHOLE, "rrsig-expired", "nta", 10),
)
