"""The command line: CSV files as people have them, and problems as clear lines."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from broadcast.cli import main
from broadcast.cli.contacts import read_contacts
from broadcast.domain.contact import Status
from broadcast.domain.table import people
from tests.processes import free_port
from tests.stubs import answering, listening

STATUS: dict[str, Any] = {
    "campaignId": "c1", "status": "completed", "total": 3, "holdDetail": None, "lastError": None, "sendsPerMinute": 0.0,
    "skippedReasons": {"invalid_phone": 1}, "expectedFinishAt": None, "onTheWire": 2, "success": True, "queued": 2,
    "skipped": 1,
    "counts": {"pending": 0, "booked": 0, "sending": 0, "sent": 2, "failed": 0, "skipped": 1, "unconfirmed": 0},
}  # fmt: skip


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    ("content", "contacts"),
    [
        ("5511999990001\n5511999990002\n", ["5511999990001", "5511999990002"]),
        ("telefone\n5511999990001\n", [{"phone": "5511999990001"}]),
        (
            "nome;telefone;cidade\nAna;5511999990001;Recife\n;5511999990002;\n",
            [{"phone": "5511999990001", "name": "Ana", "vars": {"cidade": "Recife"}}, {"phone": "5511999990002"}],
        ),
        ("\ufeffNúmero,Name\n+55 11 99999-0001,Zé\n", [{"phone": "+55 11 99999-0001", "name": "Zé"}]),
        ("Nome;Celular\nJoão;5511999990001\n".encode("latin-1"), [{"phone": "5511999990001", "name": "João"}]),
        ("phone\n\n5511999990001\n\n", [{"phone": "5511999990001"}]),
    ],
)
def test_a_csv_is_read_as_people_write_it(tmp_path: Path, content: str | bytes, contacts: list[Any]) -> None:
    assert people(read_contacts(write(tmp_path / "a.csv", content))) == contacts


@pytest.mark.parametrize("content", ["", "nome;cidade\nAna;Recife\n"])
def test_a_csv_without_numbers_says_so(tmp_path: Path, content: str) -> None:
    with pytest.raises(click.ClickException, match=r"a\.csv"):
        read_contacts(write(tmp_path / "a.csv", content))


def run(url: str, *arguments: str) -> Any:
    return CliRunner().invoke(main, arguments, env={"BROADCAST_URL": url, "BROADCAST_API_KEY": "s3cret-key"})


def test_send_posts_the_crms_request_and_tells_the_outcome(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "telefone\n5511999990001\n")
    with answering(202, STATUS) as (url, seen):
        result = run(url, "send", str(file), "--instance", "loja", "--message", "Oi", "--campaign", "c1")

    assert result.exit_code == 0, result.output
    assert seen[0]["headers"]["Authorization"] == "Bearer s3cret-key"
    assert seen[0]["body"] == {
        "action": "send_broadcast", "campaignId": "c1", "instanceId": "loja", "contacts": [{"phone": "5511999990001"}],
        "message": "Oi", "mediaType": "text",
    }  # fmt: skip
    assert "invalid_phone 1" in result.output


def test_send_ends_with_1_when_somebody_did_not_get_it(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "telefone\n5511999990001\n")
    status = {**STATUS, "counts": {**STATUS["counts"], "failed": 1}, "lastError": "not_on_whatsapp"}
    with answering(202, status) as (url, _):
        result = run(url, "send", str(file), "--instance", "loja", "--message", "Oi")
    assert result.exit_code == 1
    assert "not_on_whatsapp" in result.output


def test_a_problem_is_one_line_per_field() -> None:
    problem = {"detail": "1 field is wrong.", "errors": [{"pointer": "/message", "detail": "must not be empty"}]}
    with answering(422, problem) as (url, _):
        result = run(url, "pause", "c1")
    assert result.exit_code == 1
    assert "/message: must not be empty" in result.output


def test_a_missing_api_says_how_to_start_it() -> None:
    result = run(f"http://127.0.0.1:{free_port()}", "list")
    assert result.exit_code == 1
    assert "broadcast up" in result.output


@pytest.mark.parametrize("move", ["pause", "resume", "cancel"])
def test_a_campaign_is_steered(move: str) -> None:
    with answering(200, STATUS) as (url, seen):
        result = run(url, move, "c 1")
    assert (result.exit_code, seen[0]["path"]) == (0, f"/campaigns/c%201/{move}")
    assert "2 on the wire" in result.output


def test_status_shows_the_tally() -> None:
    with answering(200, STATUS) as (url, _):
        result = run(url, "status", "c1", "--watch")
    assert result.exit_code == 0
    assert "total" in result.output


@pytest.mark.parametrize("package", ["broadcast", "broadcast.cli"])
def test_the_package_is_the_command(package: str) -> None:
    asked = [sys.executable, "-m", package, "--help"]
    assert "doctor" in subprocess.run(asked, capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.mark.parametrize(
    ("state", "factor", "instance", "said"),
    [
        ("running", 7.66, {"slowReason": "rate_overlimit"}, "slowed down 7.7 times after rate_overlimit"),
        ("paused", 2, {"slowReason": None}, "slowed down 2.0 times"),
        ("running", 2, None, "slowed down 2.0 times"),
        ("running", 1, {"slowReason": None}, ""),
        ("completed", 7.66, {"slowReason": "rate_overlimit"}, ""),
    ],
)
def test_status_says_by_how_much_a_campaign_is_slowed_down(
    state: str, factor: float, instance: dict[str, Any] | None, said: str
) -> None:
    def handle(_: str, path: str, *__: Any) -> tuple[int, dict[str, str], bytes]:
        if path == "/instances/loja%201":
            return (200, {}, json.dumps(instance).encode()) if instance else (403, {}, b'{"detail": "no"}')
        return 200, {}, json.dumps({**STATUS, "status": state, "instanceId": "loja 1", "slowDown": factor}).encode()

    with listening(handle) as url:
        result = run(url, "status", "c1")
    assert result.exit_code == 0
    assert [line for line in result.output.splitlines() if "slowed" in line] == ([said] if said else [])


def test_a_wrong_setting_stops_up_with_its_name() -> None:
    result = CliRunner().invoke(main, ["up"], env={"PORT": "http"})
    assert (result.exit_code, "PORT" in result.output) == (2, True)


SUMMARY: dict[str, Any] = {
    "campaignId": "c1", "asOf": "2030-08-29T16:00:00Z", "status": "completed",
    "total": 4, "departed": 3, "delivered": 2, "read": 1,
    "deliveryRate": 0.6667, "readRate": 0.5, "medianDeliveryMs": 1500, "skipped": [], "unconfirmed": [],
    "failures": [{"reason": "rejected", "count": 1}],
    "pacing": {"rateLimitMs": 2000, "leastGapMs": 2001, "mostIn60s": 29, "allowedIn60s": 30, "breaches": 1,
               "firstBreaches": [{"at": "2030-08-29T15:00:02Z", "gapMs": 1990}],
               "basis": "By our own record."},
}  # fmt: skip


def test_a_report_is_a_table_with_the_pace_that_was_kept() -> None:
    with answering(200, SUMMARY) as (url, seen):
        result = run(url, "report", "c 1")
    assert (result.exit_code, seen[0]["path"]) == (0, "/campaigns/c%201/summary")
    for words in (
        "2 (66.7%)",
        "failures: rejected",
        "2001 ms",
        "29 (the pace allows 30)",
        "at 2030-08-29T15:00:02Z",
        "as of 2030",
        "By our own record.",
    ):
        assert words in result.output


FORECAST: dict[str, Any] = {
    "startAt": "2030-08-29T15:00:00Z", "finishAtP50": "2030-08-29T15:10:00Z", "finishAtP90": "2030-08-29T15:12:00Z",
    "errorSeconds": 12.5, "errorShare": 0.0208, "withinP90": True, "incomparable": None,
}  # fmt: skip
EARLY = {"errorSeconds": -6.0, "errorShare": -0.01}
LATE = {"errorSeconds": 180.0, "errorShare": 0.3, "withinP90": False}
PAUSED = {"errorSeconds": None, "errorShare": None, "withinP90": None, "incomparable": "paused"}


@pytest.mark.parametrize(
    ("came", "words", "not_said"),
    [
        ({}, ["finished later by 12.5 s (2.1% of the time foretold)", "within the nine of ten yes"], "compared"),
        (EARLY, ["finished earlier by 6.0 s (1.0% of the time foretold)"], "compared"),
        (LATE, ["finished later by 180.0 s (30.0% of the time foretold)", "within the nine of ten no"], "compared"),
        (PAUSED, ["not compared with what came paused"], "finished"),
    ],
)
def test_a_report_says_how_true_the_forecast_was(came: dict[str, Any], words: list[str], not_said: str) -> None:
    with answering(200, {**SUMMARY, "forecast": {**FORECAST, **came}}) as (url, _):
        shown = " ".join(re.sub(r"[^\x20-\x7e]", " ", run(url, "report", "c1").output).split())
    both = ["foretold to finish about 2030-08-29T15:10:00Z", "and in nine cases of ten by 2030-08-29T15:12:00Z"]
    assert [one for one in [*both, *words] if one not in shown] == []
    assert not_said not in shown


def test_a_report_waits_for_a_summary_that_is_being_counted() -> None:
    left = iter([503, 503, 200])

    def handle(*_: Any) -> tuple[int, dict[str, str], bytes]:
        status = next(left)
        body = SUMMARY if status == 200 else {"detail": "The summary is being counted: ask again in a moment."}
        return status, {"Retry-After": "0"}, json.dumps(body).encode()

    with listening(handle) as url:
        assert "departed" in run(url, "report", "c1").output
    with answering(503, {"detail": "being counted"}, {"Retry-After": "600"}) as (url, seen):
        result = run(url, "report", "c1")
    assert (result.exit_code, "being counted" in result.output, len(seen)) == (1, True, 1)


def test_a_report_is_written_to_a_file_as_it_comes(tmp_path: Path) -> None:
    file = tmp_path / "report.csv"
    with answering(200, "number;phone\r\n") as (url, seen):
        assert run(url, "report", "c1", "--csv", str(file), "--excel").exit_code == 0
    assert file.read_bytes() == b"number;phone\r\n"
    assert seen[0]["path"] == "/campaigns/c1/contacts?format=csv&bom=1&separator=%3B"
    with answering(404, {"detail": "There is no campaign c1."}) as (url, _):
        result = run(url, "report", "c1", "--csv", str(file))
    assert (result.exit_code, "no campaign" in result.output) == (1, True)


def test_an_import_hands_the_file_over_and_names_what_was_left_out(tmp_path: Path) -> None:
    file = write(tmp_path / "saidas.csv", "Número;obs\nn/a;é\n".encode("latin-1"))
    wrong = {"row": 2, "phone": "n/a", "detail": "cannot be a phone number"}
    bodies: list[tuple[str, str, str, bytes]] = []

    def handle(method: str, path: str, headers: dict[str, str], raw: bytes) -> tuple[int, dict[str, str], bytes]:
        bodies.append((method, path, headers["Content-Type"], raw))
        return 200, {}, json.dumps({"success": True, "added": 2, "known": 1, "invalid": [wrong]}).encode()

    with listening(handle) as url:
        result = run(url, "suppressions", "import", str(file))
    assert bodies == [("POST", "/suppressions?source=saidas.csv", "text/csv", file.read_bytes())]
    assert (result.exit_code, "2 added, 1 known before, 1 left out" in result.output) == (1, True)
    assert "row 2: 'n/a' cannot be a phone number" in result.output


def test_an_export_is_written_as_it_comes_and_a_problem_is_not(tmp_path: Path) -> None:
    to = tmp_path / "lista.csv"
    with answering(200, "phone,source,since\r\n5511999990001,api,\r\n") as (url, seen):
        assert run(url, "suppressions", "export", str(to)).exit_code == 0
        assert run(url, "suppressions", "export").output == "phone,source,since\n5511999990001,api,\n"
    assert to.read_bytes() == b"phone,source,since\r\n5511999990001,api,\r\n"
    assert (seen[0]["headers"]["Accept"], seen[0]["headers"]["Authorization"]) == ("text/csv", "Bearer s3cret-key")
    with answering(503, {"detail": "not just now"}) as (url, _):
        result = run(url, "suppressions", "export")
    assert (result.exit_code, "not just now" in result.output) == (1, True)


def test_the_list_is_shown_and_somebody_taken_off() -> None:
    one = {"phone": "5511999990001", "source": None, "since": None}
    with answering(200, {"suppressions": [one], "nextCursor": "7"}) as (url, _):
        shown = run(url, "suppressions", "list")
    assert (shown.exit_code, "5511999990001" in shown.output, "export" in shown.output) == (0, True, True)
    with answering(404, {"detail": "Nobody with this number is on the suppression list."}) as (url, _):
        gone = run(url, "suppressions", "remove", "5511999990001")
    assert (gone.exit_code, "Nobody" in gone.output) == (1, True)


SEEN: dict[str, Any] = {
    "success": True, "contacts": {"total": 15, "queued": 2, "skipped": 13},
    "skippedReasons": {"missing_variable": 13},
    "leftOut": [
        {"number": number, "phone": "5511999990009", "reason": "missing_variable", "detail": "city"}
        for number in range(2, 15)
    ],
    "samples": [{"phone": "5511999990001", "text": "Oi [bold]Ana[/bold]"}],
    "forecast": {
        "startAt": "2030-08-29T15:00:02Z", "finishAt": "2030-08-29T15:00:04Z", "finishAtP50": "2030-08-29T15:00:04Z",
        "finishAtP90": "2030-08-29T15:00:09Z", "waiting": 7,
    },
    "warnings": [{"code": "instance_paused", "text": "A person paused it."}],
    "risks": [{"code": "no_opt_out", "text": "It does not say how to leave.", "heuristic": True}],
}  # fmt: skip


def test_preview_asks_what_send_would_and_shows_all_of_it(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "telefone;celular\n" + "551133334444;5511999990001\n" * 14 + "551133334444;\n")
    template = write(tmp_path / "t.json", '{"name": "promo", "language": "pt_BR"}')
    options = (
        "--instance", "loja", "--message", "Oi", "--priority", "7", "--template", str(template),
        "--callback-url", "https://crm.example/news",
    )  # fmt: skip
    with answering(200, SEEN) as (url, seen):
        result = run(url, "preview", str(file), *options)
        as_json = run(url, "preview", str(file), *options, "--json")
    with answering(202, STATUS) as (url, sent):
        run(url, "send", str(file), *options, "--campaign", "c1")

    assert result.exit_code == 0, result.output
    assert seen[0]["path"] == "/campaigns/preview"
    assert {**seen[0]["body"], "action": "send_broadcast", "campaignId": "c1"} == sent[0]["body"]
    assert sent[0]["body"]["template"] == {"name": "promo", "language": "pt_BR"}
    assert sent[0]["body"]["callbackUrl"] == "https://crm.example/news"
    for text in (
        "2 of 15", "missing_variable: city", "row 4", "and 3 more", "Oi [bold]Ana[/bold]", "2030-08-29T15:00:04Z",
        "2030-08-29T15:00:09Z (in nine cases of ten)", "A person paused it", "risk (heuristic): no_opt_out",
        "column celular, telefone",
    ):  # fmt: skip
        assert text in result.output, result.output
    assert json.loads(as_json.output) == SEEN


def test_a_template_that_is_no_json_is_named(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "telefone\n5511999990001\n")
    template = write(tmp_path / "t.json", "promo")
    result = run("http://127.0.0.1:1", "preview", str(file), "--instance", "loja", "--template", str(template))
    assert (result.exit_code, "t.json is not JSON" in result.output) == (1, True)


def test_a_list_cuts_no_name_off_and_no_time() -> None:
    name = "promocao-" * 10
    shown = {"sendsPerMinute": 0.0, "createdAt": "2026-11-27T14:40:38.123Z", "total": 2, "progress": 0.5}
    counts = dict.fromkeys((status.value for status in Status), 0)
    one = {"campaignId": name, "instanceId": "loja", "status": "running", "counts": counts, **shown}
    with answering(200, {"campaigns": [one], "nextCursor": None}) as (url, _):
        output = run(url, "list").output
    assert "…" not in output
    assert "2026-11-27 14:40" in output
    assert name in "".join(re.findall(r"^│ (\S+)", output, re.MULTILINE))
