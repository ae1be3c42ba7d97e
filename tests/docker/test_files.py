"""No container engine is at hand in a test: what the files name must exist, and be wired as documented."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILES = sorted((ROOT / "docker").glob("*ockerfile"))


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_a_dockerfile_copies_what_exists_and_does_not_run_as_root(path):
    text = path.read_text(encoding="utf-8")
    for sources in re.findall(r"^COPY (.+) \S+$", text, re.MULTILINE):
        for source in sources.split():
            assert (ROOT / source).exists(), source
    users = re.findall(r"^USER (\w+)$", text, re.MULTILINE)
    assert users and users[-1] != "root"
    assert text.rindex("USER") > text.rindex("pip install")
    extras = re.findall(r'"\.\[(.+?)\]"', text)[0].split(",")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(extras) <= set(project["optional-dependencies"])


def test_there_is_an_image_for_each_kind_of_machine():
    assert [path.name for path in DOCKERFILES] == ["Dockerfile", "gpu.Dockerfile"]


def test_the_compose_file_has_every_service_wired():
    compose = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text(encoding="utf-8"))
    services = compose["services"]
    assert set(services) == {
        "postgres",
        "prefect-server",
        "prefect-worker",
        "dask-scheduler",
        "dask-worker",
        "dask-gpu-worker",
    }
    for name, service in services.items():
        for other in service.get("depends_on", {}):
            assert other in services, (name, other)
        if "build" in service:
            assert (ROOT / "docker" / service["build"]["context"] / service["build"]["dockerfile"]).resolve().is_file()
    published = [port for service in services.values() for port in service.get("ports", [])]
    assert all(str(port).startswith("127.0.0.1:") for port in published)
    volumes = {volume.split(":")[0] for service in services.values() for volume in service.get("volumes", [])}
    assert volumes == set(compose["volumes"])


def test_our_containers_have_no_privileges():
    compose = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text(encoding="utf-8"))
    for name, service in compose["services"].items():
        assert not service.get("privileged") and service.get("user") not in ("root", "0"), name
        if service.get("image", "").startswith("mapforge"):
            assert service["cap_drop"] == ["ALL"] and "no-new-privileges:true" in service["security_opt"], name


def test_the_programs_the_compose_file_starts_are_installed():
    compose = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text(encoding="utf-8"))
    programs = {service["entrypoint"][0] for service in compose["services"].values() if "entrypoint" in service}
    assert programs == {"prefect", "dask"}
    binaries = ROOT / ".venv" / "bin"
    if binaries.is_dir():
        assert all((binaries / program).exists() for program in programs)
