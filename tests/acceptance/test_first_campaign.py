"""From the CRM's HTTP call to the gateway and back, on real parts, judged by the gateway's ledger."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from typing import Any

import psutil
import pytest
import requests

from tests.acceptance.measuring import measuring
from tests.builders import TO_COME, a_body, phones
from tests.processes import Stack, gaps_ms, lateness, wait_for

EDGE = "/functions/v1/broadcast_messaging_service"
#: What the clocks of two processes on a busy machine may differ by.
SLACK_MS = 10


def send(stack: Stack, body: dict[str, Any]) -> dict[str, Any]:
    answer = stack.post(EDGE, body)
    assert answer.status_code == 202, answer.text
    result: dict[str, Any] = answer.json()
    return result


def doubled(arrivals: list[dict[str, Any]]) -> list[str]:
    accepted = Counter(arrival["reference"] for arrival in arrivals if arrival["outcome"] == "accepted")
    return [reference for reference, count in accepted.items() if count > 1]


def test_a_campaign_goes_out_at_its_pace_and_comes_back_as_receipts(stack: Stack, fresh: str) -> None:
    answer = send(stack, a_body(fresh, fresh, contacts=[*phones(60), "123", phones(1)[0]]))
    assert (answer["success"], answer["queued"], answer["skipped"]) == (True, 60, 2)

    status = stack.wait_done(fresh)
    arrivals = stack.arrivals(fresh)

    assert sorted(arrival["number"] for arrival in arrivals) == phones(60)
    assert {arrival["text"] for arrival in arrivals} == {f"Mensagem para todos de {fresh}"}
    gaps = gaps_ms(arrivals)
    assert min(gaps) >= 100 - SLACK_MS
    assert (status["status"], status["total"], status["counts"]["skipped"]) == ("completed", 62, 2)
    settled = stack.wait_until(fresh, lambda now: now["counts"]["sent"] == 0 and now["counts"]["read"] > 20)
    assert settled["counts"]["delivered"] + settled["counts"]["read"] == 60


def test_what_the_pace_allows_is_used(stack: Stack, fresh: str) -> None:
    """The best of three: a single stall of the machine's, for which nobody is to blame, costs more than 2 %."""
    used = 0.0
    with measuring() as judge:
        for name in (f"{fresh}-{index}" for index in range(3)):
            send(stack, a_body(name, name, contacts=60))
            stack.wait_done(name)
            gaps = gaps_ms(stack.arrivals(name))
            used = max(used, 100 * len(gaps) / sum(gaps))
            if used >= 0.98:
                break
    judge(used >= 0.98, used)


def test_campaigns_of_one_instance_share_its_pace(stack: Stack, fresh: str) -> None:
    stack.post(f"/instances/{fresh}/pause")
    for part in "abc":
        send(stack, a_body(f"{fresh}-{part}", fresh, contacts=15))
    stack.post(f"/instances/{fresh}/resume")
    with measuring() as judge:
        for part in "abc":
            stack.wait_done(f"{fresh}-{part}")

    arrivals = stack.arrivals(fresh)
    assert len(arrivals) == 45
    assert min(gaps_ms(arrivals)) >= 100 - SLACK_MS
    turns = [arrival["reference"].split(":")[0][-1] for arrival in arrivals]
    judge(all(set(turns[start : start + 3]) == set("abc") for start in range(0, 45, 3)), turns)


def test_the_stricter_of_two_paces_holds_between_neighbours(stack: Stack, fresh: str) -> None:
    send(stack, a_body(f"{fresh}-fast", fresh, contacts=20, rateLimitMs=50))
    send(stack, a_body(f"{fresh}-slow", fresh, contacts=6, rateLimitMs=300))
    stack.wait_done(f"{fresh}-fast")
    stack.wait_done(f"{fresh}-slow")

    arrivals = stack.arrivals(fresh)
    slow = [arrival["reference"].startswith(f"{fresh}-slow") for arrival in arrivals]
    for index, gap in enumerate(gaps_ms(arrivals)):
        assert gap >= (300 if slow[index] or slow[index + 1] else 50) - SLACK_MS


def test_jitter_lengthens_gaps_and_never_shortens_one(stack: Stack, fresh: str) -> None:
    send(stack, a_body(fresh, fresh, contacts=30, rateLimitMs=80, jitterMs=80))
    with lateness() as late:
        stack.wait_done(fresh)
        late_ms = 1000 * late()

    gaps = gaps_ms(stack.arrivals(fresh))
    assert min(gaps) >= 80 - SLACK_MS
    # A stall of one process, for which nobody is to blame, is one long gap: what it passed by is not caught up.
    assert sorted(gaps)[-3] <= 80 + 80 + 60 + late_ms, gaps
    assert len({round(gap / 10) for gap in gaps}) > 4


def test_an_urgent_campaign_takes_a_busy_lane_within_one_batch(stack: Stack, fresh: str) -> None:
    send(stack, a_body(f"{fresh}-low", fresh, contacts=200, rateLimitMs=100, priority="low"))
    wait_for(lambda: len(stack.arrivals(fresh)) > 5, what="the first arrivals")
    with measuring() as judge:
        send(stack, a_body(f"{fresh}-high", fresh, contacts=40, rateLimitMs=100, priority="high"))
        before = len(stack.arrivals(fresh))
        stack.wait_done(f"{fresh}-high")
    stack.post(f"/campaigns/{fresh}-low/cancel")

    turns = [arrival["reference"].startswith(f"{fresh}-high") for arrival in stack.arrivals(fresh)]
    first = turns.index(True)
    # The test's stack fans out 2 s ahead, which at this pace is a batch of 20.
    judge(first - before <= 25, turns)
    last = len(turns) - 1 - turns[::-1].index(True)
    during = turns[first : last + 1]
    judge(0.85 <= during.count(True) / len(during) <= 0.95, during)  # the lower one gets one turn in ten


def test_pause_is_quick_and_resume_neither_repeats_nor_bursts(stack: Stack, fresh: str) -> None:
    send(stack, a_body(fresh, fresh, contacts=60, rateLimitMs=50))
    wait_for(lambda: len(stack.arrivals(fresh)) >= 10, what="the first arrivals")

    paused = stack.post(EDGE, {"action": "pause_broadcast", "campaignId": fresh})
    answered = time.monotonic()
    assert (paused.status_code, paused.json()["status"]) == (200, "paused")
    status = stack.wait_until(fresh, lambda now: now["counts"]["sending"] == 0)
    assert (status["status"], status["counts"]["booked"]) == ("paused", 0)
    seen = len(stack.arrivals(fresh))
    assert stack.arrivals(fresh)[-1]["at"] <= answered + 1.0
    wait_for(lambda: time.monotonic() > answered + 3, what="three seconds of silence")
    assert len(stack.arrivals(fresh)) == seen

    assert stack.post(f"/campaigns/{fresh}/resume").json()["status"] == "running"
    stack.wait_done(fresh)
    arrivals = stack.arrivals(fresh)
    assert len(arrivals) == 60
    assert doubled(arrivals) == []
    assert min(gaps_ms(arrivals)) >= 50 - SLACK_MS


def test_cancel_is_quick_and_final(stack: Stack, fresh: str) -> None:
    send(stack, a_body(fresh, fresh, contacts=300, rateLimitMs=50))
    wait_for(lambda: len(stack.arrivals(fresh)) >= 5, what="the first arrivals")

    cancelled = stack.post(f"/campaigns/{fresh}/cancel").json()
    answered = time.monotonic()
    assert cancelled["status"] == "cancelled"
    status = stack.wait_until(fresh, lambda now: now["counts"]["sending"] == 0)
    wait_for(lambda: time.monotonic() > answered + 1.5, what="silence")

    arrivals = stack.arrivals(fresh)
    assert arrivals[-1]["at"] <= answered + 1.0
    assert status["counts"]["cancelled"] == 300 - len(arrivals)
    assert stack.post(f"/campaigns/{fresh}/resume").status_code == 409


def test_faults_on_a_third_of_the_contacts_end_as_they_should(stack: Stack, fresh: str) -> None:
    numbers = phones(90)
    kinds = {"not_on_whatsapp": numbers[0:90:9], "ambiguous": numbers[1:90:9], "busy": numbers[2:90:9]}
    for kind, hit in kinds.items():
        stack.fault(kind=kind, numbers=hit, instance=fresh, **({"times": 1} if kind == "busy" else {}))
    send(stack, a_body(fresh, fresh, contacts=numbers, rateLimitMs=30))

    status = stack.wait_done(fresh, seconds=240)  # the busy ones slow it down
    arrivals = stack.arrivals(fresh)

    assert status["counts"]["failed"] == 10
    assert status["counts"]["unconfirmed"] == 10
    tries = Counter(arrival["number"] for arrival in arrivals)
    assert all(tries[number] == 1 for number in (*kinds["not_on_whatsapp"], *kinds["ambiguous"]))
    assert all(tries[number] == 2 for number in kinds["busy"])
    assert doubled(arrivals) == []
    assert {a["number"] for a in arrivals if a["outcome"] == "accepted"} == set(numbers) - {
        *kinds["not_on_whatsapp"],
        *kinds["ambiguous"],
    }
    assert min(gaps_ms(arrivals)) >= 30 - SLACK_MS


def test_a_contact_that_never_works_fails_with_the_gateways_own_reason(stack: Stack, fresh: str) -> None:
    stack.fault(kind="busy", numbers=phones(1), instance=fresh)
    send(stack, a_body(fresh, fresh, contacts=5, rateLimitMs=50))

    status = stack.wait_done(fresh, seconds=240)

    tries = Counter(arrival["number"] for arrival in stack.arrivals(fresh))
    assert tries[phones(1)[0]] == 5
    assert status["counts"]["failed"] == 1
    assert "Timed Out" in status["lastError"]


def test_a_retry_after_rests_the_lane(stack: Stack, fresh: str) -> None:
    stack.fault(kind="too_many", numbers=phones(10)[3:4], instance=fresh, times=1, retryAfterS=3)
    send(stack, a_body(fresh, fresh, contacts=10, rateLimitMs=50))
    with measuring() as judge:
        stack.wait_done(fresh)

    arrivals = stack.arrivals(fresh)
    hit = next(index for index, arrival in enumerate(arrivals) if arrival["outcome"] == "too_many")
    gaps = gaps_ms(arrivals)
    assert len([arrival for arrival in arrivals if arrival["outcome"] == "accepted"]) == 10
    assert max(gaps[hit:]) > 2500, gaps
    judge(max(gaps[hit : hit + 3]) > 2500, gaps)  # no more leave than those that do while the answer is on its way


def test_a_closed_instance_pauses_its_lane_fails_nobody_and_opens_on_request(stack: Stack, fresh: str) -> None:
    stack.fault(kind="unauthorized", instance=fresh)
    send(stack, a_body(fresh, fresh, contacts=10, rateLimitMs=50))

    status = stack.wait_until(fresh, lambda now: now["holdReason"] == "instance_closed")
    assert status["status"] == "running"
    assert "unauthorized" in status["holdDetail"]
    requests.delete(f"{stack.sandbox_url}/faults", timeout=60)
    assert stack.get(f"/instances/{fresh}").json()["state"] == "closed"
    assert stack.post(f"/instances/{fresh}/resume").json()["state"] == "open"

    status = stack.wait_done(fresh)
    assert status["counts"]["failed"] == 0
    assert len([arrival for arrival in stack.arrivals(fresh) if arrival["outcome"] == "accepted"]) == 10


def test_a_gateway_that_cannot_be_reached_costs_no_attempt(stack: Stack, fresh: str) -> None:
    sandbox = stack.processes["sandbox"]
    send(stack, a_body(fresh, fresh, contacts=8, rateLimitMs=100))
    with measuring() as judge:
        wait_for(lambda: len(stack.arrivals(fresh)) >= 2, what="the first arrivals")
        sandbox.kill()
    try:
        status = stack.wait_until(fresh, lambda now: now["holdReason"] == "gateway_busy")
        assert status["counts"]["failed"] == 0
    finally:
        sandbox.start()
        wait_for(stack.is_ready, what="the sandbox")
    status = stack.wait_done(fresh)
    assert status["counts"]["failed"] == 0
    judge(status["counts"]["unconfirmed"] <= 1, status["counts"])  # at most the one on the wire at the kill


def test_a_scheduled_campaign_starts_at_its_time(stack: Stack, fresh: str) -> None:
    at = datetime.now(timezone.utc) + timedelta(seconds=6)
    answer = send(stack, a_body(fresh, fresh, scheduledFor=at.isoformat()))
    assert answer["status"] == "scheduled"
    status = stack.status(fresh)
    assert status["scheduledFor"].startswith(at.isoformat()[:19])

    with measuring() as judge, lateness() as late:
        stack.wait_done(fresh)
        late_s = late()
    first = datetime.fromisoformat(stack.arrivals(fresh)[0]["wall"])
    assert first >= at
    judge(first - at <= timedelta(seconds=3 + late_s), first - at)


def test_the_crms_own_body_waits_in_redis_and_not_in_celery(stack: Stack, fresh: str) -> None:
    body = {
        "action": "send_broadcast", "instanceId": fresh, "campaignId": fresh,
        "contacts": ["5511999999999", "5511888888888"], "message": "Mensagem para todos", "mediaType": "text",
        "mediaUrl": None, "scheduledFor": f"{TO_COME}-08-29T15:00:00Z", "rateLimitMs": 2000,
    }  # fmt: skip
    answer = send(stack, body)

    assert (answer["queued"], answer["skipped"], answer["status"]) == (2, 0, "scheduled")
    status = stack.status(fresh)
    assert (status["scheduledFor"], status["counts"]["pending"]) == (f"{TO_COME}-08-29T15:00:00Z", 2)
    assert stack.arrivals(fresh) == []


def test_the_same_request_twenty_times_at_once_is_one_campaign(stack: Stack, fresh: str) -> None:
    body = a_body(fresh, fresh, contacts=20, rateLimitMs=50)
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda path: stack.post(path, body), [EDGE, "/queue/add-broadcast"] * 10))

    assert {answer.status_code for answer in answers} == {202}
    assert {answer.json()["queued"] for answer in answers} == {20}
    assert stack.post(EDGE, {**body, "message": "outra"}).status_code == 409
    stack.wait_done(fresh)
    arrivals = stack.arrivals(fresh)
    assert len(arrivals) == 20
    assert doubled(arrivals) == []


@pytest.mark.parametrize("media", ["image", "video", "audio", "document"])
def test_each_kind_of_media_arrives_as_what_it_is(stack: Stack, fresh: str, media: str) -> None:
    url = f"https://cdn.example/arquivo.{ {'image': 'jpg', 'video': 'mp4', 'audio': 'mp3', 'document': 'pdf'}[media] }"
    caption = "" if media == "audio" else "Veja"
    send(stack, a_body(fresh, fresh, contacts=1, mediaType=media, mediaUrl=url, message=caption))
    stack.wait_done(fresh)

    (arrival,) = stack.arrivals(fresh)
    assert (arrival["kind"], arrival["mediaUrl"], arrival["text"]) == (media, url, caption)


def test_values_of_each_contact_fill_the_message(stack: Stack, fresh: str) -> None:
    people = [
        {"phone": phones(2)[0], "name": "Ana", "vars": {"cidade": "Recife"}},
        {"phone": phones(2)[1], "name": "Bo"},
    ]
    send(stack, a_body(fresh, fresh, contacts=people, message="Oi {{name}} de {{cidade|longe}}"))
    stack.wait_done(fresh)

    assert [arrival["text"] for arrival in stack.arrivals(fresh)] == ["Oi Ana de Recife", "Oi Bo de longe"]


def test_nothing_waits_in_celery_longer_than_the_horizon(stack: Stack, fresh: str) -> None:
    send(stack, a_body(fresh, fresh, contacts=500, rateLimitMs=500))
    wait_for(lambda: len(stack.arrivals(fresh)) >= 3, what="the first arrivals")

    counts = stack.wait_until(fresh, lambda now: now["counts"]["booked"])["counts"]
    assert counts["booked"] <= 2 * 1000 / 500 + 1  # two seconds of departures
    stack.post(f"/campaigns/{fresh}/cancel")


def test_the_status_tells_rate_finish_and_progress(stack: Stack, fresh: str) -> None:
    send(stack, a_body(fresh, fresh, contacts=60, rateLimitMs=100))
    with lateness() as late:
        status = stack.wait_until(fresh, lambda now: now["progress"] > 0.5)
        now, late_s = datetime.now(timezone.utc), late()

    widest_ms = max(gaps_ms(stack.arrivals(fresh)))
    assert 0.95 * 60_000 / widest_ms <= status["sendsPerMinute"] <= 605
    assert status["holdReason"] is None
    finish = datetime.fromisoformat(status["expectedFinishAt"].replace("Z", "+00:00"))
    assert abs((finish - now).total_seconds() - 6 * (1 - status["progress"])) < 2 + late_s
    assert sum(status["counts"].values()) == status["total"]
    assert fresh in [one["campaignId"] for one in stack.get("/campaigns", instance=fresh).json()["campaigns"]]
    stack.wait_done(fresh)


def test_answering_gives_way_to_sending(stack: Stack) -> None:
    niceness = {
        name: psutil.Process(stack.processes[name].child.pid).nice() for name in ("web", "webhook", "broadcast")
    }
    assert niceness["web"] == niceness["webhook"] == min(niceness["broadcast"] + 10, 19)  # 19 is as far as it goes
