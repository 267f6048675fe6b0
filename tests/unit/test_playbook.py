"""A policy from YAML: the shipped one, its defaults, and what is refused."""

from datetime import timedelta
from pathlib import Path

import pytest

from orchestrator.errors import BadFile
from orchestrator.playbook import Controls, Playbook, load_playbook

SHIPPED = Path(__file__).parents[2] / "playbooks" / "tld-nta.yaml"
CONTROLS = "controls: {healthy: org., bogus: dnssec-failed.org.}\n"


def refusal(folder: Path, text: str) -> str:
    path = folder / "policy.yaml"
    path.write_text(text)
    with pytest.raises(BadFile) as caught:
        load_playbook(path)
    assert caught.value.exit_code == 2
    return str(caught.value).removeprefix(f"{folder}/")


def test_the_shipped_playbook_says_the_defaults() -> None:
    shipped = load_playbook(SHIPPED)
    controls = Controls(healthy="org.", bogus="dnssec-failed.org.")
    defaults = Playbook(name="tld-nta", controls=controls)
    assert shipped.model_copy(update={"waves": defaults.waves}) == defaults
    assert shipped.waves == ("canary", "10%", "rest")
    assert shipped.lifetime == timedelta(hours=4)


def test_a_policy_survives_json() -> None:
    shipped = load_playbook(SHIPPED)
    assert Playbook.model_validate_json(shipped.model_dump_json()) == shipped


def test_zones_become_canonical(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("name: x\ncontrols: {healthy: ORG, bogus: münchen}\n")
    assert load_playbook(path).controls == Controls(healthy="org.", bogus="xn--mnchen-3ya.")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("lifetime: 0s", "lifetime: an NTA needs an end: a lifetime of 0 is refused; say 4h"),
        ("lifetime: 8d", "lifetime: a lifetime of 8d is refused: an NTA lives 7d at most"),
        ("lifetime: 169h", "lifetime: a lifetime of 169h is refused"),
        ("lifetime: 4", "lifetime: 4 is no length of time: write it like 90s, 2m, 1h, 1d"),
        ("lifetime: 1:30", "lifetime: 90 is no length of time"),
        ("lifetime: soon", "lifetime: 'soon' is no length of time"),
        ("plan_expires: 0s", "plan_expires: must be longer than 0"),
        ("host_deadline: 0s", "host_deadline: must be longer than 0"),
        ("waves: [rest]", "waves: the first wave must be 'canary'"),
        ("waves: []", "waves: the first wave must be 'canary'"),
        ("waves: [canary, canary, rest]", "waves: the first wave must be 'canary', and no other"),
        ("waves: [canary, 10%]", "waves: the last wave must be 'rest'"),
        ("waves: [canary, rest, rest]", "waves: the last wave must be 'rest', and no other"),
        ("waves: [canary, 101%, rest]", "waves: a wave of 101% is more than the fleet"),
        ("waves: [canary, 0, rest]", "waves[1]: must be text, not 0: put it in quotes"),
        ("waves: [canary, '0', rest]", "waves[1]: string should match pattern"),
        ("budget: {failed_hosts: -1}", "budget.failed_hosts: input should be greater"),
        ("budget: {on_breach: pray}", "budget.on_breach: unknown on_breach 'pray', known: "),
        ("approvals: {required: 0}", "approvals.required: input should be greater"),
        ("workers: 0", "workers: input should be greater"),
        ("probe: {rounds: 0}", "probe.rounds: input should be greater"),
        ("probe: {timeout: 0s}", "probe.timeout: must be longer than 0"),
        ("probe: {names: [a..b]}", "probe.names[0]: zone name 'a..b' has an empty label"),
        ("notify: {command: page}", "notify.command: must be a list, not 'page'"),
        ("life_time: 4h", "life_time: unknown field, did you mean 'lifetime'?"),
        ("name: y", "name: is here twice, first on line 2"),
    ],
)
def test_bad_policy_is_refused_with_file_line_and_field(
    tmp_path: Path, line: str, said: str
) -> None:
    text = refusal(tmp_path, f"{CONTROLS}name: x\n{line}\n")
    assert text.startswith(f"policy.yaml:3: {said}")


@pytest.mark.parametrize(
    ("controls", "said"),
    [
        ("{healthy: org, bogus: ORG.}", "controls: org. cannot be both the healthy and the bogus"),
        ("{healthy: org}", "controls.bogus: is missing"),
        ("{healthy: 'de extra', bogus: x}", "controls.healthy: zone name 'de extra' is not"),
        (f"{{healthy: {'a' * 64}, bogus: x}}", "controls.healthy: zone name"),
    ],
)
def test_bad_controls_are_refused(tmp_path: Path, controls: str, said: str) -> None:
    text = refusal(tmp_path, f"name: x\ncontrols: {controls}\n")
    assert text.startswith(f"policy.yaml:2: {said}")


def test_a_relative_file_of_allowed_signers_starts_at_the_playbooks_folder(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(f"name: x\n{CONTROLS}approvals: {{allowed_signers: who/may}}\n")
    assert load_playbook(path).approvals.allowed_signers == tmp_path / "who/may"
