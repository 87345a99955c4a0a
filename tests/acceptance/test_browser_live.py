"""An open page in a real browser while its stream is refused, stands still, or overtakes an answer.

Nobody waits: the page's clock is moved. The API runs alone, and what the pages show is moved by the test.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from itertools import pairwise

import pytest
import redis
import requests
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from broadcast.domain.campaign import Move
from broadcast.domain.contact import Status
from broadcast.domain.receipt import Receipt
from broadcast.engine import settling, steering
from broadcast.engine.accepting import accept
from broadcast.engine.calling import PATIENCE_MS
from broadcast.settings import Settings
from broadcast.store import Store
from broadcast.wiring import build_services
from tests.acceptance.browsing import MARKS, Tab, a_visitor, violations
from tests.builders import an_order
from tests.crm import aged, call_all, hurry
from tests.lanes import send_all
from tests.processes import RedisServer, Web, wait_for

pytestmark = MARKS

#: By the pages' clocks.
NOON = datetime(2030, 8, 29, 12, tzinfo=timezone.utc)
#: Notes when a page asks, by its own clock, what it is told, and how many answers it waits for; chance plays no part.
NOTES = """
  Math.random = () => 1;
  window.asked = [];
  window.waits = 0;
  const real = window.fetch;
  window.fetch = (address, ...rest) => {
    window.asked.push([Date.now(), String(address)]);
    window.waits += 1;
    return real(address, ...rest).finally(() => { window.waits -= 1; });
  };
  window.EventSource = class extends EventSource {
    constructor(address) {
      super(address);
      window.waits += 1;
      let isAnswered = false;
      const answered = () => { window.waits -= isAnswered ? 0 : 1; isAnswered = true; };
      this.addEventListener("open", answered);
      this.addEventListener("error", answered);
      this.addEventListener("message", (event) => { window.told = JSON.parse(event.data); });
    }
  };
"""
#: Notes every text that an element ever shows.
SHOWS = """(element) => {
  window.shown = [];
  new MutationObserver(() => window.shown.push(element.textContent)).observe(element, {childList: true});
}"""


@pytest.fixture(scope="module")
def database(redis_server: RedisServer) -> str:
    url = redis_server.url(7)
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url


@pytest.fixture(scope="module")
def web(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    with Web(tmp_path_factory.mktemp("live"), database) as running:
        yield running


@pytest.fixture(scope="module")
def store(database: str) -> Iterator[Store]:
    services = build_services(Settings(redis_url=database))
    yield services.store
    services.store.scripts.client.close()


@pytest.fixture
def context(browser: Browser, web: Web) -> Iterator[BrowserContext]:
    with a_visitor(browser, web) as visitor:
        yield visitor


@pytest.fixture
def tabs(browser: Browser, web: Web) -> Iterator[Callable[[str], Tab]]:
    """Opens one more tab in front of the others."""
    opened: list[Tab] = []
    session = browser.new_browser_cdp_session()

    def open_one(path: str) -> Tab:
        opened.append(Tab(session, web.url + path))
        return opened[-1]

    yield open_one
    for tab in opened:
        tab.close()
    session.detach()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """A page whose clock stands still but where the test moves it."""
    page = context.new_page()
    page.clock.install(time=NOON)
    page.clock.pause_at(NOON + timedelta(hours=1))  # it runs until then, and can be put forward only
    page.add_init_script(NOTES)
    return page


def deliver(store: Store, instance: str, *numbers: int) -> None:
    settling.settle(store, instance, [Receipt(message_id=f"m{one}", status=Status.DELIVERED) for one in numbers])


def asked(page: Page) -> list[int]:
    """When the page asked how the campaign stands, ms."""
    return [at for at, address in page.evaluate("window.asked") if address.endswith("state.json")]


def advance(page: Page, ms: int) -> None:
    """Move the page's clock, once it waits for nothing but time."""
    wait_for(lambda: page.evaluate("window.waits") == 0, what="the answers that the page waits for")
    page.clock.fast_forward(ms)


def opened(page: Page, streams: list[str], times: int) -> None:
    """Wait for the stream to be opened so many times."""

    def is_so() -> bool:
        page.evaluate("true")  # has what the browser tells come through
        return len(streams) >= times

    wait_for(is_so, what="the stream to be opened")


def test_a_page_whose_server_is_away_asks_ever_less_often_and_then_hears_again(
    page: Page, store: Store, fresh: str
) -> None:
    send_all(store, 3, campaign=fresh, instance=fresh)
    refused = f"**/campaigns/{fresh}/events", f"**/campaigns/{fresh}/state.json"
    for address in refused:
        page.route(address, lambda route: route.fulfill(status=503))
    page.goto(f"/dashboard/campaigns/{fresh}")
    page.evaluate("window.isTheSamePage = true")

    def asks(times: int) -> bool:
        advance(page, 500)
        return len(asked(page)) >= times

    wait_for(lambda: asks(6), what="the page to ask again and again")
    gaps = [later - earlier for earlier, later in pairwise(asked(page))]
    for gap, expected in zip(gaps, (4000, 8000, 16_000, 30_000, 30_000), strict=False):
        assert expected <= gap <= expected + 500, gaps
    expect(page.get_by_text("Sem resposta há algum tempo")).to_be_visible()

    deliver(store, fresh, 0)
    for address in refused:
        page.unroute(address)
    with page.expect_response(refused[0]) as stream:
        wait_for(lambda: asks(7), what="the page to ask once more")
    assert stream.value.status == 200
    delivered = page.locator("[data-live='counts.delivered']")
    expect(delivered).to_have_text("1")
    expect(page.get_by_text("Sem resposta há algum tempo")).to_have_count(0)
    deliver(store, fresh, 1)
    expect(delivered).to_have_text("2")
    assert len(asked(page)) == 7  # it was told
    assert page.evaluate("window.isTheSamePage") is True


def test_a_page_that_is_answered_but_told_nothing_is_never_old_without_saying_so(
    page: Page, store: Store, fresh: str
) -> None:
    send_all(store, 2, campaign=fresh, instance=fresh)
    streams: list[str] = []

    def refuse(route: Route) -> None:
        streams.append(route.request.url)
        route.fulfill(status=503)

    page.route(f"**/campaigns/{fresh}/events", refuse)
    page.goto(f"/dashboard/campaigns/{fresh}")

    def asks(times: int) -> bool:
        advance(page, 500)
        return len(asked(page)) >= times

    wait_for(lambda: asks(5), what="the page to ask again and again")
    gaps = [later - earlier for earlier, later in pairwise(asked(page))]
    assert all(gap < 10_000 for gap in gaps), gaps
    assert gaps[-1] > 7000, gaps
    opened(page, streams, 6)  # at first, and after each answer
    expect(page.get_by_text("Sem resposta há algum tempo")).to_have_count(0)


def test_a_stream_that_is_silent_is_found_out_and_heard_anew(page: Page, store: Store, fresh: str) -> None:
    send_all(store, 3, campaign=fresh, instance=fresh)
    streams: list[str] = []

    def open_and_say_nothing(route: Route) -> None:
        """The first connection has the present state, and is half open from then on; the next are real."""
        streams.append(route.request.url)
        if len(streams) > 1:
            return route.continue_()
        state = json.dumps(page.request.get(f"/dashboard/campaigns/{fresh}/state.json").json())
        body = f"retry: 86400000\n\nid: 1\ndata: {state}\n\n"
        return route.fulfill(content_type="text/event-stream", body=body)

    page.route(f"**/campaigns/{fresh}/events", open_and_say_nothing)
    page.goto(f"/dashboard/campaigns/{fresh}")
    delivered = page.locator("[data-live='counts.delivered']")
    wait_for(lambda: page.evaluate("window.told"), what="all that is ever told there")
    expect(delivered).to_have_text("0")
    deliver(store, fresh, 0)

    def is_shown() -> bool:
        advance(page, 5000)
        return delivered.text_content() == "1"

    wait_for(is_shown, what="what the stream does not tell")
    opened(page, streams, 2)
    deliver(store, fresh, 1)
    expect(delivered).to_have_text("2")


def test_an_answer_that_events_overtook_takes_nothing_back(page: Page, store: Store, fresh: str) -> None:
    send_all(store, 3, campaign=fresh, instance=fresh)
    held: list[tuple[Route, str]] = []
    page.route(
        f"**/campaigns/{fresh}/state.json",
        lambda route: held.append((route, page.request.get(route.request.url).text())),
    )
    with page.expect_response(f"**/campaigns/{fresh}/events"):
        page.goto(f"/dashboard/campaigns/{fresh}")
    delivered = page.locator("[data-live='counts.delivered']")
    delivered.evaluate(SHOWS)

    def has_asked() -> bool:
        if not asked(page):
            page.clock.fast_forward(5000)
        return bool(held)

    wait_for(has_asked, what="the page to ask whether the stream is alive")
    deliver(store, fresh, 0, 1)
    expect(delivered).to_have_text("2")
    route, old = held.pop()
    assert json.loads(old)["counts"]["delivered"] == 0
    with page.expect_response(f"**/campaigns/{fresh}/state.json"):
        route.fulfill(content_type="application/json", body=old)
    deliver(store, fresh, 2)
    expect(delivered).to_have_text("3")
    shown = [int(text) for text in page.evaluate("window.shown")]
    assert shown == sorted(shown), shown


def test_a_page_that_events_overtook_takes_nothing_back(page: Page, store: Store, fresh: str) -> None:
    send_all(store, 3, campaign=fresh, instance=fresh)
    address = f"/dashboard/campaigns/{fresh}"
    page.goto(address)
    delivered = page.locator("[data-live='counts.delivered']")
    held: list[tuple[Route, str]] = []

    def hold_the_first(route: Route) -> None:
        held.append((route, page.request.get(address).text()))
        if len(held) > 1:
            route.continue_()

    page.route(f"**{address}", hold_the_first)
    store.campaigns.finish(fresh)  # it has other buttons then, which the server writes
    wait_for(lambda: page.evaluate("true") and held, what="the page to be written anew")
    deliver(store, fresh, 0, 1)
    wait_for(lambda: page.evaluate("window.told.counts.delivered") == 2, what="news while it is on its way")
    wait_for(lambda: page.evaluate("window.waits") == 1, what="all that is asked for that")
    route, old = held[0]
    route.fulfill(content_type="text/html", body=old)
    wait_for(lambda: page.evaluate("window.waits") == 0, what="the answers that the page waits for")
    page.evaluate("fetch(location.href).then((answer) => answer.text()).then(() => {})")  # after which it is shown
    expect(page.get_by_text("concluída").first).to_be_visible()
    assert delivered.text_content() == "2"


@pytest.mark.parametrize("is_quiet", [False, True])
def test_the_open_page_of_a_campaign_that_is_removed_says_so(
    page: Page, web: Web, store: Store, fresh: str, is_quiet: bool
) -> None:
    send_all(store, 1, campaign=fresh, instance=fresh)
    store.campaigns.finish(fresh)
    if is_quiet:  # its events are at their end
        end = "id: 1\nevent: end\ndata: {}\n\n"
        page.route(
            f"**/campaigns/{fresh}/events", lambda route: route.fulfill(content_type="text/event-stream", body=end)
        )
    page.goto(f"/dashboard/campaigns/{fresh}")
    expect(page.get_by_role("link", name="Excluir de vez")).to_be_visible()
    requests.delete(f"{web.url}/campaigns/{fresh}", timeout=60).raise_for_status()
    notice = page.get_by_text("Esta campanha foi excluída.")

    def is_said() -> bool:
        advance(page, 5000)
        return notice.is_visible()

    wait_for(is_said, what="the page to say so")
    times = len(asked(page))
    for _ in range(12):
        advance(page, 5000)
    assert len(asked(page)) == times  # there is nothing to ask for
    expect(notice).to_be_visible()
    expect(page.get_by_role("link", name="Excluir de vez")).to_have_count(0)
    page.clock.resume()  # axe waits for a moment of its own
    assert violations(page) == []
    page.get_by_role("link", name="Às campanhas").click()
    expect(page.get_by_role("heading", name="Campanhas", exact=True)).to_be_visible()


def test_a_404_of_a_proxy_says_nothing_of_a_campaign(page: Page, store: Store, fresh: str) -> None:
    send_all(store, 1, campaign=fresh, instance=fresh)
    for address in (f"**/campaigns/{fresh}/events", f"**/campaigns/{fresh}/state.json"):
        page.route(address, lambda route: route.fulfill(status=404, body="404 page not found"))
    page.goto(f"/dashboard/campaigns/{fresh}")

    def asks(times: int) -> bool:
        advance(page, 1000)
        return len(asked(page)) >= times

    wait_for(lambda: asks(4), what="the page to ask on")
    expect(page.get_by_text("Sem resposta há algum tempo")).to_be_visible()


def test_a_page_of_callbacks_that_wait_follows_what_becomes_of_them(page: Page, store: Store, fresh: str) -> None:
    accept(store, an_order(fresh, contacts=1, callback_url="http://127.0.0.1:1/news"), country="BR")

    def asked() -> int:
        return sum("/callbacks?" in address for _, address in page.evaluate("window.asked"))

    def shown(what: str, count: int = 1) -> bool:
        advance(page, 500)
        return page.locator(what).count() == count

    page.goto(f"/dashboard/callbacks?campaign={fresh}")
    page.evaluate("window.isTheSamePage = true")
    expect(page.get_by_text("ainda não tentado")).to_be_visible()
    call_all(store)
    wait_for(lambda: shown("text=não foi possível alcançar o CRM"), what="the attempt that failed")

    page.get_by_text("Detalhes").click()
    page.get_by_text("Detalhes").focus()
    steering.steer(store, fresh, Move.PAUSE)
    wait_for(lambda: shown("text=campanha pausada"), what="another callback")
    assert page.evaluate("document.activeElement.localName") == "summary"
    expect(page.get_by_text("unreachable:").first).to_be_visible()  # is unfolded still
    for number in (1, 2):
        aged(store, fresh, number, ms=PATIENCE_MS)
    hurry(store, "http://127.0.0.1:1", fresh)
    call_all(store)
    wait_for(lambda: shown(".state-failed", 2), what="the callbacks to be given up")

    times = asked()
    for _ in range(8):
        advance(page, 1000)
    assert asked() - times <= 1
    assert page.evaluate("window.isTheSamePage") is True


def number_shown(tab: Tab) -> str:
    return str(tab.evaluate("document.querySelector(\"[data-live='counts.delivered']\").textContent"))


def test_many_open_tabs_hinder_none_and_each_is_up_to_date_when_it_is_looked_at(
    tabs: Callable[[str], Tab], web: Web, store: Store, fresh: str
) -> None:
    send_all(store, 4, campaign=fresh, instance=fresh)
    one = f"/dashboard/campaigns/{fresh}"
    opened = []
    for path in (
        one,
        "/dashboard",
        "/dashboard/instances",
        one,
        one,
        "/dashboard",
        one,
        one,
    ):  # of a host, six at a time
        opened.append(tabs(path))
        opened[-1].wait_for("location.protocol === 'http:' && document.readyState === 'complete'")
    first = opened[0]
    assert first.evaluate("document.hidden") is True
    deliver(store, fresh, 0)
    wait_for(lambda: number_shown(opened[-1]) == "1", what="the tab in front to be told")
    assert number_shown(first) == "0"

    first.evaluate(f"({SHOWS})(document.querySelector(\"[data-live='counts.delivered']\"))")
    for expected in ("1", "2", "3"):
        first.bring_to_front()
        wait_for(lambda: number_shown(first) == expected, what="what came meanwhile")  # noqa: B023 - called at once
        opened[3].bring_to_front()
        deliver(store, fresh, int(expected))
    shown = [int(text) for text in first.evaluate("window.shown")]
    assert shown == sorted(shown), shown
    asked = "performance.getEntriesByType('resource').filter((one) => one.name.endsWith('state.json')).length"
    assert first.evaluate(asked) == 0  # it was told, so it need not have waited to ask
    assert first.evaluate("document.querySelector('[data-stale]').textContent") == ""


def test_a_page_that_is_left_and_gone_back_to_hears_nothing_between(
    context: BrowserContext, store: Store, fresh: str
) -> None:
    """Browsers that keep a page for going back, in spite of `no-store`, tell it so by these two events."""
    send_all(store, 3, campaign=fresh, instance=fresh)
    kept, other = context.new_page(), context.new_page()
    for page in (kept, other):
        page.goto(f"/dashboard/campaigns/{fresh}")
    deliver(store, fresh, 0)
    for page in (kept, other):
        expect(page.locator("[data-live='counts.delivered']")).to_have_text("1")
    kept.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', {persisted: true}))")
    deliver(store, fresh, 1)
    expect(other.locator("[data-live='counts.delivered']")).to_have_text("2")
    assert kept.locator("[data-live='counts.delivered']").text_content() == "1"
    kept.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    expect(kept.locator("[data-live='counts.delivered']")).to_have_text("2")
    deliver(store, fresh, 2)
    expect(kept.locator("[data-live='counts.delivered']")).to_have_text("3")
