// Finds a category by what is typed: unfolds the groups that hold it, hides what does not fit.

export function wake(tree) {
  const search = tree.querySelector("[data-find]");
  const branches = [...tree.querySelectorAll(".branch")];
  const openAtFirst = branches.map((branch) => branch.open);
  search.addEventListener("input", () => {
    const wanted = search.value.trim().toLowerCase();
    branches.forEach((branch, i) => {
      const named = branch.querySelector("summary").textContent.toLowerCase().includes(wanted);
      let fitting = 0;
      for (const choice of branch.querySelectorAll(".radio")) {
        const fits = !wanted || named || choice.textContent.toLowerCase().includes(wanted);
        choice.hidden = !fits;
        if (fits) fitting += 1;
      }
      branch.hidden = fitting === 0;
      branch.open = wanted ? fitting > 0 : openAtFirst[i];
    });
  });
  search.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    tree.querySelector(".branch:not([hidden]) .radio:not([hidden]) input")?.click();
  });
}
