// Shows what was picked, before it is sent.

export function wake(drop) {
  const input = drop.querySelector("input[type=file]");
  const place = drop.querySelector(".photo-previews");
  let made = [];
  input.addEventListener("change", () => {
    for (const url of made) URL.revokeObjectURL(url);
    made = [];
    place.replaceChildren();
    for (const file of input.files) {
      const image = document.createElement("img");
      image.src = URL.createObjectURL(file);
      image.alt = file.name;
      made.push(image.src);
      place.append(image);
    }
    drop.classList.toggle("has-photos", input.files.length > 0);
  });
}
