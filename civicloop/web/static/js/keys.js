// Single keys for people who work here all day. Never inside a field, never with a modifier, and they can be
// switched off (WCAG 2.1.4) in the help behind the question mark.

const OFF = "civicloop.keys.off";

function isOff() {
  return localStorage.getItem(OFF) === "yes";
}

function isTyping(target) {
  return target.closest?.("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]") != null;
}

function visible(element) {
  return element.getClientRects().length > 0 && !element.disabled;
}

function bearer(key) {
  const found = [...document.querySelectorAll(`[data-key="${CSS.escape(key)}"]`)].filter(visible);
  return found.find((e) => e.closest("dialog[open], #drawer")) ?? found.find((e) => e.closest("#panel")) ?? found[0];
}

function move(step) {
  const queue = document.querySelector("[data-queue]");
  if (!queue) return false;
  const links = [...queue.querySelectorAll(".row-link")].filter(visible);
  if (!links.length) return false;
  let at = links.indexOf(document.activeElement);
  if (at < 0) at = links.findIndex((link) => link.closest(".row-active"));
  else at += step;
  if (at < 0) at = 0;
  const next = links[Math.min(at, links.length - 1)];
  next.focus();
  next.closest("[data-row]").scrollIntoView({ block: "nearest" });
  return true;
}

function listKeys() {
  const place = document.querySelector("[data-keys]");
  if (!place || place.dataset.filled) return;
  place.dataset.filled = "yes";
  for (const element of [...document.querySelectorAll("[data-key]")].filter(visible).reverse()) {
    const line = document.createElement("div");
    const cap = document.createElement("dt");
    const words = document.createElement("dd");
    const key = document.createElement("kbd");
    key.className = "key";
    key.textContent = element.dataset.key.toUpperCase();
    cap.append(key);
    const named = element.querySelector(".nav-label, span") ?? element;
    words.textContent = named.textContent.trim();
    line.append(cap, words);
    place.prepend(line);
  }
}

function openHelp() {
  const help = document.getElementById("key-help");
  if (!help || help.open) return false;
  const list = help.querySelector("[data-keys]");
  delete list.dataset.filled;
  for (const line of [...list.children]) if (line.dataset.found) line.remove();
  const before = new Set(list.children);
  listKeys();
  for (const line of list.children) if (!before.has(line)) line.dataset.found = "yes";
  help.showModal();
  return true;
}

function handle(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (isOff() || isTyping(event.target)) return;
  if (document.querySelector("dialog[open]")) return;
  const key = event.key;
  let done = false;
  if (key === "?") done = openHelp();
  else if (key === "/") {
    const search = document.querySelector("[data-search]");
    search?.focus();
    done = search != null;
  } else if (key === "j") done = move(1);
  else if (key === "k") done = move(-1);
  else if (key.length === 1) {
    const element = bearer(key.toLowerCase());
    element?.click();
    done = element != null;
  }
  if (done) event.preventDefault();
}

export function startKeys() {
  document.addEventListener("keydown", handle);
  const box = document.querySelector("[data-keys-on]");
  if (box) {
    box.checked = !isOff();
    box.addEventListener("change", () => localStorage.setItem(OFF, box.checked ? "no" : "yes"));
  }
  document.querySelector('[data-open="key-help"]')?.addEventListener("click", (event) => {
    event.stopPropagation();
    openHelp();
  });
}
