// Starts what a page needs and nothing else: islands are imported only where they stand.

import { startKeys } from "./keys.js";
import { startLive } from "./live.js";
import { startRings } from "./ring.js";

const ISLANDS = {
  map: () => import("./map.js"),
  chart: () => import("./charts.js"),
  evidence: () => import("./evidence.js"),
  photo: () => import("./photo.js"),
  point: () => import("./point.js"),
  tree: () => import("./tree.js"),
};
const NARROW = window.matchMedia("(max-width: 760px)");
let openedFrom = null;

async function wake(root) {
  const found = [...root.querySelectorAll("[data-island]")];
  if (root.matches?.("[data-island]")) found.unshift(root);
  for (const element of found) {
    if (element.dataset.awake) continue;
    element.dataset.awake = "yes";
    const island = await ISLANDS[element.dataset.island]();
    island.wake(element);
  }
}

function focusWhatMatters(root) {
  const wrong = root.querySelector?.("[data-focus]");
  if (wrong) wrong.focus();
}

function closeDrawer() {
  const place = document.getElementById("drawer");
  if (!place || !place.firstChild) return false;
  place.replaceChildren();
  openedFrom?.focus();
  openedFrom = null;
  return true;
}

function markOpenRow(source) {
  const row = source?.closest?.("[data-row]");
  if (!row) return;
  for (const other of row.parentElement.children) {
    other.classList.toggle("row-active", other === row);
    const link = other.querySelector(".row-link");
    if (other === row) link?.setAttribute("aria-current", "true");
    else link?.removeAttribute("aria-current");
  }
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-open]");
  if (opener) document.getElementById(opener.dataset.open)?.showModal();
  const closer = event.target.closest("[data-close]");
  if (closer?.dataset.close === "dialog") closer.closest("dialog").close();
  if (closer?.dataset.close === "drawer" && document.getElementById("drawer")?.contains(closer)) {
    event.preventDefault();
    closeDrawer();
  }
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || document.querySelector("dialog[open]")) return;
  for (const menu of document.querySelectorAll("details.menu[open]")) menu.open = false;
  closeDrawer();
});

// In one hand a case is a page of its own, not a panel far below the queue.
document.addEventListener("htmx:before:request", (event) => {
  const { sourceElement, request, target } = event.detail.ctx;
  if (!NARROW.matches || target?.id !== "panel" || request.method !== "GET") return;
  event.preventDefault();
  location.href = sourceElement?.matches?.("a[href]") ? sourceElement.href : request.action;
});

document.addEventListener("htmx:after:swap", (event) => {
  const { ctx } = event.detail;
  const target = ctx.target;
  markOpenRow(ctx.sourceElement);
  if (target?.id === "drawer") {
    openedFrom ??= ctx.sourceElement;
    target.querySelector("h2")?.focus();
  }
});

document.addEventListener("htmx:after:process", (event) => {
  wake(event.target);
  focusWhatMatters(event.target);
});

new MutationObserver((changes) => {
  for (const change of changes) {
    for (const toast of change.addedNodes) setTimeout(() => toast.remove?.(), 6000);
  }
}).observe(document.getElementById("toasts"), { childList: true });

wake(document);
focusWhatMatters(document);
startRings();
startKeys();
startLive();
