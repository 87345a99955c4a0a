"""Run all tests, in three parts side by side: `python -m tests.beside`. Together they take as long as the longest part.

The acceptance tests mostly wait, for leases and paces, and measure; the others mostly compute, and are nice about it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from contextlib import ExitStack

#: name -> its tests. The first part is shown as it goes, the others when they are done.
PARTS = {
    "measured": ("tests/acceptance",),
    "integration": ("tests/contracts", "tests/integration"),
    "unit": ("tests/unit",),
}


def main() -> int:
    """Run all parts; the exit code is 0 if that of each is."""
    (first, *others), running, shown_later = PARTS, [], []
    with ExitStack() as opened:
        for name in others:
            shown_later.append(opened.enter_context(tempfile.TemporaryFile("w+")))
            command = ("nice", "-n", "19", *_pytest(name))
            running.append(subprocess.Popen(command, stdout=shown_later[-1], stderr=subprocess.STDOUT))
            opened.callback(_end, running[-1])
        print(f"{' and '.join(others)} run as well, and are shown at the end", flush=True)  # noqa: T201 - progress
        codes = [subprocess.run(_pytest(first), check=False).returncode, *(part.wait() for part in running)]
        for shown in shown_later:
            shown.seek(0)
            sys.stdout.writelines(shown)
    return next((code for code in codes if code), 0)  # that of one that was killed is below 0


def _pytest(name: str) -> tuple[str, ...]:
    # Each with a cache of its own: they would write into one another's.
    cache = f"cache_dir=.pytest_cache/{name}"
    return (sys.executable, "-m", "pytest", "--durations=10", "-o", cache, *PARTS[name])


def _end(part: subprocess.Popen[bytes]) -> None:
    part.kill()
    part.wait()


if __name__ == "__main__":
    sys.exit(main())
