"""`broadcast up` as an operator meets it: one line when ready, Flower, the command line, and a clean end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import requests

from tests.builders import phones
from tests.processes import START_S, free_port, wait_for

PORTS = ("PORT", "WEBHOOK_PORT", "WORKER_HTTP_PORT", "FLOWER_PORT")
SCRIPTS = Path(sys.executable).parent


@dataclass
class Up:
    folder: Path
    env: dict[str, str]
    process: subprocess.Popen[bytes]

    @property
    def ready(self) -> str:
        return (self.folder / "out").read_text()

    @property
    def log(self) -> str:
        return (self.folder / "err").read_text()

    def pid(self, name: str) -> int:
        return int((self.folder / "data" / "run" / f"{name}.pid").read_text())

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [SCRIPTS / "broadcast", *arguments],
            env=self.env,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    folder = tmp_path_factory.mktemp("up")
    env = {name: value for name, value in os.environ.items() if name not in {"REDIS_URL", "GATEWAY", "API_KEYS"}}
    env |= {name: str(free_port()) for name in PORTS}
    env |= {"SANDBOX_URL": f"http://127.0.0.1:{free_port()}", "FLOWER_BASIC_AUTH": "ops:s3cret-flower"}
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        process = subprocess.Popen([SCRIPTS / "broadcast", "up"], stdout=out, stderr=err, env=env, cwd=folder)
    running = Up(folder, env, process)
    wait_for(lambda: running.ready, seconds=START_S, what="the ready line")
    yield running
    process.terminate()
    process.wait(120)


def test_it_says_ready_once_and_where(up: Up) -> None:
    assert up.ready == f"ready http://127.0.0.1:{up.env['PORT']}\n"


def test_a_campaign_from_a_csv_is_sent_with_visible_progress(up: Up) -> None:
    people = "".join(f"Pessoa {index};{phone}\n" for index, phone in enumerate(phones(6)))
    (up.folder / "a.csv").write_text(f"nome;telefone\n{people}Errada;123\n")

    done = up.command(
        "send",
        "a.csv",
        "--instance",
        "loja",
        "--message",
        "Oi {{nome|x}}",
        "--campaign",
        "csv",
        "--rate-limit-ms",
        "100",
    )

    assert done.returncode == 0, done.stderr
    assert "6 contacts, 1 left out (invalid_phone 1)" in done.stdout
    assert "csv: completed 7/7" in done.stdout
    watched = up.command("status", "csv", "--watch")
    assert (watched.returncode, "skipped" in watched.stdout) == (0, True)
    assert "csv" in up.command("list").stdout


def test_flower_shows_the_workers_and_the_sends_behind_its_password(up: Up) -> None:
    base = f"http://127.0.0.1:{up.env['FLOWER_PORT']}/api"
    assert requests.get(f"{base}/workers", timeout=60).status_code == 401
    auth = ("ops", "s3cret-flower")
    wait_for(
        lambda: len(requests.get(f"{base}/workers?refresh=1", auth=auth, timeout=60).json()) == 2, what="the workers"
    )

    up.command("send", "a.csv", "--instance", "flor", "--message", "Oi", "--rate-limit-ms", "100")
    tasks = wait_for(
        lambda: requests.get(f"{base}/tasks", auth=auth, params={"taskname": "broadcast.send"}, timeout=60).json(),
        what="send tasks in Flower",
    )
    assert {task["worker"].split("@")[0] for task in tasks.values()} == {"broadcast"}


def test_a_send_worker_tells_its_health_and_figures(up: Up) -> None:
    base = f"http://127.0.0.1:{up.env['WORKER_HTTP_PORT']}"
    assert requests.get(f"{base}/health", timeout=60).json() == {"healthy": True}
    assert "python_info" in requests.get(f"{base}/metrics", timeout=60).text


def test_no_password_is_on_a_command_line(up: Up) -> None:
    secret = re.search(r"redis://:(.+)@", (up.folder / "data" / "redis.url").read_text())
    assert secret
    for process in psutil.process_iter():
        try:
            line = " ".join(process.cmdline())
        except psutil.Error:
            continue
        assert secret[1] not in line
        assert "s3cret-flower" not in line


def test_logs_carry_ids_and_no_full_number(up: Up) -> None:
    up.command("send", "a.csv", "--instance", "log", "--message", "Oi", "--campaign", "logged", "--rate-limit-ms", "50")

    assert re.search(r"sent .*campaign=logged .*contact=\d .*instance=log", up.log)
    assert not any(phone in up.log for phone in phones(6))


def test_a_second_one_on_the_same_folder_is_refused(up: Up) -> None:
    other = {**up.env, **{name: str(free_port()) for name in PORTS}, "SANDBOX_URL": f"http://127.0.0.1:{free_port()}"}
    second = subprocess.run(
        [SCRIPTS / "broadcast", "up"],
        env=other,
        cwd=up.folder,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert (second.returncode, "DATA_DIR" in second.stderr) == (2, True)


def test_a_taken_port_is_named(up: Up, tmp_path: Path) -> None:
    second = subprocess.run(
        [SCRIPTS / "broadcast", "up"],
        env=up.env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert (second.returncode, "PORT: port" in second.stderr) == (2, True)


@pytest.mark.parametrize("name", ["broadcast", "control", "beat", "web", "redis"])
def test_whatever_is_killed_comes_back_and_campaigns_go_on(up: Up, name: str) -> None:
    before = up.pid(name)
    os.kill(before, signal.SIGKILL)
    wait_for(lambda: up.pid(name) != before, what=f"another {name}")
    url = f"http://127.0.0.1:{up.env['PORT']}/health/ready"

    def is_ready() -> bool:
        try:
            return requests.get(url, timeout=5).ok
        except requests.RequestException:
            return False

    wait_for(is_ready, seconds=120, what="readiness")
    sent = up.command("send", "a.csv", "--instance", f"after-{name}", "--message", "Oi", "--rate-limit-ms", "50")
    assert sent.returncode == 0, sent.stderr + sent.stdout


def test_sigterm_ends_everything(up: Up) -> None:
    """The last test of this file: it stops what the others use."""
    family = psutil.Process(up.process.pid).children(recursive=True)
    up.process.terminate()

    assert up.process.wait(120) == 0
    gone, alive = psutil.wait_procs(family, timeout=30)
    assert alive == [], [process.cmdline() for process in alive]
    assert gone
