"""Run all tests, in parts side by side: `python -m tests.beside`. Together they take as long as the longest part.

What measures has the machine to itself, as far as that goes: the others mostly wait or compute, and are nice about it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

TESTS = Path(__file__).parent


def parts() -> Mapping[str, Sequence[str]]:
    """Name -> its files. The first part is shown as it goes, the others when they are done."""
    unit, contracts, integration, acceptance = (
        sorted((TESTS / room).rglob("test_*.py")) for room in ("unit", "contracts", "integration", "acceptance")
    )
    measures = {file: file.read_text().count("measuring(") for file in acceptance}
    # What measures most comes last, when the other parts are done.
    measured = sorted((file for file in acceptance if measures[file]), key=lambda file: measures[file])
    doors = [*contracts, *integration]
    found = {
        "measured": measured,
        "doors-1": doors[::2],
        "doors-2": doors[1::2],
        "units-and-pages": [*unit, *(file for file in acceptance if file not in measured)],
    }
    return {name: [str(file.relative_to(TESTS.parent)) for file in files] for name, files in found.items()}


def main() -> int:
    """Run all parts; the exit code is 0 if that of each is."""
    (first, *others), running, shown_later = parts(), [], []
    with ExitStack() as opened:
        for name in others:
            shown_later.append(opened.enter_context(tempfile.TemporaryFile("w+")))
            command = ("nice", "-n", "19", *_pytest(name))
            running.append(subprocess.Popen(command, stdout=shown_later[-1], stderr=subprocess.STDOUT))
            opened.callback(_end, running[-1])
        print(f"{', '.join(others)}: these run as well, and are shown at the end", flush=True)  # noqa: T201 - progress
        codes = [subprocess.run(_pytest(first), check=False).returncode, *(part.wait() for part in running)]
        for shown in shown_later:
            shown.seek(0)
            sys.stdout.writelines(shown)
    return next((code for code in codes if code), 0)  # that of one that was killed is below 0


def _pytest(name: str) -> tuple[str, ...]:
    # Each with a cache of its own: they would write into one another's.
    cache = f"cache_dir=.pytest_cache/{name}"
    return (sys.executable, "-m", "pytest", "--durations=10", "-o", cache, *parts()[name])


def _end(part: subprocess.Popen[bytes]) -> None:
    part.kill()
    part.wait()


if __name__ == "__main__":
    sys.exit(main())
