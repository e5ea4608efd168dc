"""What GitHub reads: valid by its own schemas, and safe on a stranger's fork."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.left_out import leave_out
from tests.support.template import PARAMETERS, ROOT

GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
FORMS = [GITHUB / "ISSUE_TEMPLATE" / name for name in ("problem.yml", "wish.yml")]


def read(path: Path) -> Any:
    """As GitHub reads it: YAML 1.2, where `on` is a word."""
    return yaml.load(path.read_text(), Loader=yaml.BaseLoader)


def jobs(path: Path) -> dict[str, Any]:
    return read(path)["jobs"]


def steps(path: Path) -> list[dict[str, str]]:
    return [step for job in jobs(path).values() for step in job.get("steps", [])]


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("vendor.github-workflows", WORKFLOWS),
        ("vendor.dependabot", [GITHUB / "dependabot.yml"]),
        ("vendor.github-issue-forms", FORMS),
        ("vendor.github-issue-config", [GITHUB / "ISSUE_TEMPLATE/config.yml"]),
    ],
)
def test_it_is_valid_by_the_published_schema(schema: str, files: list[Path]) -> None:
    checker = Path(sys.executable).with_name("check-jsonschema")
    done = subprocess.run([checker, "--builtin-schema", schema, *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
class TestWorkflow:
    def test_actions_are_pinned_to_commits(self, workflow: Path) -> None:
        """A tag can be moved. What is in this repository is this commit's by itself."""
        used = re.findall(r"uses: (\S+)(.*)", workflow.read_text())
        foreign = [(name, comment) for name, comment in used if not name.startswith("./")]
        assert foreign
        assert all(re.search(r"@[0-9a-f]{40}$", name) for name, _ in foreign), foreign
        assert all(re.fullmatch(r" # v\d+\.\d+\.\d+", comment) for _, comment in foreign), foreign

    def test_no_secret_is_needed(self, workflow: Path) -> None:
        assert "secrets." not in workflow.read_text()

    def test_it_may_read_and_no_more_unless_it_says_so(self, workflow: Path) -> None:
        """A job that needs more says so itself, so that no other has it."""
        assert read(workflow)["permissions"] == {"contents": "read"}

    def test_no_job_emulates_a_processor(self, workflow: Path) -> None:
        """That takes a privileged image, which moves with its tag."""
        assert not re.search(r"setup-qemu|--privileged|binfmt", workflow.read_text())

    def test_the_token_does_not_stay_in_the_checkout(self, workflow: Path) -> None:
        checkouts = [step for step in steps(workflow) if step.get("uses", "").startswith("actions/checkout@")]
        assert checkouts
        assert all(step["with"]["persist-credentials"] == "false" for step in checkouts)

    def test_nothing_of_strangers_is_put_into_a_script(self, workflow: Path) -> None:
        """An expression in `run` is text of the script; values come by the environment."""
        assert [step["run"] for step in steps(workflow) if "${{" in step.get("run", "")] == []

    def test_every_job_ends(self, workflow: Path) -> None:
        assert all("uses" in job or "timeout-minutes" in job for job in jobs(workflow).values())


def test_who_may_write_what() -> None:
    """The release, and its attestation; the others show AWS who they are."""
    writers = {
        f"{path.stem} {name}": {what for what, how in job.get("permissions", {}).items() if how == "write"}
        for path in WORKFLOWS
        for name, job in jobs(path).items()
        if "write" in job.get("permissions", {}).values()
    }
    assert writers == {
        "release publish": {"contents", "id-token", "attestations"},
        "image image": {"id-token"},
        "rehearsal rehearsal": {"id-token"},
    }


class TestRelease:
    steps = steps(GITHUB / "workflows/release.yml")

    def run(self, holds: str) -> str:
        """The one script that holds this."""
        [found] = [step["run"] for step in self.steps if holds in step.get("run", "")]
        return found

    def test_the_stack_is_built_twice_and_compared(self) -> None:
        """What cannot be built again cannot be checked by anybody."""
        assert self.run("sam build").count("sam build") == 2
        assert "diff -r" in self.run("sam build")

    def test_every_file_has_a_checksum_and_an_attestation_of_where_it_was_built(self) -> None:
        """Checksums last, so that they are of all files."""
        names = [step.get("uses", step.get("run", "")) for step in self.steps]
        [checksums] = [number for number, name in enumerate(names) if "sha256sum" in name]
        [attested] = [number for number, name in enumerate(names) if "attest-build-provenance" in name]
        [created] = [number for number, name in enumerate(names) if "gh release create" in name]
        assert checksums < attested < created
        assert self.steps[attested]["with"] == {"subject-path": "dist/*"}

    def test_it_says_what_it_is_made_of(self) -> None:
        """A bill of materials for each group that is deployed, from the same lock."""
        assert {f"--only-group {group}" for group in ("layer", "keeper")} <= set(
            re.findall(r"--only-group \w+", self.run("cyclonedx"))
        )

    def test_the_image_is_of_a_base_that_is_named_by_its_digest(self) -> None:
        """The tag moves; which one it was is in the label."""
        assert 'PYTHON_IMAGE="$base"' in self.run("buildx build")
        assert "org.opencontainers.image.base.name=$base" in self.run("buildx build")


def test_the_role_that_github_takes_on_trusts_one_branch_or_environment() -> None:
    """Anybody who may push a branch could else take it on."""
    trusted = set(re.findall(r"`repo:OWNER/NAME:(\S+)`", (ROOT / "docs/operations.md").read_text()))
    assert trusted == {"ref:refs/heads/main", "environment:rehearsal"}


def test_a_release_waits_for_the_gate() -> None:
    release = jobs(GITHUB / "workflows/release.yml")
    assert (release["gate"]["uses"], "gate" in release["publish"]["needs"]) == ("./.github/workflows/ci.yml", True)


def test_the_gate_is_the_one_of_this_repository() -> None:
    assert [step["run"] for step in steps(GITHUB / "workflows/ci.yml") if "run" in step] == [".ci/run"]


class TestRehearsal:
    workflow = read(GITHUB / "workflows/rehearsal.yml")
    steps = steps(GITHUB / "workflows/rehearsal.yml")

    def test_it_is_started_by_hand_alone(self) -> None:
        """It costs money."""
        assert set(self.workflow["on"]) == {"workflow_dispatch"}

    def test_one_runs_at_a_time_and_none_is_cut_short_by_the_next(self) -> None:
        """A run that is cut short leaves stacks."""
        assert self.workflow["concurrency"] == {"group": "rehearsal", "cancel-in-progress": "false"}

    def test_it_runs_the_command_of_a_laptop(self) -> None:
        runs = [step for step in self.steps if step.get("run") == "make rehearsal"]
        assert [step.get("if", "") for step in runs] == ["", "${{ !success() && env.RUN }}"]

    def test_what_a_cancelled_run_left_is_deleted_by_its_own_name(self) -> None:
        """The name is known before anything is made, so it is that of this run and of no other."""
        assert self.steps[-1]["env"] == {"DELETE": "${{ env.RUN }}"}
        names = [number for number, step in enumerate(self.steps) if "RUN=%04x" in step.get("run", "")]
        [rehearsal, _] = [number for number, step in enumerate(self.steps) if step.get("run") == "make rehearsal"]
        assert names[0] < rehearsal

    def test_a_run_that_is_tried_again_has_a_name_of_its_own(self) -> None:
        """Log groups that late lines made anew have the names of the first attempt's."""
        [naming] = [step["run"] for step in self.steps if "RUN=%04x" in step.get("run", "")]

        def name(attempt: str) -> str:
            with tempfile.NamedTemporaryFile("r") as said:
                given = {"GITHUB_RUN_ID": "19482716354", "GITHUB_RUN_ATTEMPT": attempt, "GITHUB_ENV": said.name}
                subprocess.run(["bash", "-c", naming], env=given, check=True)
                return said.read()

        assert re.fullmatch(r"RUN=[0-9a-f]{4}\n", name("1"))
        assert name("1") != name("2")

    def test_its_credentials_outlive_it(self) -> None:
        """What it deletes when its time is over, it deletes with them."""
        [job] = jobs(GITHUB / "workflows/rehearsal.yml").values()
        [entering] = [step["with"] for step in self.steps if "aws-actions/" in step.get("uses", "")]
        assert int(entering["role-duration-seconds"]) >= 60 * int(job["timeout-minutes"]) + 1200

    def test_every_choice_is_one_that_the_template_has(self) -> None:
        inputs = self.workflow["on"]["workflow_dispatch"]["inputs"]
        assert set(inputs["shift"]["options"]) <= set(PARAMETERS["DeploymentType"]["AllowedValues"])

    def test_every_setting_is_one_that_the_command_reads(self) -> None:
        folders = ("local/rehearsal", "local/commands")
        said = "".join(path.read_text() for folder in folders for path in (ROOT / folder).glob("*.py"))
        given = {name for step in self.steps if step.get("run") == "make rehearsal" for name in step["env"]}
        assert len(given) > 8
        assert {name for name in given if f'"{name}"' not in said} == set()


def test_every_make_target_that_a_workflow_calls_is_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    called = {name for path in WORKFLOWS for name in re.findall(r"\bmake ([a-z-]+)", path.read_text())}
    assert called
    assert called <= targets


def test_dependabot_looks_where_dependencies_are() -> None:
    """Each folder with an npm package, a Dockerfile or a lock of uv, and no other."""
    watched = {
        (update["package-ecosystem"], directory)
        for update in read(GITHUB / "dependabot.yml")["updates"]
        for directory in update.get("directories", [update.get("directory")])
    }
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    signs = {
        "package.json": "npm",
        "Dockerfile": "docker",
        "uv.lock": "uv",
        "uv.txt": "pip",
        "ci.yml": "github-actions",
    }
    there = {
        (signs[path.name], "/" if path.name == "ci.yml" else f"/{path.parent}".removesuffix("."))
        for path in map(Path, listed.splitlines())
        if path.name in signs
    }
    if not there:
        leave_out("needs a git repository")
    assert watched == there


def test_who_reports_a_problem_is_asked_for_the_smoke_test() -> None:
    fields = {field.get("id"): field for field in read(FORMS[0])["body"]}
    assert fields["smoke"]["validations"]["required"] == "true"
    assert "make smoke" in fields["smoke"]["attributes"]["label"]
