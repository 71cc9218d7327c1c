// Puts before and after under one slider; without this they stand side by side.

export function wake(pair) {
  const label = pair.querySelector(".pair-slider");
  const slider = label.querySelector("input");
  const stage = pair.querySelector(".pair-stage");
  const cut = () => stage.style.setProperty("--cut", `${slider.value}%`);
  label.hidden = false;
  pair.classList.add("is-sliding");
  slider.addEventListener("input", cut);
  cut();
}
