"""pyinfra and Ansible doing the same, each in a venv of its own: idiomatic, and with our script."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from push_hosts import Hosts
from push_steps import commands, files, steps

PACKAGES = {"pyinfra": "pyinfra", "ansible": "ansible-core"}
ANSIBLE_CONFIG = """\
[defaults]
forks = 50
strategy = free
gathering = explicit
inventory = {folder}/ansible.json
stdout_callback = ansible.builtin.minimal
interpreter_python = {python}
local_tmp = {folder}/ansible
remote_tmp = {folder}/ansible-remote
[ssh_connection]
pipelining = true
ssh_args = -F none -o ControlMaster=auto -o ControlPersist=60 -o UserKnownHostsFile={known} \
    -o KexAlgorithms=curve25519-sha256
control_path_dir = {folder}/cp
"""


def install(folder: Path, tool: str) -> None:
    """Into a venv below `folder`."""
    venv = folder / tool
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    pip = [venv / "bin/pip", "install", "-q", "--disable-pip-version-check", PACKAGES[tool]]
    subprocess.run(pip, check=True, stderr=subprocess.DEVNULL)


def version(folder: Path, tool: str) -> str:
    show = [folder / tool / "bin/pip", "show", PACKAGES[tool]]
    lines = subprocess.run(show, capture_output=True, text=True, check=True).stdout.splitlines()
    return next(line.partition(": ")[2] for line in lines if line.startswith("Version"))


def pyinfra(folder: Path, hosts: Hosts, count: int, how: str) -> list[str]:
    """The command line; `how` is "steps" or "script"."""
    places = [hosts.host(n) for n in range(count)]
    data = {
        "ssh_user": "root",
        "ssh_port": hosts.port,
        "ssh_key": str(hosts.folder / "user"),
        "ssh_known_hosts_file": str(hosts.folder / "known"),
    }
    entries = [
        (str(p.address), {**data, "own": str(hosts.own(p)), "script": steps(hosts, p)})
        for p in places
    ]
    (folder / "inventory.py").write_text(f"hosts = {entries!r}\n")
    deploy = folder / f"{how}.py"
    deploy.write_text(_pyinfra_script() if how == "script" else _pyinfra_steps(hosts))
    command = [folder / "pyinfra/bin/pyinfra", "-y", "--parallel", "64"]
    return [*map(str, command), str(folder / "inventory.py"), str(deploy)]


def _pyinfra_script() -> str:
    return (
        "from pyinfra import host\nfrom pyinfra.operations import server\n"
        "server.shell(name='all', commands=[host.data.script])\n"
    )


def _pyinfra_steps(hosts: Hosts) -> str:
    own, tools = "{own}", f"{hosts.folder}/bin"
    lines = ["from io import StringIO", "from pyinfra import host"]
    lines += ["from pyinfra.operations import files, server", "own = host.data.own"]
    run = {k: f"f{v!r}" for k, v in commands(tools, own).items()}
    lines += [f"server.shell(name='read', commands=[{run.pop('read')}])"]
    lines += [
        f"files.put(name='{path[5:]}', src=StringIO({text!r}), dest=f{path!r}, mode={mode[1:]!r})"
        for path, mode, text in files(own)
    ]
    lines += [f"server.shell(name='{k}', commands=[{v}])" for k, v in run.items()]
    return "\n".join(lines) + "\n"


def ansible(folder: Path, hosts: Hosts, count: int, how: str) -> list[str]:
    """The command line; `how` is "steps" or "script"."""
    places = [hosts.host(n) for n in range(count)]
    common = {
        "ansible_user": "root",
        "ansible_port": hosts.port,
        "ansible_ssh_private_key_file": str(hosts.folder / "user"),
    }
    entries = {
        str(p.address): {"own": str(hosts.own(p)), "script": steps(hosts, p)} for p in places
    }
    inventory = {"all": {"vars": common, "hosts": entries}}
    (folder / "ansible.json").write_text(json.dumps(inventory))
    tasks = [{"ansible.builtin.raw": "{{ script }}"}] if how == "script" else _tasks(hosts)
    play = [{"hosts": "all", "gather_facts": False, "tasks": tasks}]
    (folder / "play.json").write_text(json.dumps(play))
    config = ANSIBLE_CONFIG.format(
        folder=folder, python=sys.executable, known=hosts.folder / "known"
    )
    (folder / "ansible.cfg").write_text(config)
    env = [f"ANSIBLE_CONFIG={folder}/ansible.cfg", f"HOME={folder}"]
    return ["env", *env, str(folder / "ansible/bin/ansible-playbook"), str(folder / "play.json")]


def _tasks(hosts: Hosts) -> list[dict[str, object]]:
    run = commands(f"{hosts.folder}/bin", "{{ own }}")
    put: list[dict[str, object]] = [
        {"ansible.builtin.copy": {"content": text, "dest": path, "mode": mode}}
        for path, mode, text in files("{{ own }}")
    ]
    tasks: list[dict[str, object]] = [{"ansible.builtin.command": line} for line in run.values()]
    return [tasks[0], *put, *tasks[1:]]
