"""A walk through every action of a process from every state it is legal in, with a fault at every point on the way.

The state machine tries what chance brings; the walk leaves nothing out. It prefers what it has done least, from a
seeded stream, until each action of people has been struck at each of its points in each state.
"""

from __future__ import annotations

from civicloop.kernel.cases.process import Process
from civicloop.kernel.derive.plan import ActionPlan, PlanValue
from civicloop.kernel.derive.routes import people_of
from civicloop.kernel.people.roles import Actor
from civicloop.kernel.store.faults import Point
from civicloop.kernel.time.clock import DAY
from tests.kernel.derived_acting import Acting, Chance, about
from tests.kernel.derived_world import Modelled, Prepare

Step = tuple[str, str, str]  # process, state, action


def moves_on(point: Point) -> bool:
    """Whether the case has moved after a fault here: such a point comes last, the others can be tried in a row."""
    return point in (Point.BEGUN, Point.BEFORE_COMMIT, Point.AFTER_COMMIT)


class Walker(Acting):
    """The walk; `walker` gives it a process."""

    def __init__(self, seed: str) -> None:
        self.chance = Chance(seed)
        self.done: dict[Step, int] = {}
        self.left: dict[Step, list[Point]] = {}
        for planned in self.plans.values():
            actions = {a.action: a for a in planned.actions}
            here = self.reachable(planned)
            for state in (s for s in planned.states if s.state in here):
                for name, _ in state.legal if state.state else ():
                    if actions[name].right_roles:
                        self.left[planned.process, state.state, name] = sorted(
                            actions[name].points, key=moves_on
                        )
        # An import's and a fact's own actions are not part of the walk.
        self.declared = {
            (p.name, a.name) for p in self.processes for a in p.actions
            if people_of(a) or a.roles & {"clock", "children"}
        }  # fmt: skip
        self.begin()

    def reachable(self, planned: PlanValue) -> set[str]:
        """The states that people, the clock and children lead to: a former system's own are an import's."""
        process = next(p for p in self.processes if p.name == planned.process)
        found, new = {""}, {""}
        while new:
            new = {
                target
                for state in planned.states if state.state in new
                for name, targets in state.legal if process.action(name).roles != {"importer"}
                for target in targets
            } - found  # fmt: skip
            found |= new
        return found

    def walk(self, most: int) -> int:
        """Walks until nothing is left, at most so many steps; how many it took."""
        for number in range(most):
            if number % 10 == 0:
                self.the_chain_is_whole()
                self.history_leads_to_the_state_by_declared_moves()
                self.every_effect_and_event_has_its_message()
                self.look()
                if not any(self.left.values()) and self.declared <= self.succeeded:
                    return number
            if not self.step():
                self.begin_again()
        return most

    def begin_again(self) -> None:
        """A fresh district: the old one has only ended cases."""
        self.end()
        self.begin()
        self.open_one(self.chance)

    def step(self) -> bool:
        """One action, the least done of those that are legal somewhere; False when there is none."""
        if sum(self.goes_on(c) for c in self.cases.values()) < 3:
            self.open_one(self.chance)
        options: list[tuple[Step, str]] = []
        for case_id, known in self.cases.items():
            for name, _ in self.state_plan(known.process, known.state).legal:
                if self.action_plan(known.process, name).right_roles:
                    options.append(((known.process, known.state, name), case_id))
        if not options or len(self.cases) > 24:
            return False
        if self.chance.whole(0, 30) == 0 or self.only_time_is_left():
            self.passes()
            return True
        # What still has a point left, else what leads there soonest, else what was done least.
        far = [self.distance(step, self.cases[case_id]) for step, case_id in options]
        if (
            min(far) > len(self.process.states)
            and any(self.left.values())
            and self.chance.pick((False, True))
        ):
            self.passes()  # people's ways from here lead to nothing new; perhaps the clock's do
            return True
        wanted = [o for o, distance in zip(options, far, strict=True) if distance == min(far)]
        if self.chance.whole(0, 3) == 0:
            wanted = options  # what is nearest may be what a rule forbids here
        least = min(self.done.get(step, 0) for step, _ in wanted)
        (process, _, name), case_id = self.chance.pick([o for o in wanted if self.done.get(o[0], 0) == least])
        self.take(case_id, self.cases[case_id], self.action_plan(process, name))
        return True

    def passes(self) -> None:
        """Time goes on: a day, or as long as the longest wait."""
        self.world.clock.advance(self.chance.pick((1, 11)) * DAY)
        self.tick()

    def distance(self, step: Step, known: Modelled) -> int:
        """How many steps of people from here until one has a point left: 0 for this one itself."""
        process, state, name = step
        if self.left[step]:
            return 0
        states = {s.state: s for s in self.plans[process].states}
        here = states[state]
        front = {known.previous} if name in here.returns else set(next(t for n, t in here.legal if n == name))
        seen: set[str] = set()
        for far in range(1, len(states) + 1):
            if any(self.left.get((process, at, n)) for at in front for n, _ in states[at].legal):
                return far
            seen |= front
            front = {
                target for at in front for n, targets in states[at].legal
                if (process, at, n) in self.left and n not in states[at].returns for target in targets
            } - seen  # fmt: skip
        return len(states) + 1

    def only_time_is_left(self) -> bool:
        """Whether people have done all they can, and a case stands where the clock has yet to do what it never did."""
        missing = self.declared - self.succeeded
        return not any(self.left.values()) and any(
            (known.process, name) in missing
            and "clock" in self.engine.processes[known.process].action(name).roles
            for known in self.cases.values()
            for name, _ in self.state_plan(known.process, known.state).legal
        )

    def goes_on(self, case: Modelled) -> bool:
        return (
            case.process == self.process.name
            and case.parent is None
            and not self.state_plan(case.process, case.state).final
        )

    def take(self, case_id: str, known: Modelled, action: ActionPlan) -> None:
        """Performs the action, struck at each point that is left for it; the last one that goes through moves the case."""
        here = self.state_plan(known.process, known.state)
        step = (known.process, known.state, action.action)
        self.done[step] = self.done.get(step, 0) + 1
        targets = next(t for name, t in here.legal if name == action.action)
        if action.action in here.returns:
            targets = (known.previous,)
        role = self.chance.pick(action.right_roles)
        if self.due(case_id):
            self.tick()
            return
        people = [self.actor(known.process, action, number, role, case_id) for number in range(1, 5)]
        # The fifth has done nothing yet, however often the others have been round.
        free = [p for p in people if not self.same_person(case_id, action, p)]
        actor = self.chance.pick(free or [self.actor(known.process, action, 5 + self.keys, role, case_id)])
        if action.merges and not self.others(case_id):
            return
        self.struck_or_done(case_id, step, action, targets, actor)

    def others(self, case_id: str) -> list[str]:
        """The cases that this one could follow."""
        process = self.cases[case_id].process
        return [
            i for i, c in self.cases.items()
            if i != case_id and c.process == process and c.master is None
            and not self.state_plan(process, c.state).final
        ]  # fmt: skip

    def struck_or_done(
        self, case_id: str, step: Step, action: ActionPlan, targets: tuple[str, ...], actor: Actor
    ) -> None:
        left = self.left[step]
        for point in [*left, action.points[0]]:
            given = self.evidence(self.chance, action, case_id)
            if action.merges:
                field = next(d.field for d in action.evidence if d.making == "case")
                given[field] = self.chance.pick(self.others(case_id))
            struck, moved = self.strike(case_id, action, targets, actor, given, point, 0, mends=False)
            if struck and point in left:
                left.remove(point)
            if moved:
                return


def walker(process: Process, *children: Process, prepare: Prepare | None = None) -> type[Walker]:
    """The walk of a process with its children beside it; see `derived_machine.machine`."""
    return type(f"Walk_{process.name}", (Walker,), about(process, *children, prepare=prepare))
