"""Uploads that break off, at the server that reads them: what came of them is never taken for the whole."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from broadcast.engine import telling
from broadcast.store import Store
from tests.builders import a_body
from tests.processes import Web

NUMBERS = [f"55119900{number:05}" for number in range(450)]
CSV = ("telefone\n" + "".join(f"{number}\n" for number in NUMBERS)).encode()
NDJSON = "".join(f'"{number}"\n' for number in NUMBERS).encode()
JSON = json.dumps(NUMBERS).encode()
UTF_16 = CSV.decode().encode("utf-16")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("uploads")


@pytest.fixture
def web(folder: Path, redis_url: str, store: Store) -> Iterator[Web]:
    store.workers.beat("broadcast", "w1")
    with Web(folder, redis_url) as web:
        yield web


def cut(web: Web, path: str, kind: str, head: str, sent: bytes) -> str:
    """The answer to somebody who says this, and no more."""
    url = urlsplit(web.url)
    with socket.create_connection((url.hostname, url.port), timeout=60) as line:
        line.sendall(
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n{head}\r\n\r\n".encode() + sent
        )
        line.shutdown(socket.SHUT_WR)
        with line.makefile("rb") as answer:
            return answer.read().decode()


def open_up(web: Web, campaign: str) -> None:
    body = a_body(campaign, "i1", open=True)
    del body["contacts"]
    requests.post(f"{web.url}/queue/add-broadcast", json=body, timeout=60).raise_for_status()


def stored(store: Store, campaign: str) -> list[str]:
    return [one.phone for one in telling.contacts(store, campaign, status=None, limit=1000, cursor=None).items]


def test_a_chunk_that_is_cut_off_is_refused_and_gone_on_with(web: Web, store: Store) -> None:
    kinds = {"csv": ("text/csv", CSV), "wide": ("text/csv", UTF_16), "ndjson": ("application/x-ndjson", NDJSON)}
    for campaign, (kind, whole) in {**kinds, "json": ("application/json", JSON)}.items():
        open_up(web, campaign)
        path = f"/campaigns/{campaign}/contacts?chunk=1"
        for head in (f"Content-Length: {len(whole)}", "Transfer-Encoding: chunked"):
            for size in (40, len(whole) - 5):
                piece = whole[:size]
                sent = piece if "Length" in head else f"{len(whole):x}\r\n".encode() + piece
                answer = cut(web, path, kind, head, sent)
                assert ("400" in answer.split("\n")[0], '"cut_off"' in answer) == (True, True), (campaign, head, answer)
                assert set(stored(store, campaign)) <= set(NUMBERS), (campaign, head)

        again = requests.post(web.url + path, data=whole, headers={"Content-Type": kind}, timeout=60)
        assert (again.status_code, again.json()["queued"]) == (200, len(NUMBERS)), (campaign, again.text)
        assert stored(store, campaign) == NUMBERS


def test_a_list_of_who_wants_no_more_that_is_cut_off_puts_nobody_on_it(web: Web, store: Store) -> None:
    for kind, whole in (("text/csv", CSV), ("application/json", b'{"phones": ["5511999990001"]}   ')):
        answer = cut(web, "/suppressions", kind, f"Content-Length: {len(whole)}", whole[:-2])
        assert ("400" in answer.split("\n")[0], '"cut_off"' in answer) == (True, True), answer
    assert requests.get(web.url + "/suppressions", timeout=60).json()["suppressions"] == []


def test_bodies_with_and_without_a_length_are_read_whole(web: Web) -> None:
    for body in (CSV, iter([CSV[:100], CSV[100:]])):
        answer = requests.post(web.url + "/suppressions", data=body, headers={"Content-Type": "text/csv"}, timeout=60)
        assert answer.json()["added"] + answer.json()["known"] == len(NUMBERS)
    assert requests.post(web.url + "/suppressions", headers={"Content-Type": "text/csv"}, timeout=60).status_code == 422
