"""The gallery of components: everybody's in the demo, elsewhere for whoever is signed in."""

from __future__ import annotations

from pathlib import Path

import pytest

from civicloop.kernel.registry.district import Settings, open_district
from civicloop.kernel.time.clock import VirtualClock
from civicloop.kernel.time.ids import SeededIds
from tests.fixtures import START
from tests.interop.worlds import World


@pytest.mark.parametrize("demo", [False, True])
def test_a_stranger_sees_the_gallery_in_the_demo_only(tmp_path: Path, demo: bool) -> None:
    settings = Settings(tmp_path, demo=demo)
    district = open_district(settings, clock=VirtualClock(START), ids=SeededIds("design"), inline=True)
    world = World(district)
    stranger = world.call("GET", "/design")
    if demo:
        assert stranger.status == 200
        assert 'class="queue"' in world.call("GET", "/design?view=desk&lang=en").text
    else:
        assert stranger.headers["location"] == "/sign-in?next=%2Fdesign"
        assert world.call("GET", "/design", who=world.person("crew")).status == 200
    world.call.close()
    district.close()
