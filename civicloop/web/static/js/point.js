// "Use my position": writes the device's place into the fields; the map beside them follows.

export function wake(field) {
  const button = field.querySelector("[data-locate]");
  const words = field.querySelector(".point-words");
  const [longitude, latitude] = ["longitude", "latitude"].map((part) =>
    field.querySelector(`input[name$=".${part}"]`),
  );
  if (!("geolocation" in navigator)) {
    button.hidden = true;
    return;
  }
  button.addEventListener("click", () => {
    words.textContent = button.dataset.locating;
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        longitude.value = coords.longitude.toFixed(6);
        latitude.value = coords.latitude.toFixed(6);
        latitude.dispatchEvent(new Event("change", { bubbles: true }));
        words.textContent = `${latitude.value}, ${longitude.value}  ±${Math.round(coords.accuracy)} m`;
      },
      () => {
        words.textContent = button.dataset.notLocated;
      },
      { enableHighAccuracy: true, timeout: 15000, maximumAge: 30000 },
    );
  });
}
