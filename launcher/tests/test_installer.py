"""Where packages come from: uv is told what people have told pip."""

import re
import subprocess
from pathlib import Path

import pytest

from launcher.exceptions import LaunchError
from launcher.installer import INSTALLER_LOCK, Installer, pip_settings, uv_settings
from launcher.python_env import DEVELOPMENT_LOCK, RUNTIME_LOCK

ROOT = Path(__file__).resolve().parents[2]
LISTED = r"""
:env:.index-url='https://env.example/simple'
global.cert='/etc/ssl/own.crt'
global.extra-index-url='\nhttps://a.example/simple\nhttps://b.example/simple'
global.index-url='https://global.example/simple'
global.timeout='60'
install.find-links='/opt/wheels /srv/wheels'
install.trusted-host='a.example'
"""


class Programs:
    """Answers with a code for what a command line holds, and remembers the command lines."""

    def __init__(self, **codes):
        self.codes = codes
        self.asked = []

    def attempt(self, argv, *, env=None, cwd=None):
        self.asked.append((" ".join(argv), env))
        words = "pip_for_uv" if INSTALLER_LOCK in self.asked[-1][0] else "uv" if "uv" in argv else "pip"
        return subprocess.CompletedProcess(argv, self.codes.get(words, 0), "", "")

    def output(self, argv):
        assert argv[-2:] == ["config", "list"]
        return LISTED

    def run(self, argv, *, what="", advice=""):
        if self.attempt(argv).returncode:
            raise LaunchError(what, advice)


def installer(programs):
    return Installer(Path("/venv/bin/python"), ROOT, programs)


def test_uv_asks_where_pip_would():
    programs = Programs()
    assert installer(programs).install(RUNTIME_LOCK) == "uv"
    command, env = programs.asked[-1]
    assert "--require-hashes --no-deps" in command
    assert "--find-links /opt/wheels --find-links /srv/wheels" in command
    assert "--allow-insecure-host a.example" in command
    assert "https://" not in command  # an address may hold a password
    assert env["UV_DEFAULT_INDEX"] == "https://env.example/simple"
    assert env["UV_INDEX"] == "https://a.example/simple https://b.example/simple"


def test_what_is_said_to_uv_itself_goes_before():
    settings = pip_settings(LISTED)
    env = uv_settings(settings, {"UV_DEFAULT_INDEX": "https://uv.example/simple", "HOME": "/h"})[1]
    assert env["UV_DEFAULT_INDEX"] == "https://uv.example/simple"
    assert env["SSL_CERT_FILE"] == "/etc/ssl/own.crt"
    assert env["UV_HTTP_TIMEOUT"] == "60"
    assert env["HOME"] == "/h"


def test_nothing_set_says_nothing():
    assert uv_settings(pip_settings(""), {}) == ([], {})
    assert uv_settings({"no-index": "true"}, {}) == (["--no-index"], {})


@pytest.mark.parametrize("failing", [{"pip_for_uv": 1}, {"uv": 2}])
def test_where_uv_is_not_to_be_had_or_fails_pip_does_it(failing):
    programs = Programs(**failing)
    assert installer(programs).install(RUNTIME_LOCK) == "pip"
    assert "pip install --require-hashes --no-deps" in programs.asked[-1][0]


def test_nobody_could():
    with pytest.raises(LaunchError) as refused:
        installer(Programs(uv=2, pip=1)).install(RUNTIME_LOCK)
    assert "网络" in refused.value.advice


def test_tests_run_on_the_versions_the_platform_is_installed_with():
    def versions(lock):
        return set(re.findall(r"^([\w.-]+==\S+)", (ROOT / lock).read_text(), re.MULTILINE))

    assert versions(RUNTIME_LOCK) - versions(DEVELOPMENT_LOCK) == set()
