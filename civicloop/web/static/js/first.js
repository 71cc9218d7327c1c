// Runs before the first paint, so that what needs scripts does not blink.
document.documentElement.classList.add("js");
