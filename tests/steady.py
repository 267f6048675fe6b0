"""A client that asks one resolver without end: `python steady.py ADDRESS SECONDS`, in a lab.

Each question is for another name under de., ten a second. Prints a rcode a line, "-" for none.
"""

from __future__ import annotations

import secrets
import sys
import time

import dns.exception
import dns.message
import dns.query
import dns.rcode


def main() -> None:
    address, until = sys.argv[1], time.monotonic() + float(sys.argv[2])
    while time.monotonic() < until:
        asked = dns.message.make_query(f"{secrets.token_hex(4)}.heise.de.", "A")
        try:
            answer = dns.query.udp(asked, address, timeout=1)
        except (dns.exception.DNSException, OSError):
            print("-", flush=True)
        else:
            print(dns.rcode.to_text(answer.rcode()), flush=True)
        time.sleep(0.1)


if __name__ == "__main__":
    main()
