"""PID 1 of a lab host: makes its world, starts its daemons, then only reaps.

Run by path with `python -IS`, outside the package and with the standard library alone: once
the mounts below stand, the checkout may be out of sight (under /root, /tmp ...). So everything
is imported before, and what is run after is found in /usr and in the host's own /etc.
"""

import os
import subprocess
import sys
import time
from pathlib import Path


def run(*command: str) -> None:
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def wait_for_link() -> None:
    """Say that the namespaces stand, and wait until the lab has put eth0 into them."""
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.read()


def mount(root: Path) -> None:
    for name in ("etc", "var", "run"):
        run("mount", "--bind", str(root / name), f"/{name}")
    run("mount", "-t", "tmpfs", "-o", "mode=1777", "tmp", "/tmp")  # noqa: S108
    run("mount", "-t", "tmpfs", "-o", "mode=0700", "root", "/root")
    run("mount", "-t", "tmpfs", "-o", "mode=1777", "shm", "/dev/shm")  # noqa: S108
    run("mount", "-t", "proc", "proc", "/proc")
    run("mount", "-o", "remount,bind,ro", "/")
    os.chdir("/")


def make_run() -> None:
    """What systemd-tmpfiles would make: /run is empty after every boot."""
    folders = (
        *(("sshd", "root"), ("lock", "root"), ("named", "bind"), ("pdns-recursor", "pdns")),
        *(("knot-resolver", "knot-resolver"), ("knot-resolver/control", "knot-resolver")),
    )
    users = {line.split(":")[0] for line in Path("/etc/passwd").read_text().splitlines()}
    for name, user in folders:
        if user in users:
            path = Path("/run") / name
            path.mkdir(mode=0o755)
            run("chown", f"{user}:", str(path))


def network(name: str, address: str) -> None:
    run("hostname", name)
    run("ip", "link", "set", "lo", "up")
    run("ip", "address", "add", address, "dev", "eth0")
    last = int(address.partition("/")[0].rpartition(".")[2])
    run("ip", "address", "add", f"fd53::100:{last:x}/64", "dev", "eth0", "nodad")
    run("ip", "link", "set", "eth0", "up")
    # One neighbour for the name servers of a large root: the kernel's table of them is small.
    run("ip", "route", "add", "10.53.128.0/17", "via", "10.53.0.1")
    run("ip", "route", "add", "fd53::f:0:0/96", "via", "fd53::1:1")


def start() -> None:
    for daemon in ("sshd", "cron", "resolver"):
        # A daemon that does not start is for the tests to see, not for the host to die of.
        subprocess.run(["/etc/lab/service", daemon, "start"], check=False, stdin=subprocess.DEVNULL)


def reap() -> None:
    while True:
        try:
            os.wait()
        except ChildProcessError:
            time.sleep(1)  # nothing to reap; what sshd leaves behind comes here


def main() -> None:
    name, root, address = sys.argv[1:4]
    os.environ["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin"
    wait_for_link()
    mount(Path(root))
    make_run()
    network(name, address)
    start()
    reap()


if __name__ == "__main__":
    main()
