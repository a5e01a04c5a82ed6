"""The unit: systemd accepts it, it is hardened, and it says what the daemon does."""

import configparser
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from monitor.cli import WRONG_USAGE
from monitor.config import load_configuration
from tests import missing_services
from tests.deploy.deployed import DEPLOY

UNIT = DEPLOY / "systemd/loss-monitor.service"
EXPOSURE_MAX = 20
"""Of 100, in the points of systemd-analyze security times ten; an ordinary service has 96."""


@pytest.fixture
def systemd_analyze() -> str:
    """Return the path of systemd-analyze."""
    found = shutil.which("systemd-analyze")
    if found is None:
        missing_services.skip_without("systemd-analyze", "apt-get install -y systemd")
    return found


def sections() -> configparser.ConfigParser:
    """Return the unit's sections; a repeated key keeps its last value."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(UNIT, encoding="utf-8")
    return parser


def test_systemd_accepts_the_unit(systemd_analyze: str, tmp_path: Path) -> None:
    installed = UNIT.read_text(encoding="utf-8").replace(
        "/opt/loss-monitor/bin/loss-monitor", sys.executable
    )
    assert sys.executable in installed
    unit = tmp_path / UNIT.name
    unit.write_text(installed, encoding="utf-8")
    finished = subprocess.run(
        [systemd_analyze, "verify", "--man=no", unit],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    complaints = [line for line in finished.stderr.splitlines() if UNIT.stem in line]
    assert not complaints, finished.stderr
    assert finished.returncode == 0, finished.stderr


def test_the_unit_is_hardened(systemd_analyze: str) -> None:
    finished = subprocess.run(
        [systemd_analyze, "security", "--offline=true", f"--threshold={EXPOSURE_MAX}", UNIT],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    if "offline" in finished.stderr:
        pytest.skip("this systemd-analyze cannot judge a unit that is not installed")
    assert finished.returncode == 0, finished.stdout[-2000:] + finished.stderr


def test_the_unit_says_what_the_daemon_does() -> None:
    service = sections()["Service"]
    assert service["Type"] == "notify"
    assert int(service["WatchdogSec"]) >= 10
    assert int(service["TimeoutStopSec"]) > 10, "the daemon drains for up to 10 seconds"
    assert service["ExecStart"].endswith(" run --config /etc/loss-monitor/loss-monitor.toml")
    assert service["ExecStartPre"].endswith(" check-config /etc/loss-monitor/loss-monitor.toml")
    assert service["ExecReload"] == "/bin/kill -HUP $MAINPID"
    assert service["DynamicUser"] == "yes"
    assert service["Restart"] == "on-failure"
    assert service["RestartPreventExitStatus"] == str(WRONG_USAGE)
    assert sections()["Unit"]["StartLimitBurst"]


def test_the_state_directory_is_the_one_in_the_example_configuration() -> None:
    configuration, _ = load_configuration(DEPLOY / "config/loss-monitor.toml")
    directory = sections()["Service"]["StateDirectory"]
    assert configuration.service.state_directory == f"/var/lib/{directory}"
