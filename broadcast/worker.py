"""The door for Celery: `celery -A broadcast.worker worker|beat|flower`, and `celery multi`."""

from __future__ import annotations

import sys
from typing import Any

from celery.signals import setup_logging

from broadcast import logs
from broadcast.errors import SettingsError
from broadcast.settings import Settings
from broadcast.tasks import create_celery
from broadcast.tasks.health import Health
from broadcast.wiring import WORKER_PATIENCE, build_services

#: How long a thread may keep the interpreter while another is ready to leave: a departure must not wait for 5 ms.
SWITCH_INTERVAL_S = 0.001

try:
    settings = Settings.read()
    services = build_services(settings, patience=WORKER_PATIENCE)
except SettingsError as error:
    sys.exit(f"broadcast: {error}")

sys.setswitchinterval(SWITCH_INTERVAL_S)
app = create_celery(settings, services)
app.steps["worker"].add(Health)


@setup_logging.connect  # type: ignore[untyped-decorator]  # Celery ships no types
def configure_logs(logfile: str | None = None, **_: Any) -> None:
    """Celery logs the way the rest of the product does, and where its `--logfile` says."""
    logs.configure(settings.log_level, settings.log_format, file=logfile)
