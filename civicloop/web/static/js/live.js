// Live updates are htmx's own SSE extension (`hx-sse:connect`); it re-connects with Last-Event-ID. Here the
// reader is only told whether the page hears of changes.

function say(state) {
  for (const sign of document.querySelectorAll("[data-live]")) {
    sign.hidden = false;
    sign.dataset.live = state;
  }
}

// An open case asks for its news when an event names it: not for what it shows already, and not while its own
// action is under way, whose answer brings it up to date.
function hear(news, patience = 20) {
  const view = document.querySelector("[data-case]");
  if (view?.dataset.case !== news.case || news.seq <= Number(view.dataset.seq)) return;
  if (patience && (view.matches(".htmx-request") || view.querySelector(".htmx-request"))) {
    setTimeout(hear, 250, news, patience - 1);
    return;
  }
  const asks = view.querySelector("[data-hears]") ?? view;
  asks.dispatchEvent(new CustomEvent("changed"));
}

// Who has been shown the case as it is may act on it as it is.
function shown(link) {
  const news = link?.closest?.("[data-hears] .case-news");
  if (!news) return;
  const revision = news.closest(".case-doing").querySelector("input[name=revision]");
  if (revision) revision.value = news.dataset.seen;
  news.remove();
}

export function startLive() {
  document.addEventListener("case", ({ detail }) => {
    // The answer to one's own action says "case" as well, and has no news.
    if (detail?.data) setTimeout(hear, 400, { ...JSON.parse(detail.data), seq: Number(detail.id) });
  });
  document.addEventListener("htmx:after:swap", (event) => shown(event.detail.ctx.sourceElement));
  document.addEventListener("htmx:sse:after:connection", () => say("on"));
  document.addEventListener("htmx:sse:error", () => say("off"));
  document.addEventListener("htmx:sse:close", () => say("off"));
}
