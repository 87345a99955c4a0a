// Brings an open page up to date. Everything it shows, a reload shows too: without it nothing is missing but the moment.
(() => {
  "use strict";
  const root = document.documentElement;
  const language = root.lang;
  const POLL_MS = 2000, ANSWERED_MS = 8000, LONGEST_MS = 30000, QUIET_MS = 15000, STALE_MS = 10000;
  const SOON_MS = 500, HOLD_MS = 5000, CHART_MS = 5000, SETTLED_MS = 2500, SAY_MS = 10000;
  const numbers = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
  const percents = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 1 });
  const isEnglish = language.startsWith("en");
  const times = new Intl.DateTimeFormat(language, {
    day: isEnglish ? "numeric" : "2-digit", month: isEnglish ? "short" : "2-digit", year: "numeric",
    hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: root.dataset.zone,
  });
  function writtenAt(value) { // as the server writes it
    const { day, month, year, hour, minute } = Object.fromEntries(times.formatToParts(new Date(value)).map((part) => [part.type, part.value]));
    return isEnglish ? `${day} ${month} ${year}, ${hour}:${minute}` : `${day}/${month}/${year} ${hour}:${minute}`;
  }
  const SHOWN = {
    number: (value) => numbers.format(value),
    percent: (value) => percents.format(value),
    reached: (counts) => numbers.format(counts.sent + counts.delivered + counts.read),
    time: (value) => (value ? writtenAt(value) : "–"),
  };

  const find = (state, path) => path.split(".").reduce((value, name) => value?.[name], state);

  function show(place, state) {
    for (const element of place.querySelectorAll("[data-live]")) {
      const text = SHOWN[element.dataset.as](find(state, element.dataset.live));
      if (element.textContent !== text) element.textContent = text;
    }
    let x = 0;
    for (const part of place.querySelectorAll("[data-bar] [data-status]")) {
      const wide = (100 * state.counts[part.dataset.status]) / (state.total || 1);
      part.setAttribute("x", x.toFixed(3));
      part.setAttribute("width", wide.toFixed(3));
      x += wide;
    }
  }

  class Removed extends Error {}

  async function ask(address) {
    const answer = await fetch(address, { headers: { Accept: "application/json" }, signal: AbortSignal.timeout(STALE_MS) });
    if (answer.redirected) location.reload(); // the key is out: the reload leads to the log-in
    if (answer.status === 404 && (await answer.json().catch(() => null))?.removed) throw new Removed();
    if (!answer.ok) throw new Error(answer.status);
    return answer;
  }

  // A change of state changes buttons and sentences: those the server writes. Whoever is on a link stays on it.
  const renewing = new WeakMap();
  function renew(place, selector, told = () => 0) {
    if (!renewing.has(place)) {
      renewing.set(place, written(selector, told, 3).then((fresh) => put(place, fresh)).finally(() => renewing.delete(place)));
    }
    return renewing.get(place);
  }

  // The place as the server writes it now; once more where something was told meanwhile, which it may not have.
  async function written(selector, told, tries) {
    const before = told();
    const html = await ask(location.href).then((answer) => answer.text());
    if (told() !== before && tries > 1) return written(selector, told, tries - 1);
    return new DOMParser().parseFromString(html, "text/html").querySelector(selector);
  }

  function put(place, fresh) {
    if (!fresh) return location.reload();
    const held = place.contains(document.activeElement) && document.activeElement.getAttribute("href");
    place.innerHTML = fresh.innerHTML;
    delete place.dataset.left;
    Object.assign(place.dataset, fresh.dataset);
    if (held) place.querySelector(`a[href="${CSS.escape(held)}"]`)?.focus({ preventScroll: true });
  }

  const isOther = (place, state) =>
    state.status !== place.dataset.status || (state.holdReason || "") !== (place.dataset.hold ?? (state.holdReason || "")) ||
    ("left" in place.dataset && !(state.counts.pending + state.counts.booked + state.counts.sending));

  // Where nothing comes in any more, the page says so: what it shows may be old.
  const stale = document.querySelector("[data-stale]");
  let unheard = null;
  const lost = () => { unheard ??= setTimeout(() => { stale.textContent = stale.dataset.stale; }, STALE_MS); };
  function heard() {
    clearTimeout(unheard);
    unheard = null;
    if (stale.textContent) stale.textContent = "";
  }

  // How long after so many vain attempts the next one is. Not all pages come back to a server at the same instant; and
  // one that is answered asks again before it would have to say that what it shows may be old.
  const pauseMs = (attempts, isAnswered) =>
    Math.min(POLL_MS * 2 ** attempts, isAnswered ? ANSWERED_MS : LONGEST_MS) * (0.8 + 0.2 * Math.random());

  // Hear of what happens as it does: `take` gets each event. Where no events come through, or none for a while, `look`
  // asks, and `show` gets the answer, and whether it is the latest that is known; it says whether that was news. What
  // was removed is told of once, by `bury`. What `isCalm`, where it says so, is asked for slowly, and only while somebody
  // looks. Returns what changes with everything that was heard.
  function follow(address, { take, look, show, bury, isCalm, isAlwaysAsked }) {
    const canHear = Boolean(window.EventSource && address);
    let events = null, isQuiet = false, isAsking = false, isOver = false, timer = null;
    let attempts = 0, isAnswered = true, told = 0, toldAt = Date.now();
    const isRefused = () => events?.readyState === EventSource.CLOSED;

    function listen() {
      events?.close();
      isQuiet = false;
      events = new EventSource(address);
      events.onopen = () => {
        attempts = 0;
        heard();
      };
      events.onmessage = (event) => {
        told += 1;
        toldAt = Date.now();
        heard();
        take(JSON.parse(event.data));
      };
      events.addEventListener("end", () => {
        events.close();
        isQuiet = true;
        later();
      });
      events.onerror = () => {
        lost();
        if (isRefused()) later();
      };
    }

    function later() {
      clearTimeout(timer);
      timer = setTimeout(asked, isQuiet || isCalm?.() ? QUIET_MS : pauseMs(attempts++, isAnswered));
    }

    // Whether the answer was news; undefined where none came. One that events overtook is not the latest.
    async function inquire() {
      const before = told;
      isAsking = true;
      const answer = await look().catch((error) => (error instanceof Removed ? end() : null));
      isAsking = false;
      if (isOver) return;
      isAnswered = answer !== null;
      if (!isAnswered) return void lost();
      heard();
      const isLatest = told === before;
      told += 1;
      return show(answer, isLatest);
    }

    function end() {
      isOver = true;
      events?.close();
      clearTimeout(timer);
      heard();
      bury();
    }

    async function asked() { // one question at a time, so that no older answer follows a newer one
      if (isOver || isAsking || ((isQuiet || isCalm) && document.hidden)) return;
      clearTimeout(timer);
      const isNews = await inquire();
      if (isOver) return;
      if (isAnswered && canHear && (isNews || !isQuiet)) return listen();
      if (isAnswered) attempts = 0;
      later();
    }

    // A connection may be dead without a sign. Whose events are at their end is asked for as well, slowly and while
    // somebody looks: receipts come for hours, and it may go on. Then its events are heard again.
    async function check() {
      const isSilent = Date.now() - toldAt >= QUIET_MS;
      if (isOver || !events || isQuiet || isAsking || document.hidden || isRefused() || !(isSilent || isAlwaysAsked)) return;
      if (await inquire() && isSilent) listen(); // there was news, and it was not told
    }

    document.addEventListener("visibilitychange", () => {
      if (document.hidden) return;
      if (isQuiet || !events || isRefused()) asked();
      else check();
    });
    setInterval(check, QUIET_MS);
    if (canHear) listen();
    else later();
    return () => told;
  }

  // What a campaign's answer says, apart from what drifts by itself.
  const gist = ({ sendsPerMinute, expectedFinishAt, ...rest }) => JSON.stringify(rest);

  function watchOne(place) {
    let saidAt = Date.now(), seen = null;
    let chartAt = Date.now(), newsAt = 0, due = null;

    // At most every few seconds, and once more after the last news: what is fresher than two seconds it may not have.
    function redraw() {
      due ??= setTimeout(async () => {
        due = null;
        chartAt = Date.now();
        if (chartAt - newsAt < SETTLED_MS) redraw();
        const html = await ask(place.dataset.chart).then((answer) => answer.text()).catch(() => null);
        if (html !== null) place.querySelector("[data-aside]").innerHTML = html;
      }, Math.max(chartAt + CHART_MS - Date.now(), SETTLED_MS));
    }

    function take(state) {
      const isNews = gist(state) !== seen, now = Date.now();
      seen = gist(state);
      if (isNews) {
        newsAt = now;
        redraw();
      }
      if (state.status !== place.dataset.status) document.querySelectorAll("[data-said]").forEach((one) => one.remove());
      if (isOther(place, state)) renew(place, "[data-watch]", told).catch(() => {});
      else show(place, state);
      if (now - saidAt > SAY_MS) {
        saidAt = now;
        const said = place.querySelector("[data-say]");
        if (said) said.textContent = `${SHOWN.percent(state.progress)} ${said.dataset.say}`;
      }
      return isNews;
    }

    const told = follow(place.dataset.events, {
      take,
      look: () => ask(place.dataset.watch).then((answer) => answer.json()),
      show: (state, isLatest) => isLatest && take(state),
      bury: () => {
        stale.replaceChildren(document.querySelector("[data-removed]").content.cloneNode(true));
        place.querySelector(".deeds").remove();
      },
    });
  }

  // Events tell of more campaigns than the page has, and of those that are newer than it: for these a row is fetched.
  function watchList(list) {
    const fetched = new Set(), seen = new Map();
    let due = null, dueAt = 0;
    const rows = () => [...list.querySelectorAll("[data-campaign]")];
    const again = (inMs = SOON_MS) => {
      if (due && dueAt <= Date.now() + inMs) return;
      clearTimeout(due);
      dueAt = Date.now() + inMs;
      due = setTimeout(() => { due = null; renew(list, "[data-list]").catch(() => fetched.clear()); }, inMs);
    };

    function belongs(state) {
      const oldest = rows().at(-1);
      return !oldest || !list.querySelector("[rel=next]") || new Date(state.createdAt) >= new Date(oldest.dataset.created);
    }

    function take(page) {
      let isNews = false;
      for (const state of page.campaigns) {
        isNews ||= seen.get(state.campaignId) !== gist(state);
        seen.set(state.campaignId, gist(state));
        const row = rows().find((one) => one.dataset.campaign === state.campaignId);
        if (row) {
          show(row, state);
          if (isOther(row, state)) again(state.status === row.dataset.status ? HOLD_MS : SOON_MS); // holds come and go
        } else if (!fetched.has(state.campaignId) && belongs(state)) {
          fetched.add(state.campaignId); // once: as old as the oldest row, it may still be on the next page
          again();
        }
      }
      return isNews;
    }

    function dropGone(page) { // events do not tell of what is removed
      const told = new Set(page.campaigns.map((state) => state.campaignId));
      if (rows().some((row) => !told.has(row.dataset.campaign))) again();
    }

    follow(list.dataset.events, {
      take,
      look: () => ask(list.dataset.list).then((answer) => answer.json()),
      show: (page, isLatest) => {
        dropGone(page);
        return isLatest && take(page);
      },
      isAlwaysAsked: true,
    });
  }

  function watchLanes(list) {
    let due = null, isFirst = !("anew" in list.dataset); // anew: news may have come since the page was written
    const again = () => renew(list, "[data-lanes]");

    follow(list.dataset.lanes, {
      take: () => {
        if (isFirst) return void (isFirst = false); // as the page has it
        due ??= setTimeout(() => { due = null; again().catch(() => {}); }, SOON_MS);
      },
      look: again,
      show: () => false,
    });
  }

  // No event tells what became of a callback. What says the same stays as it is, unfolded and with whoever is on it.
  function watchCalls(place) {
    let isLeaving = false; // what a form says on the next page is for that page
    document.addEventListener("submit", () => { isLeaving = true; });

    function blend(fresh) {
      if (!fresh) return location.reload();
      delete place.dataset.waiting;
      Object.assign(place.dataset, fresh.dataset);
      if (place.textContent === fresh.textContent) return;
      const calls = new Map([...place.querySelectorAll("[data-call]")].map((call) => [call.dataset.call, call]));
      const held = document.activeElement;
      for (const call of fresh.querySelectorAll("[data-call]")) {
        const old = calls.get(call.dataset.call);
        if (old?.textContent === call.textContent) call.replaceWith(old);
        else if (old?.querySelector("details[open]")) call.querySelector("details")?.setAttribute("open", "");
      }
      place.replaceChildren(...fresh.childNodes);
      if (held !== document.activeElement) focusLike(held);
    }

    function focusLike(held) {
      const call = held.closest("[data-call]")?.dataset.call;
      const next = place.contains(held) ? held : call && place.querySelector(`[data-call="${CSS.escape(call)}"] ${held.localName}`);
      next?.focus({ preventScroll: true });
    }

    follow(null, {
      look: async () => {
        if (isLeaving) throw new Error("leaving");
        blend(await written("[data-calls]", () => 0, 1));
      },
      show: () => false,
      isCalm: () => !("waiting" in place.dataset),
    });
  }

  // What the server would refuse is not sent to it first. The form around the file needs a little room of its own.
  function watchSize(file) {
    file.addEventListener("change", () => {
      const isTooLarge = file.files[0]?.size > Number(file.dataset.most) - 10000;
      file.setCustomValidity(isTooLarge ? file.dataset.tooLarge : "");
      if (isTooLarge) file.reportValidity();
    });
  }

  document.querySelectorAll("[data-most]").forEach(watchSize);
  document.querySelectorAll("[data-watch]").forEach(watchOne);
  document.querySelectorAll("[data-list]").forEach(watchList);
  document.querySelectorAll("[data-lanes]").forEach(watchLanes);
  document.querySelectorAll("[data-calls]").forEach(watchCalls);
})();
