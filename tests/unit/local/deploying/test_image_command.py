"""`make image` with programs on PATH that note how they are called; ECR is moto's."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from local.commands import image
from local.deploying.images import REPOSITORY, TOOLS

REGISTRY = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"


class Bench:
    """A folder that is all of PATH."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.notes = folder, folder / "notes"

    def put(self, tool: str, *, answers: bool = True, pushes: bool = True) -> None:
        """A program of this name. What it reads from stdin at a login goes into a note of its own."""
        program = self.folder / tool
        program.write_text(
            "#!/bin/sh\n"
            f'echo "{tool} $*" >>"{self.notes}"\n'
            f'case "$1" in info) exit {0 if answers else 1};; push) exit {0 if pushes else 1};;\n'
            f'login) read -r password; echo "$password" >"{self.folder}/password";; esac\n'
        )
        program.chmod(0o755)

    def calls(self, tool: str) -> list[str]:
        """Its command lines, but for the question whether it works."""
        lines = self.notes.read_text().splitlines() if self.notes.exists() else []
        return [line for line in lines if line.startswith(f"{tool} ") and line != f"{tool} info"]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    made = Bench(tmp_path)
    for program in ("sh", "git"):
        found = next(p for p in ("/bin", "/usr/bin") if os.access(f"{p}/{program}", os.X_OK))
        (tmp_path / program).symlink_to(f"{found}/{program}")
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("TAG", "BASE", "REPOSITORY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TAG", "1.0-abc")
    return made


@pytest.fixture
def ecr(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with mock_aws():
        yield boto3.client("ecr")


@pytest.mark.parametrize("tool", TOOLS)
def test_it_is_built_and_pushed_to_a_repository_that_is_made(
    tool: str, bench: Bench, ecr, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.put(tool)
    assert image.main() == 0
    build, login, push = bench.calls(tool)
    [repository] = ecr.describe_repositories(repositoryNames=[REPOSITORY])["repositories"]
    uri = f"{REGISTRY}/{REPOSITORY}:1.0-abc"
    assert build.startswith(f"{tool} build --platform linux/arm64 --file functions/guest_keeper/Dockerfile")
    assert build.endswith(f"--tag {uri} .")
    assert (login, push) == (f"{tool} login --username AWS --password-stdin {REGISTRY}", f"{tool} push {uri}")
    assert repository["imageTagMutability"] == "IMMUTABLE"
    assert capsys.readouterr().out.endswith(f"samconfig.toml: KeeperImage={uri}\n")


def test_the_registrys_password_is_on_no_command_line(bench: Bench, ecr, capsys: pytest.CaptureFixture[str]) -> None:
    bench.put("docker")
    image.main()
    password = (bench.folder / "password").read_text().strip()
    assert password
    assert password not in bench.notes.read_text() + "".join(capsys.readouterr())


def test_the_second_tool_is_taken_where_the_first_does_not_answer(bench: Bench, ecr) -> None:
    bench.put("docker", answers=False)
    bench.put("podman")
    assert image.main() == 0
    assert bench.calls("docker") == []


def test_it_is_built_on_the_base_that_is_given_by_its_digest(bench: Bench, ecr, monkeypatch) -> None:
    """And says so in its labels."""
    bench.put("docker")
    base = "python:3.13-slim-trixie@sha256:" + "0a" * 32
    monkeypatch.setenv("BASE", base)
    assert image.main() == 0
    build, *_ = bench.calls("docker")
    assert f"--build-arg PYTHON_IMAGE={base} " in build
    assert f"--label org.opencontainers.image.base.name={base} " in build


def test_a_base_without_a_digest_is_refused_with_how_to_find_one(
    bench: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.put("docker")
    monkeypatch.setenv("BASE", "python:3.13")
    assert image.main() == 2
    assert "BASE must name an image with its digest" in capsys.readouterr().err
    assert bench.calls("docker") == []


def test_where_nothing_builds_images_it_says_what_to_do_in_ci(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.put("docker", answers=False)
    assert image.main() == 2
    told = capsys.readouterr().err
    assert ("docker is installed, but does not answer" in told, "workflows/image.yml" in told) == (True, True)


def put_image(ecr, tag: str) -> None:
    """It is in the registry."""
    ecr.create_repository(repositoryName=REPOSITORY)
    manifest = '{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []}'
    ecr.put_image(repositoryName=REPOSITORY, imageManifest=manifest, imageTag=tag)


def test_a_given_tag_that_is_there_already_is_an_error_that_asks_for_another(
    bench: Bench, ecr, capsys: pytest.CaptureFixture[str]
) -> None:
    put_image(ecr, "1.0-abc")
    bench.put("docker")
    assert (image.main(), bench.calls("docker")) == (1, [])
    told = capsys.readouterr()
    assert ("tags are immutable" in told.err, "set another TAG" in told.err, told.out) == (True, True, "")


def test_a_push_that_fails_fails_it(bench: Bench, ecr, capsys: pytest.CaptureFixture[str]) -> None:
    bench.put("docker", pushes=False)
    assert image.main() == 1
    told = capsys.readouterr()
    assert ("`docker push` failed (1)" in told.err, "KeeperImage=" in told.out) == (True, False)


def test_another_registry_needs_no_aws(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPOSITORY", "ghcr.io/shop/keeper")
    bench.put("docker")
    assert image.main() == 0
    assert [line.split()[1] for line in bench.calls("docker")] == ["build", "push"]


def test_without_credentials_nothing_is_built(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    bench.put("docker")
    assert image.main() == 1
    assert (bench.calls("docker"), "aws configure" in capsys.readouterr().err) == ([], True)


def test_a_tag_that_no_registry_takes_is_bad_usage(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TAG", "a tag")
    assert image.main() == 2
    assert "TAG must be" in capsys.readouterr().err


class TestTag:
    """Without TAG it says which code is in the image."""

    @pytest.fixture
    def checkout(self, bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        top = tmp_path / "checkout"
        (top / "functions/guest_keeper").mkdir(parents=True)
        (top / "functions/guest_keeper/app.py").write_text("1")
        (top / "pyproject.toml").write_text('[project]\nversion = "1.2.3"\n')
        monkeypatch.setattr(image, "ROOT", top)
        monkeypatch.delenv("TAG")
        monkeypatch.setenv("REPOSITORY", "registry.example/keeper")
        monkeypatch.setattr(image, "_build", lambda *_: None)
        bench.put("docker")
        return top

    def commit(self, top: Path) -> str:
        git = ["git", "-C", top, "-c", "user.name=a", "-c", "user.email=a@b"]
        for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "a"]):
            subprocess.run([*git, *words], check=True)
        return subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout[:10]

    def test_it_is_release_and_commit(self, checkout: Path, bench: Bench) -> None:
        commit = self.commit(checkout)
        assert image.main() == 0
        assert bench.calls("docker") == [f"docker push registry.example/keeper:1.2.3-{commit}"]

    def test_a_commits_image_that_is_there_already_is_not_built_again(
        self, checkout: Path, bench: Bench, ecr, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.delenv("REPOSITORY")
        put_image(ecr, f"1.2.3-{self.commit(checkout)}")
        assert (image.main(), bench.calls("docker")) == (0, [])
        assert "already exists" in capsys.readouterr().out

    def test_a_releases_image_that_is_there_already_may_be_of_other_code_where_there_is_no_git(
        self, checkout: Path, bench: Bench, ecr, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (bench.folder / "git").unlink()
        monkeypatch.delenv("REPOSITORY")
        put_image(ecr, "1.2.3")
        assert (image.main(), bench.calls("docker")) == (1, [])

    def test_changes_that_no_commit_has_need_a_name(self, checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.commit(checkout)
        (checkout / "functions/guest_keeper/app.py").write_text("2")
        assert image.main() == 2
        assert "set TAG=" in capsys.readouterr().err

    def test_an_archive_without_git_has_the_release(self, checkout: Path, bench: Bench) -> None:
        (bench.folder / "git").unlink()
        assert image.main() == 0
        assert bench.calls("docker") == ["docker push registry.example/keeper:1.2.3"]
