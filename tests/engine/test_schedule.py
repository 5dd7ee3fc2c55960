"""Distribution of cases to workers: each runs exactly once, whatever dies when."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from ipc_gauntlet.engine.schedule import CaseSchedule


class FakeNode:
    """A worker that starts a case only when it knows what comes next, like the real ones."""

    def __init__(self, name: str, collection: Sequence[str]) -> None:
        self.name = name
        self.collection = list(collection)
        self.queue: list[int | None] = []
        self.shutting_down = False

    def send_runtest_some(self, indices: Sequence[int]) -> None:
        """Take orders."""
        self.queue += indices

    def shutdown(self) -> None:
        """Take the last order."""
        self.shutting_down = True
        self.queue.append(None)

    @property
    def runnable(self) -> bool:
        """Whether it can start its next case."""
        return len(self.queue) >= 2 and self.queue[0] is not None


class World:
    """A schedule and its workers; workers can die and are replaced, like by pytest-xdist."""

    def __init__(self, workers: int, names: Sequence[str], timing: Sequence[str], clocks: int = 1) -> None:
        self.names = list(names)
        self.schedule = CaseSchedule(workers, names, timing, clocks)
        self.ran: list[tuple[str, str]] = []
        self.died: list[str] = []
        self.count = 0
        for _ in range(workers):
            self.add()

    def add(self) -> None:
        """Start a worker."""
        self.count += 1
        node = FakeNode(f"gw{self.count}", self.names)
        self.schedule.add_node(node)
        self.schedule.add_node_collection(node, node.collection)
        self.schedule.schedule()
        self._settle()

    def nodes(self) -> list[FakeNode]:
        """The workers at work."""
        return [node for node in self.schedule.nodes if isinstance(node, FakeNode)]

    def step(self, node: FakeNode, *, die: bool = False) -> None:
        """Let a worker run its next case, or die in it."""
        index = node.queue.pop(0)
        assert index is not None
        name = node.collection[index]
        self.schedule.note_started(name)
        if die:
            victim = self.schedule.remove_node(node)
            assert victim == name
            self.died.append(name)
            self.add()
        else:
            self.ran.append((node.name, name))
            self.schedule.mark_test_complete(node, index)
        self._settle()

    def _settle(self) -> None:
        """What pytest-xdist does after each event."""
        for node in self.nodes():
            if node.queue[:1] == [None]:
                assert self.schedule.remove_node(node) is None
        if self.schedule.tests_finished:
            for node in self.nodes():
                if not node.shutting_down:
                    node.shutdown()


@given(st.integers(1, 4), st.integers(0, 30), st.integers(0, 10), st.data())
def test_each_case_runs_exactly_once(workers: int, plain: int, timing: int, data: st.DataObject) -> None:
    """Whatever the order of events and whoever dies: every case runs once or is the one its worker died in."""
    serial = [f"t{number}" for number in range(timing)]
    names = [f"p{number}" for number in range(plain)] + serial
    world = World(workers, names, serial)
    for _ in range(10 * len(names) + 10):
        runnable = [node for node in world.nodes() if node.runnable]
        if not runnable:
            break
        node = data.draw(st.sampled_from(runnable))
        world.step(node, die=len(world.died) < 5 and data.draw(st.integers(0, 9)) == 0)
    ended = [name for _, name in world.ran] + world.died
    assert sorted(ended) == sorted(names)
    assert not world.schedule.has_pending


@given(st.integers(2, 4), st.integers(1, 12), st.integers(0, 20), st.data())
def test_timing_cases_share_one_worker(workers: int, timing: int, plain: int, data: st.DataObject) -> None:
    """As long as nobody dies, all cases that measure time run in the same worker, in order."""
    serial = [f"t{number}" for number in range(timing)]
    world = World(workers, [*serial, *(f"p{number}" for number in range(plain))], serial)
    while runnable := [node for node in world.nodes() if node.runnable]:
        world.step(data.draw(st.sampled_from(runnable)))
    places = [(worker, name) for worker, name in world.ran if name in serial]
    assert len({worker for worker, _ in places}) == 1
    assert [name for _, name in places] == serial


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 20), st.data())
def test_several_workers_may_measure_time(
    workers: int, clocks: int, timing: int, data: st.DataObject
) -> None:
    """No more workers than allowed measure time, and all cases run."""
    serial = [f"t{number}" for number in range(timing)]
    world = World(workers, serial, serial, clocks)
    while runnable := [node for node in world.nodes() if node.runnable]:
        world.step(data.draw(st.sampled_from(runnable)))
    assert sorted(name for _, name in world.ran) == sorted(serial)
    assert len({worker for worker, _ in world.ran}) <= clocks


def test_a_worker_that_dies_between_cases_takes_none_along() -> None:
    """A case that only waited in the dead worker's queue is given to another one, not blamed."""
    world = World(2, [f"p{number}" for number in range(6)], [])
    node = world.nodes()[0]
    assert world.schedule.remove_node(node) is None
    world.add()
    while runnable := [node for node in world.nodes() if node.runnable]:
        world.step(runnable[0])
    assert sorted(name for _, name in world.ran) == [f"p{number}" for number in range(6)]


def test_a_worker_that_collected_less_is_not_asked_for_the_rest() -> None:
    """A case that a worker does not know is left out by it; the run then reports it as lost."""
    schedule = CaseSchedule(1, ["a", "b"], [])
    node = FakeNode("gw0", ["b"])
    schedule.add_node(node)
    schedule.add_node_collection(node, ["b"])
    schedule.schedule()
    assert node.queue == [0, None]


def test_a_case_that_is_given_back_runs_again() -> None:
    """The interface's way to repeat a case works."""
    schedule = CaseSchedule(1, ["a", "b", "c", "d", "e", "f"], [])
    node = FakeNode("gw0", ["a", "b", "c", "d", "e", "f"])
    schedule.add_node(node)
    schedule.add_node_collection(node, node.collection)
    schedule.schedule()
    schedule.mark_test_complete(node, 0)
    schedule.mark_test_pending("a")
    for index in (1, 2, 3, 4):
        schedule.mark_test_complete(node, index)
    assert 0 in node.queue[1:]
