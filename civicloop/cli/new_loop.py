"""`civicloop new-loop NAME`: a loop folder that opens and closes a case, ready to be made into something of its own."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from civicloop.cli import docs
from civicloop.cli.migrate import draft
from civicloop.kernel.facts.pack import PACKS
from civicloop.kernel.registry.district import Settings
from civicloop.kernel.registry.registry import find

LOOPS = Path(__file__).parents[1] / "loops"

INIT = '''"""The {name} loop: what it is for, in one sentence."""

from __future__ import annotations

from pathlib import Path

from civicloop.kernel.label import Label
from civicloop.kernel.registry.loop import Loop, Role
from civicloop.loops.{name}.metrics import METRICS
from civicloop.loops.{name}.process import PROCESS

LOOP = Loop(
    name="{name}",
    label=Label("{zh}", "{en}"),
    sentence=Label("{zh}：有人提出，有人办结。", "{en}: somebody asks, somebody sees it done."),
    processes=(PROCESS,),
    roles=(
        Role("intake", Label("受理员", "Intake officer"), "/{name}"),
        Role("shift_head", Label("值班长", "Shift head"), "/{name}"),
    ),
    folder=Path(__file__).parent,
    metrics=METRICS,
)
'''

PROCESS = '''"""{en}: opened, then closed by somebody else than who opened it."""

from __future__ import annotations

from civicloop.kernel.cases.process import NOTE, Action, Field, Label, Limit, Process, State, days, hours

SUBJECT = Field("subject", Label("事由", "Subject"), "text")

PROCESS = Process(
    "{name}",
    Label("{zh}", "{en}"),
    purpose=Label("请写明这个流程为谁办什么事。", "Say for whom this process does what."),
    fields=(SUBJECT,),
    states=(
        State("opened", Label("已提出", "Opened"), start=True),
        State("closed", Label("已办结", "Closed"), closes=True),
        State("archived", Label("已归档", "Archived"), final=True),
    ),
    actions=(
        Action(
            "open", Label("提出", "Open"), "-> opened", by="intake, shift_head", evidence=(SUBJECT,), sets=("subject",)
        ),
        Action(
            "close", Label("办结", "Close"), "opened -> closed", by="shift_head", evidence=(NOTE,), not_by=("open",), key="c"
        ),
        Action("archive", Label("归档", "Archive"), "closed -> archived", by="clock"),
    ),
    limits=(
        Limit("answer", Label("办理时限", "To be done"), start="opened", stop="closed", within=hours(24)),
        Limit(
            "keep", Label("保留期", "Kept for"), start="closed", stop="archived", within=days(30),
            on_breach="archive", waits=True,
        ),
    ),
)  # fmt: skip
'''

METRICS = '''"""The first figure of the {name} loop."""

from __future__ import annotations

from civicloop.kernel.figures.metric import Condition, Elapsed, Metric
from civicloop.kernel.label import Label
from civicloop.loops.{name}.process import PROCESS

METRICS: tuple[Metric, ...] = (
    Metric(
        "{name}_mean_hours",
        Label("{zh}：平均办理时间", "{en}: mean time to close"),
        Label("从提出到办结的平均时间（小时）。", "Mean hours from opening to closing."),
        PROCESS.name,
        "mean",
        Label("小时", "hours"),
        Elapsed("opened_at", "closed_at"),
        (Condition("closed_at", "known"),),
        period="closed_at",
        direction="less",
    ),
)
'''

README = """# {en} ({zh})

Purpose: say for whom this loop does what, and what makes a case closed.

Parties: who opens, who closes. Standards: none yet. Known limits: it opens and closes, and no more.
"""

TEST = '''"""The {name} loop by example."""

from __future__ import annotations

from civicloop.loops.{name}.process import PROCESS


def test_a_case_is_closed_by_somebody_else() -> None:
    assert PROCESS.action("close").not_by == ("open",)
    assert PROCESS.state("closed").closes
'''


def arguments(parser: argparse.ArgumentParser) -> None:
    """The loop's name, its labels, and the pack that is to carry it."""
    parser.add_argument("name", help="lower-case letters, digits and underscores")
    parser.add_argument("--zh", default="", help="its name in Chinese")
    parser.add_argument("--en", default="", help="its name in English")


def run(given: argparse.Namespace, settings: Settings) -> int:
    """Writes the folder, its release and its page, adds it to the pack, and says what to do next."""
    folder = lay_out(given.name, given.zh, given.en, settings.pack)
    print(f"{folder}: edit process.py, then run 'civicloop migrate draft' and 'civicloop docs'")
    return 0


def lay_out(name: str, zh: str, en: str, pack: str) -> Path:
    """Makes the loop's folder and returns it; ValueError for a name that can't be one or is taken."""
    if not re.fullmatch(r"[a-z][a-z0-9_]{1,30}", name):
        raise ValueError(
            f"{name!r} is no name: use lower-case letters, digits and underscores, such as tree_care"
        )
    folder = LOOPS / name
    if folder.exists():
        raise ValueError(f"there is a loop {name!r} already, in {folder}")
    pack_file = PACKS / pack / "pack.toml"
    text = pack_file.read_text("utf-8")
    listed = re.search(r"^loops = \[(.*)\]$", text, re.MULTILINE)
    if listed is None:
        raise ValueError(f"{pack_file} has no line 'loops = [...]' to add the loop to")
    words = {"name": name, "en": en or name.replace("_", " ").capitalize(), "zh": zh or en or name}
    (folder / "migrations").mkdir(parents=True)
    files = {
        "__init__.py": INIT,
        "process.py": PROCESS,
        "metrics.py": METRICS,
        "README.md": README,
        f"test_{name}.py": TEST,
    }
    for file, content in files.items():
        (folder / file).write_text(content.format(**words), "utf-8")
    pack_file.write_text(text.replace(listed[0], f'loops = [{listed[1]}, "{name}"]'), "utf-8")
    _release(name)
    return folder


def _release(name: str) -> None:
    loop = find([name]).loops[name]
    draft(loop)
    path = docs.ROOT / "docs" / "loops" / f"{name}.md"
    path.write_text(docs.page(loop), "utf-8")
