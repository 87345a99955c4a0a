// Brings an open page up to date. Everything it shows, a reload shows too: without it nothing is missing but the moment.
(() => {
  "use strict";
  const root = document.documentElement;
  const language = root.lang;
  const POLL_MS = 2000, CHART_MS = 5000, SAY_MS = 10000;
  const numbers = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
  const percents = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 1 });
  const times = new Intl.DateTimeFormat(language, { dateStyle: "short", timeStyle: "short", timeZone: root.dataset.zone });
  const SHOWN = {
    number: (value) => numbers.format(value),
    percent: (value) => percents.format(value),
    time: (value) => (value ? times.format(new Date(value)) : "–"),
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

  async function ask(address) {
    const answer = await fetch(address, { headers: { Accept: "application/json" } });
    if (answer.redirected) location.reload(); // the key is out: the reload leads to the log-in
    if (!answer.ok) throw new Error(answer.status);
    return answer;
  }

  // A change of state changes buttons and sentences: those the server writes. Whoever is on a link stays on it.
  async function renew(place, selector) {
    const html = await ask(location.href).then((answer) => answer.text());
    const fresh = new DOMParser().parseFromString(html, "text/html").querySelector(selector);
    if (!fresh) return location.reload();
    const held = place.contains(document.activeElement) && document.activeElement.getAttribute("href");
    place.innerHTML = fresh.innerHTML;
    Object.assign(place.dataset, fresh.dataset);
    if (held) place.querySelector(`a[href="${CSS.escape(held)}"]`)?.focus();
  }

  const isOther = (place, state) =>
    state.status !== place.dataset.status || (state.holdReason || "") !== (place.dataset.hold ?? (state.holdReason || ""));

  function watchOne(place) {
    let saidAt = Date.now(), chartAt = Date.now(), polling = null;

    function take(state) {
      if (isOther(place, state)) return void renew(place, "[data-watch]").catch(() => {});
      show(place, state);
      const now = Date.now();
      if (now - saidAt > SAY_MS) {
        saidAt = now;
        const said = place.querySelector("[data-say]");
        said.textContent = `${SHOWN.percent(state.progress)} ${said.dataset.say}`;
      }
      if (now - chartAt > CHART_MS) {
        chartAt = now;
        ask(place.dataset.chart).then((answer) => answer.text()).then((html) => {
          place.querySelector("[data-aside]").innerHTML = html;
        }).catch(() => {});
      }
    }

    const poll = () => ask(place.dataset.watch).then((answer) => answer.json()).then(take).catch(() => {});
    const startPolling = () => { polling ??= setInterval(poll, POLL_MS); };

    if (!window.EventSource || !place.dataset.events) return startPolling();
    const events = new EventSource(place.dataset.events);
    events.onmessage = (event) => take(JSON.parse(event.data));
    events.addEventListener("end", () => events.close()); // nothing of it has changed for a while
    events.onerror = () => {
      if (events.readyState === EventSource.CLOSED) startPolling();
    };
  }

  function watchList(list) {
    setInterval(async () => {
      const page = await ask(list.dataset.list).then((answer) => answer.json()).catch(() => null);
      for (const state of page?.campaigns ?? []) {
        const row = [...list.children].find((one) => one.dataset.campaign === state.campaignId);
        if (!row) continue;
        if (isOther(row, state)) return void renew(list, "[data-list]").catch(() => {});
        show(row, state);
      }
    }, POLL_MS);
  }

  document.querySelectorAll("[data-watch]").forEach(watchOne);
  document.querySelectorAll("[data-list]").forEach(watchList);
})();
