"""Takes the README's picture of the desk from a real browser, of a new demo: `python -m tests.browser.screenshots`."""

from __future__ import annotations

import io
import tempfile
from contextlib import closing
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from tests import browsing
from tests.browser.people import drawn, sign_in
from tests.processes import Served

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"


def main(url: str) -> None:
    """Writes docs/desk.png: the shift head's desk, queue, map and a case side by side."""
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=browsing.executable(), args=list(browsing.FLAGS))
        with browsing.opened(chromium, viewport=browsing.DESK) as page:
            sign_in(page, url, "shift_head")
            page.goto(f"{url}/street")
            drawn(page)
            page.locator(".row-link").nth(1).click()
            page.locator("#panel #case-view").wait_for()
            # A picture that has loaded is painted only when it is decoded.
            page.evaluate(
                "() => Promise.all([...document.querySelectorAll('#panel img')].map((i) => i.decode()))"
            )
            page.evaluate(
                "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
            )
            picture = Image.open(io.BytesIO(page.screenshot()))
        chromium.close()
    picture.convert("RGB").quantize(128, dither=Image.Dither.NONE).save(DOCS / "desk.png", optimize=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, closing(Served(Path(folder)).wait()) as served:
        main(served.url)
