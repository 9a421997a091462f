"""The sessions that give the caches of cachetools a real shallow copy."""

from typing import Any

from setpoint.demo.authoring import (
    OPUS,
    OTHER,
    SONNET,
    Turn,
    edit,
    hand_in,
    judged,
    read,
    recording,
    say,
    search,
    shell,
    write,
)
from setpoint.model.change import AcceptanceTests, Change, TestClaim
from setpoint.model.review import CheckAnswer, Probe, Review, Verdict
from setpoint.model.session import Role
from setpoint.model.spec import Diagnosis
from setpoint.model.ticket import Criterion, SourceTag

SOURCE = "src/cachetools/__init__.py"
PATH = "tests/test_copy.py"
ALL = "python -m pytest -q -p no:cacheprovider"
SHOWN = (
    "python -c 'import copy, threading, cachetools; c = cachetools.LRUCache(2); c.lock = threading.Lock(); "
    "print(copy.copy(c).lock is c.lock)'"
)
PROBE = (
    "python -c 'import copy, pickle, cachetools; c = cachetools.TLRUCache(9, lambda k, v, t: t + 9, lambda: 1.0); "
    "[c.__setitem__(k % 5, k) for k in range(40)]; d = copy.copy(c); e = copy.copy(d); d.clear(); c.pop(0); "
    "print(len(c), len(d), len(e), sorted(e.items()) == [(k, 35 + k) for k in range(5)])'"
)
THREADS = (
    "python -c 'import copy, cachetools; c = cachetools.LFUCache(3); c.update({1: 1, 2: 2, 3: 3}); c[1]; c[1]; c[2]; "
    "d = copy.copy(c); d[3]; d[3]; d[3]; print([c.popitem()[0] for _ in range(3)], [d.popitem()[0] for _ in range(3)])'"
)

DIAGNOSIS = Diagnosis(
    symptom="`copy.copy()` of a cache with an attribute that cannot be deep-copied raises TypeError, and attributes "
    "that can are duplicated instead of shared.",
    reproduction=f"`{SHOWN}` ends with TypeError: cannot pickle '_thread.lock' object.",
    cause=f"{SOURCE}, Cache.__copy__ calls copy.deepcopy and only names what must not be copied: keys, values and the "
    "known functions. Everything else of the instance, such as a subclass's own attributes, is deep-copied. The "
    "overrides in RRCache, _TimedCache and TLRUCache only lengthen that list.",
    places=(f"{SOURCE}:115", f"{SOURCE}:367", f"{SOURCE}:441", f"{SOURCE}:708", "CHANGELOG.rst:1"),
    criteria=(
        Criterion(
            id="FR-001",
            text="The copy of a cache or of a subclass has the same type, and extra attributes, keys, values, "
            "getsizeof, choice, ttu and the timer's function are the very same objects.",
            source=SourceTag.USER,
            quote="The copy has the same type; extra attributes, keys, values, `getsizeof`, and the functions "
            "`choice`, `timer` and `ttu` are the very same objects.",
        ),
        Criterion(
            id="FR-002",
            text="Adding to, deleting from or evicting from source or copy changes neither contents, currsize nor "
            "per-item sizes of the other.",
            source=SourceTag.USER,
            quote="The bookkeeping is not shared: adding to, deleting from or evicting from one leaves the other's "
            "contents",
        ),
        Criterion(
            id="FR-003",
            text="The copy evicts in the order in which its source would, and its items expire at the same time.",
            source=SourceTag.USER,
            quote="The copy evicts in the same order as its source would, and items expire at the same time.",
        ),
        Criterion(
            id="FR-004",
            text="The copy's timer is an object of its own around the same function: freezing one does not freeze "
            "the other.",
            source=SourceTag.USER,
            quote="The copy's `timer` is an object of its own around the same function",
        ),
        Criterion(
            id="NFR-001",
            text="deepcopy and pickling behave as before.",
            source=SourceTag.USER,
            quote="`deepcopy` and pickling are unchanged.",
        ),
        Criterion(
            id="SC-001",
            text="CHANGELOG.rst has an entry.",
            source=SourceTag.USER,
            quote="Change-log entry, please.",
        ),
    ),
    must_stay=(
        "__reduce__ and __setstate__ of links and timers, which deepcopy and pickle use",
        "Amortised costs of all operations; a copy is linear in the number of items",
        "The type stubs: __copy__ is not in them",
    ),
    approach="Cache.__copy__ makes an instance without __init__, shares its attributes (slots of subclasses too) and "
    "copies the two dictionaries. Each class with bookkeeping of its own copies that in an override: order and index "
    "by copy(), the linked lists of LFU and TTL link by link in their order, TLRU's heap item by item in place, the "
    "timer anew.",
    checks=(f"{ALL} {PATH}", ALL),
    paths=("src/cachetools/**", "tests/**", "CHANGELOG.rst", "docs/**"),
)

TESTS = '''"""copy.copy() of caches: attributes are shared, the bookkeeping is not."""

import copy
import threading

from cachetools import (
    Cache,
    FIFOCache,
    LFUCache,
    LRUCache,
    RRCache,
    TLRUCache,
    TTLCache,
)


class Clock:
    def __init__(self):
        self.now = 0
        self.name = object()  # reached through the cache's timer

    def __call__(self):
        return self.now


def size_of(value):
    return value[0]


def time_to_use(key, value, now):
    return now + 10 + key


def with_lock(cls):
    """A subclass with attributes that cannot be deep-copied, or must not be."""

    class Locked(cls):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.lock = threading.Lock()
            self.tags = ["shared"]

    return Locked


def all_caches(maxsize, getsizeof=None):
    clock = Clock()
    return [
        *(with_lock(cls)(maxsize, getsizeof) for cls in (Cache, FIFOCache, LFUCache, LRUCache)),
        with_lock(RRCache)(maxsize, max, getsizeof),
        *timed_caches(maxsize, clock, getsizeof),
    ]


def timed_caches(maxsize, clock, getsizeof=None):
    return [
        with_lock(TTLCache)(maxsize, 10, clock, getsizeof),
        with_lock(TLRUCache)(maxsize, time_to_use, clock, getsizeof),
    ]


def copied(source):
    try:
        return copy.copy(source)
    except TypeError as error:
        raise AssertionError(f"{type(source)} cannot be copied: {error}") from error


def drained(cache):
    return [cache.popitem() for _ in range(len(cache))]


def test_everything_but_the_bookkeeping_is_the_very_same_object():
    key, value = (1, "key"), [1, "value"]
    for source in all_caches(9, size_of)[:-1]:
        source[key] = value
        other = copied(source)
        assert other is not source
        assert type(other) is type(source)
        assert other.lock is source.lock
        assert other.tags is source.tags
        assert other.getsizeof is source.getsizeof
        assert next(iter(other)) is key
        assert other[key] is value
        for name in ("choice", "ttu"):
            assert getattr(other, name, None) is getattr(source, name, None)


def test_functions_of_the_cache_are_shared():
    clock = Clock()
    for source in timed_caches(3, clock):
        other = copied(source)
        assert other.timer.name is clock.name
        assert getattr(other, "ttu", None) is getattr(source, "ttu", None)
        assert getattr(other, "ttl", None) == getattr(source, "ttl", None)


def test_attributes_in_slots_are_shared_too():
    class Slotted(LRUCache):
        __slots__ = ("__hidden", "lock", "unset")

        def __init__(self, maxsize):
            super().__init__(maxsize)
            self.lock = threading.Lock()
            self.__hidden = self.lock

        def hidden(self):
            return self.__hidden

    source = Slotted(2)
    other = copied(source)
    assert other.lock is source.lock
    assert other.hidden() is source.lock
    assert not hasattr(other, "unset")


def test_neither_changes_the_other():
    for make in (all_caches, lambda size, sizes: [copied(c) for c in all_caches(size, sizes)]):
        for one in make(9, size_of):
            one.update({1: (1,), 2: (2,), 3: (3,)})
            two = copied(one)
            for changed, kept in ((one, two), (two, one)):
                before = dict(kept.items())
                changed[1] = (2,)
                del changed[2]
                changed[4] = (4,)  # 2 + 3 + 4: full
                assert changed.currsize == 9
                assert (dict(kept.items()), kept.currsize) == (before, 6)
                changed.clear()
                assert (dict(kept.items()), kept.currsize, len(kept)) == (before, 6, 3)
                changed.update(before)
            del two[3]
            assert (one.currsize, two.currsize) == (6, 3)
            del one[1]
            assert (one.currsize, two.currsize) == (5, 3)


def test_evicting_leaves_the_other_alone():
    for source in all_caches(3):
        source.update({1: 1, 2: 2, 3: 3})
        other = copied(source)
        other[4] = 4
        assert dict(source.items()) == {1: 1, 2: 2, 3: 3}
        assert len(other) == other.currsize == 3
        source.update({5: 5, 6: 6, 7: 7})
        assert len(source) == source.currsize == 3
        assert 4 in other


def test_both_evict_in_the_same_order():
    for source in all_caches(8):
        source.update({n: n for n in range(8)})
        for n in (3, 3, 3, 5, 5, 0, 6):
            assert source[n] == n
        source[2] = 2
        del source[4]
        twin, again = copied(source), copied(copied(source))
        order = drained(source)
        assert len(order) == 7
        assert drained(twin) == drained(again) == order


def test_items_expire_at_the_same_time():
    for at in (0, 1):
        clock = Clock()
        source = timed_caches(9, clock)[at]
        for n in (3, 1, 2):
            source[n] = n
            clock.now += 1
        source[1] = 1
        del source[2]
        source[2] = 2
        other = copied(source)
        for clock.now in range(clock.now, 20):
            assert list(other) == list(source)
            assert (len(other), other.currsize) == (len(source), source.currsize)
        assert len(other) == 0


def test_expired_items_are_told_by_both():
    for at in (0, 1):
        clock = Clock()
        source = timed_caches(9, clock)[at]
        source.update({1: "a", 2: "b"})
        other = copied(source)
        clock.now = 50
        assert other.expire() == source.expire() != []


def test_freezing_one_timer_does_not_freeze_the_other():
    for at in (0, 1):
        clock = Clock()
        source = timed_caches(9, clock)[at]
        source[1] = 1
        with source.timer:
            other = copied(source)
            clock.now = 50
            assert 1 in source
            assert 1 not in other
            assert other.timer() == 50
        assert source.timer is not other.timer
        with other.timer:
            clock.now = 60
            assert (source.timer(), other.timer()) == (60, 50)
'''


def claim(name: str, proves: tuple[str, ...], what: str) -> TestClaim:
    """A claim about a test of the new file."""
    return TestClaim(id=f"{PATH}::{name}", proves=proves, what=what)


CLAIMS = AcceptanceTests(
    tests=(
        claim(
            "test_everything_but_the_bookkeeping_is_the_very_same_object",
            ("FR-001",),
            "Type, lock, tags, getsizeof, key, value and choice of subclasses.",
        ),
        claim("test_functions_of_the_cache_are_shared", ("FR-001",), "The timer's function, ttu and ttl."),
        claim("test_attributes_in_slots_are_shared_too", ("FR-001",), "A subclass with slots, one unset, one private."),
        claim(
            "test_neither_changes_the_other",
            ("FR-002",),
            "Set, delete and clear on either, with sizes, also for copies of copies.",
        ),
        claim("test_evicting_leaves_the_other_alone", ("FR-002",), "Eviction on either side, all seven classes."),
        claim(
            "test_both_evict_in_the_same_order", ("FR-003",), "popitem until empty, after uses, updates and deletes."
        ),
        claim("test_items_expire_at_the_same_time", ("FR-003",), "Iteration and size at every tick of a clock."),
        claim("test_expired_items_are_told_by_both", ("FR-003",), "expire() of both returns the same pairs."),
        claim("test_freezing_one_timer_does_not_freeze_the_other", ("FR-004",), "Both ways, also copied while frozen."),
    ),
    files=(PATH,),
    unproven=(
        "NFR-001: it holds before the mend too; the deepcopy and pickle tests of tests/__init__.py hold it for all "
        "classes",
        "SC-001: a line of documentation, seen in the diff",
    ),
)

CACHE_BEFORE = """    def __copy__(self, *shared):
        import copy

        shared = (self.getsizeof, *shared, *self.__data, *self.__data.values())
        return copy.deepcopy(self, {id(obj): obj for obj in shared})
"""
CACHE_AFTER = """    # A shallow copy shares all attributes but the bookkeeping, which
    # each Cache subclass has to copy for itself.

    def __copy__(self):
        copy = type(self).__new__(type(self))
        copy.__dict__.update(self.__dict__)
        for cls in type(self).__mro__:
            for slot in vars(cls).values():
                if isinstance(slot, types.MemberDescriptorType):
                    try:
                        slot.__set__(copy, slot.__get__(self))
                    except AttributeError:  # not set
                        pass
        copy.__data = self.__data.copy()
        if self.__size is not None:
            copy.__size = self.__size.copy()
        return copy
"""
ORDER_COPY = """        self.__order = collections.OrderedDict()

    def __copy__(self):
        copy = Cache.__copy__(self)
        copy.__order = self.__order.copy()
        return copy

"""
FIFO_HEAD = '''class FIFOCache(Cache):
    """First In First Out (FIFO) cache implementation."""

    def __init__(self, maxsize, getsizeof=None):
        Cache.__init__(self, maxsize, getsizeof)
'''
LRU_HEAD = '''class LRUCache(Cache):
    """Least Recently Used (LRU) cache implementation."""

    def __init__(self, maxsize, getsizeof=None):
        Cache.__init__(self, maxsize, getsizeof)
'''
ORDER = "        self.__order = collections.OrderedDict()\n\n"
LFU_BEFORE = """        self.__root = root = LFUCache._Link(0)  # sentinel
        root.prev = root.next = root
        self.__links = {}

"""
LFU_AFTER = (
    LFU_BEFORE
    + """    def __copy__(self):
        copy = Cache.__copy__(self)
        copy.__root = root = LFUCache._Link(0)
        root.prev = root.next = root
        copy.__links = {}
        curr = self.__root.next
        while curr is not self.__root:
            link = LFUCache._Link(curr.count)
            link.keys = curr.keys.copy()
            link.next = root
            link.prev = prev = root.prev
            prev.next = root.prev = link
            copy.__links.update(dict.fromkeys(link.keys, link))
            curr = curr.next
        return copy

"""
)
RR_BEFORE = """    def __copy__(self, *shared):
        return Cache.__copy__(self, self.__choice, *shared)
"""
RR_AFTER = """    def __copy__(self):
        copy = Cache.__copy__(self)
        copy.__index = self.__index.copy()
        copy.__keys = self.__keys.copy()
        return copy
"""
TIMED_BEFORE = """    def __copy__(self, *shared):
        # share the timer function, which is all a _Timer reduces to
        return Cache.__copy__(self, *self.__timer.__reduce__()[1], *shared)
"""
TIMED_AFTER = """    def __copy__(self):
        copy = Cache.__copy__(self)
        # share the timer function, which is all a _Timer reduces to
        copy.__timer = _TimedCache._Timer(*self.__timer.__reduce__()[1])
        return copy
"""
TTL_BEFORE = """        self.__links = collections.OrderedDict()
        self.__ttl = ttl

"""
TTL_AFTER = (
    TTL_BEFORE
    + """    def __copy__(self):
        copy = _TimedCache.__copy__(self)
        copy.__root = root = TTLCache._Link()
        root.prev = root.next = root
        # by time of use, while the links themselves are by time of expiry
        copy.__links = collections.OrderedDict.fromkeys(self.__links)
        curr = self.__root.next
        while curr is not self.__root:
            copy.__links[curr.key] = link = TTLCache._Link(curr.key, curr.expires)
            link.next = root
            link.prev = prev = root.prev
            prev.next = root.prev = link
            curr = curr.next
        return copy

"""
)
TLRU_BEFORE = """    def __copy__(self, *shared):
        return _TimedCache.__copy__(self, self.__ttu, *shared)
"""
TLRU_AFTER = """    def __copy__(self):
        copy = _TimedCache.__copy__(self)
        copies = {id(item): item.copy() for item in self.__order}
        copy.__order = [copies[id(item)] for item in self.__order]
        copy.__items = collections.OrderedDict(
            (key, copies[id(item)]) for key, item in self.__items.items()
        )
        return copy
"""
ITEM_BEFORE = """        def __lt__(self, other):
            return self.expires < other.expires
"""
ITEM_AFTER = (
    ITEM_BEFORE
    + """
        def copy(self):
            copy = TLRUCache._Item(self.key, self.expires)
            copy.removed = self.removed
            return copy
"""
)
LOG_BEFORE = "v7.3.1 (2026-11-12)\n===================\n"
LOG_AFTER = (
    """v7.3.2 (UNRELEASED)
===================

- Fix shallow copies of caches, which deep-copied all attributes but
  keys, values and functions (since v7.3.1): attributes are shared with
  the original, and only internal state is copied.


"""
    + LOG_BEFORE
)

REVIEW = Review(
    summary="copy.copy() shares what the ticket says and copies the bookkeeping of all seven classes. Order of "
    "eviction and of expiry are those of the source, ties included. deepcopy and pickle go the way they went before.",
    checks=(
        CheckAnswer(
            check="business logic and requirements",
            tried="each bullet of the ticket on all seven classes",
            result="holds",
        ),
        CheckAnswer(
            check="edge cases and assumptions",
            tried="empty caches, copies of copies, removed items in TLRU's heap, slots, a copy made while time is "
            "frozen",
            result="holds",
        ),
        CheckAnswer(
            check="API contract",
            tried="the stubs do not name __copy__; its arguments were not documented",
            result="holds",
        ),
        CheckAnswer(check="validation", tried="there is no input", result="does not apply"),
        CheckAnswer(check="security", tried="nothing is evaluated or unpickled", result="does not apply"),
        CheckAnswer(check="database and migrations", tried="there is none", result="does not apply"),
        CheckAnswer(check="error handling", tried="a slot that was never set stays unset", result="holds"),
        CheckAnswer(
            check="concurrency and async",
            tried="as before, a cache is not safe without a lock around it",
            result="holds",
        ),
        CheckAnswer(check="performance", tried="each copy is linear; nothing is sorted", result="holds"),
        CheckAnswer(check="tests", tried="took each edit back in turn: the suite goes red each time", result="holds"),
        CheckAnswer(
            check="happy path only", tried="frozen time, expired items and unset slots are tested", result="holds"
        ),
        CheckAnswer(
            check="architecture and conventions",
            tried="explicit base calls and local names as in the file",
            result="holds",
        ),
    ),
    probes=(
        Probe(command=SHOWN, outcome="True"),
        Probe(command=PROBE, outcome="4 0 5 True"),
        Probe(command=THREADS, outcome="[3, 2, 1] [2, 1, 3]"),
        Probe(command=ALL, outcome="435 passed"),
    ),
)

EDITS = (
    edit(SOURCE, "import random\nimport time\n", "import random\nimport time\nimport types\n"),
    edit(SOURCE, CACHE_BEFORE, CACHE_AFTER),
    edit(SOURCE, FIFO_HEAD + ORDER, FIFO_HEAD + ORDER_COPY),
    edit(SOURCE, LFU_BEFORE, LFU_AFTER),
    edit(SOURCE, LRU_HEAD + ORDER, LRU_HEAD + ORDER_COPY),
    edit(SOURCE, RR_BEFORE, RR_AFTER),
    edit(SOURCE, TIMED_BEFORE, TIMED_AFTER),
    edit(SOURCE, TTL_BEFORE, TTL_AFTER),
    edit(SOURCE, ITEM_BEFORE, ITEM_AFTER),
    edit(SOURCE, TLRU_BEFORE, TLRU_AFTER),
    edit("CHANGELOG.rst", LOG_BEFORE, LOG_AFTER),
)

TURNS = (
    Turn(
        "diagnosis",
        OPUS,
        (
            say(
                "The failure, then every place that has a word in copying.",
                shell(SHOWN, contains="cannot pickle", failed=True),
                search("__copy__|__reduce__|__setstate__", SOURCE, contains="def __copy__(self, *shared)"),
                search("copy", "tests/__init__.py", contains="def test_copy"),
            ),
            say(
                "Seven classes keep their own bookkeeping; I read each before I say how it is copied.",
                read(SOURCE, start=25, lines=100, contains="copy.deepcopy"),
                read(SOURCE, start=179, lines=133, contains="class LFUCache"),
                read(SOURCE, start=358, lines=90, contains="self.__choice"),
                read(SOURCE, start=488, lines=142, contains="class TTLCache"),
                read(SOURCE, start=630, lines=105, contains="self.__ttu"),
            ),
            say("", search("__copy__", "src/cachetools", contains="__init__.py"), shell(ALL, contains="426 passed")),
            hand_in(DIAGNOSIS),
        ),
    ),
    judged(
        "diagnosis",
        Verdict(
            compared=(
                "symptom with the ticket's first paragraph: both halves",
                "FR-001 to FR-004 with the bullets under Expected, word by word",
                "NFR-001 with the last bullet; SC-001 with the change-log sentence",
                "cause with Cache.__copy__: deepcopy with a list of exceptions",
                "paths with approach: source, tests and change log are inside",
            ),
        ),
        read(SOURCE, start=113, lines=8, contains="copy.deepcopy"),
    ),
    Turn(
        "tests",
        SONNET,
        (
            say("", read("tests/__init__.py", start=502, lines=45, contains="def test_copy")),
            say(
                "All seven classes, each as a subclass with a lock: that is what cannot be copied today.",
                write(PATH, TESTS),
            ),
            say("", shell(f"{ALL} {PATH}", contains="9 failed", failed=True)),
            hand_in(CLAIMS),
        ),
    ),
    judged(
        "tests",
        Verdict(
            compared=(
                "FR-001 with three tests: attributes, functions, slots",
                "FR-002 with two tests: changes on either side, and eviction",
                "FR-003 with three tests: eviction order, expiry at every tick, expire()",
                "FR-004 with the timer test, both ways",
                "NFR-001 and SC-001 are given as unproven with sound reasons",
            ),
        ),
        read(PATH, lines=60, contains="def with_lock"),
    ),
    Turn(
        "implementation",
        SONNET,
        (
            say(
                "", search("__copy__", SOURCE, contains="def __copy__(self, *shared)"), read("CHANGELOG.rst", lines=12)
            ),
            say("The base class first, then each class its own bookkeeping, in the order of the file.", *EDITS),
            say("", shell(f"{ALL} {PATH}", contains="9 passed"), shell(ALL, contains="435 passed")),
            hand_in(
                Change(
                    summary="`copy.copy()` of a cache is a real shallow copy again: attributes of the instance are "
                    "shared, subclasses' own and those in slots included, and each class copies its bookkeeping. The "
                    "order of eviction and expiry is the source's; the timer is a new object around the same function.",
                    ran=(f"{ALL} {PATH}: 9 passed", f"{ALL}: 435 passed"),
                    documentation="CHANGELOG.rst: an entry for v7.3.2.",
                )
            ),
        ),
    ),
    judged(
        "implementation",
        Verdict(
            compared=(
                "the diagnosis's approach with each class of the diff: base class first, bookkeeping in each",
                "the nine approved tests with the code: no value of theirs stands in it",
                "CHANGELOG.rst with the diff: an entry",
            ),
        ),
    ),
    Turn(
        "review",
        OTHER,
        (
            say(
                "",
                search("def __copy__", SOURCE, contains="def __copy__(self):"),
                read(SOURCE, start=108, lines=24, contains="MemberDescriptorType"),
                read("CHANGELOG.rst", lines=10, contains="v7.3.2"),
                shell(ALL, contains="435 passed"),
            ),
            say(
                "A heap with many removed items, a copy of a copy, and use counts that part after the copy.",
                shell(SHOWN, contains="True"),
                shell(PROBE, contains="4 0 5 True"),
                shell(THREADS, contains="[3, 2, 1] [2, 1, 3]"),
            ),
            hand_in(REVIEW),
        ),
        role=Role.REVIEWER,
    ),
)


def build() -> dict[str, Any]:
    """The recording."""
    about = "A hotfix in the package cachetools: copy.copy() of a cache is a shallow copy."
    return recording(about, "cachetools-shallow-copy", TURNS)
