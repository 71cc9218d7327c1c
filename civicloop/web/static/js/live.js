// Live updates are htmx's own SSE extension (`hx-sse:connect`); it re-connects with Last-Event-ID. Here the
// reader is only told whether the page hears of changes.

function say(state) {
  for (const sign of document.querySelectorAll("[data-live]")) {
    sign.hidden = false;
    sign.dataset.live = state;
  }
}

export function startLive() {
  document.addEventListener("htmx:sse:after:connection", () => say("on"));
  document.addEventListener("htmx:sse:error", () => say("off"));
  document.addEventListener("htmx:sse:close", () => say("off"));
}
