"""What apt is asked for, with a runner that only writes down."""

import subprocess

import pytest

from launcher import packages
from launcher.exceptions import LaunchError
from launcher.packages import Need, SystemPackages


class FakeRunner:
    """Answers from a table and remembers the commands."""

    def __init__(self, answers=None, failing=()):
        self.answers = answers or {}
        self.failing = list(failing)
        self.commands = []

    def attempt(self, argv, *, env=None, cwd=None):
        self.commands.append(" ".join(map(str, argv)))
        for words in self.failing:
            if words in self.commands[-1]:
                self.failing.remove(words)
                return subprocess.CompletedProcess(argv, 100, "", "")
        text = next((value for words, value in self.answers.items() if words in self.commands[-1]), "")
        if isinstance(text, list):
            text = text.pop(0) if len(text) > 1 else text[0]
        return subprocess.CompletedProcess(argv, 0, text, "")

    def run(self, argv, *, env=None, cwd=None, advice="", what=""):
        if self.attempt(argv).returncode:
            raise LaunchError(what)

    def asked(self, words):
        return [command for command in self.commands if words in command]


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A Debian where we are root and no policy for service starts is there."""
    monkeypatch.setattr(packages, "POLICY", tmp_path / "policy-rc.d")
    monkeypatch.setattr(packages.os, "geteuid", lambda: 0)
    monkeypatch.setattr(packages.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(SystemPackages, "_has_service", staticmethod(lambda name: False))
    return monkeypatch


def with_needs(runner, **present):
    system = SystemPackages(runner)
    system.needs = [Need(lambda there=there: there, lambda name=name: [name]) for name, there in present.items()]
    return system


def test_nothing_missing_asks_nobody(machine):
    runner = FakeRunner()
    assert with_needs(runner, mosquitto=True).ensure() == []
    assert runner.commands == []


def test_only_what_is_missing_is_installed_and_no_service_starts(machine):
    runner = FakeRunner({"apt-cache policy": "Candidate: 1"})
    assert with_needs(runner, mosquitto=False, tzdata=True).ensure() == ["mosquitto"]
    (install,) = runner.asked("apt-get install")
    assert install.endswith("--no-install-recommends mosquitto")
    assert "DEBIAN_FRONTEND=noninteractive" in install
    order = [runner.commands.index(runner.asked(words)[0]) for words in ("-m 755", "apt-get install", "rm -f")]
    assert order == sorted(order)


def test_the_policy_goes_even_when_apt_fails(machine):
    runner = FakeRunner({"apt-cache policy": "Candidate: 1"}, failing=["apt-get install", "apt-get install"])
    with pytest.raises(LaunchError):
        with_needs(runner, mosquitto=False).ensure()
    assert runner.asked("rm -f")
    assert len(runner.asked("apt-get update")) >= 1


def test_a_policy_that_was_there_stays(machine):
    packages.POLICY.write_text("#!/bin/sh\nexit 101\n")
    runner = FakeRunner({"apt-cache policy": "Candidate: 1"})
    with_needs(runner, mosquitto=False).ensure()
    assert not runner.asked("rm -f")


def test_unknown_names_bring_an_update_first(machine):
    runner = FakeRunner({"apt-cache policy": "Candidate: (none)"})
    with_needs(runner, mosquitto=False).ensure()
    assert runner.commands.index(runner.asked("update")[0]) < runner.commands.index(runner.asked("install -y")[0])


def test_only_the_cluster_our_install_made_is_dropped(machine):
    clusters = ["15 other 5433 online postgres\n", "15 main 5432 down postgres\n15 other 5433 online postgres\n"]
    runner = FakeRunner({"apt-cache policy": "Candidate: 1", "pg_lsclusters": clusters})
    with_needs(runner, postgresql=False).ensure()
    assert [command.split()[-3:] for command in runner.asked("pg_dropcluster")] == [["--stop", "15", "main"]]


def test_a_cluster_that_was_there_is_left_alone(machine):
    runner = FakeRunner({"apt-cache policy": "Candidate: 1", "pg_lsclusters": "15 main 5432 down postgres\n"})
    with_needs(runner, postgresql=False).ensure()
    assert not runner.asked("pg_dropcluster")


def test_services_our_install_brought_are_disabled_and_others_not(machine):
    installed = set()
    machine.setattr(SystemPackages, "_has_service", staticmethod(lambda name: name in {"postgresql", *installed}))

    class Installing(FakeRunner):
        def attempt(self, argv, **more):
            if "install" in argv and "mosquitto" in argv:
                installed.add("mosquitto")
            return super().attempt(argv, **more)

    runner = Installing({"apt-cache policy": "Candidate: 1"})
    with_needs(runner, mosquitto=False).ensure()
    assert [command.split()[-2:] for command in runner.asked("systemctl")] == [["disable", "mosquitto"]]


def test_without_root_and_sudo_it_says_what_to_do(machine):
    machine.setattr(packages.os, "geteuid", lambda: 1000)
    machine.setattr(packages.shutil, "which", lambda name: None if name == "sudo" else f"/usr/bin/{name}")
    with pytest.raises(LaunchError) as caught:
        with_needs(FakeRunner(), mosquitto=False).ensure()
    assert "root" in caught.value.advice


def test_ordinary_users_go_through_sudo(machine):
    machine.setattr(packages.os, "geteuid", lambda: 1000)
    runner = FakeRunner({"apt-cache policy": "Candidate: 1"})
    with_needs(runner, mosquitto=False).ensure()
    assert runner.asked("apt-get install")[0].startswith("sudo env ")


def test_the_database_package_follows_the_distributions_version(machine):
    machine.setattr(packages, "installed_postgres", list)
    runner = FakeRunner({"apt-cache show": "Package: postgresql\nVersion: 16+257build1.1\n"})
    assert SystemPackages(runner)._database_packages() == ["postgresql-16", "postgresql-16-postgis-3"]


def test_ubuntus_browser_is_explained(machine):
    machine.setattr(packages, "distribution", lambda: "ubuntu")
    with pytest.raises(LaunchError, match="snap"):
        packages.browser_packages()


def test_distribution_is_read_from_os_release(tmp_path):
    path = tmp_path / "os-release"
    path.write_text('NAME="Ubuntu"\nID=ubuntu\nVERSION_ID="24.04"\n')
    assert packages.distribution(path) == "ubuntu"
    assert packages.distribution(tmp_path / "none") == ""
