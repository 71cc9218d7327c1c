// Clock rings run by themselves between two pictures of the server. The district's now may differ from the
// device's (a wrong clock, an accelerated demo), so each ring keeps its own distance to it.

const ENGLISH = document.documentElement.lang.startsWith("en");
const SHAPE_OF_BREACH =
  '<path d="M8 .8 15.2 8 8 15.2.8 8z"/><path class="shape-cut" d="M8 4.6v4.2M8 10.6v1"/>';
const seen = new WeakMap();

export function spanWords(milliseconds, english = ENGLISH) {
  const seconds = Math.floor(Math.abs(milliseconds) / 1000);
  const minutes = Math.floor(seconds / 60);
  const days = Math.floor(minutes / 1440);
  const hours = Math.floor((minutes % 1440) / 60);
  const units = english ? [" d", " h", " min", " s"] : ["天", "小时", "分", "秒"];
  let pairs;
  if (days) pairs = [[days, units[0]], [hours, units[1]]];
  else if (minutes >= 10) pairs = [[hours, units[1]], [minutes % 60, units[2]]];
  else pairs = [[minutes, units[2]], [seconds % 60, units[3]]];
  const words = pairs.filter(([n]) => n).map(([n, unit]) => `${n}${unit}`);
  return words.length ? words.join(english ? " " : "") : `0${units[3]}`;
}

function turn(clock, now) {
  let known = seen.get(clock);
  if (!known) {
    const { now: drawn, due, used } = clock.dataset;
    known = { apart: Number(drawn) - now, drawn: Number(drawn), due: Number(due), used: Number(used) };
    seen.set(clock, known);
  }
  const here = now + known.apart;
  const left = known.due - here;
  const words = clock.querySelector(".clock-left");
  const span = spanWords(left);
  words.textContent = left < 0 ? (ENGLISH ? `${span} over` : `超 ${span}`) : ENGLISH ? `${span} left` : `剩 ${span}`;
  const stretch = known.due - known.drawn;
  const used = stretch > 0 ? known.used + (1 - known.used) * ((here - known.drawn) / stretch) : 1;
  const share = Math.min(Math.max(used, 0), 1) * 100;
  clock.querySelector(".ring-used").setAttribute("stroke-dasharray", `${share.toFixed(1)} 100`);
  if (left < 0 && clock.dataset.clock !== "breached") breach(clock);
}

function breach(clock) {
  clock.classList.remove(`clock-${clock.dataset.clock}`);
  clock.classList.add("clock-breached");
  clock.dataset.clock = "breached";
  const shape = clock.querySelector(".ring .shape");
  shape.setAttribute("class", "shape shape-breached");
  shape.innerHTML = SHAPE_OF_BREACH;
  const spoken = clock.querySelector(".sr-only");
  if (spoken) spoken.textContent = ENGLISH ? "Breached " : "超时 ";
}

export function startRings() {
  const turnAll = () => {
    if (document.hidden) return;
    const now = Date.now();
    for (const clock of document.querySelectorAll("[data-clock]")) turn(clock, now);
  };
  turnAll();
  setInterval(turnAll, 1000);
}
