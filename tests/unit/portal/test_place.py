"""Which host a team's wish leads to, and why."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from portal.domain.place import NO_HOST, NO_HOST_AT_SITE, NO_STORAGE, NOT_NOW, VM, Candidate, Wanted, place
from portal.domain.states import Wish

GIB = 1024 * 1024
WEB = VM(here=1, needs_kib=2 * GIB)
A = Candidate(host=1, name="kvm-a", site="south", memory_free_kib=4 * GIB, memory_total_kib=8 * GIB)
B = replace(A, host=2, name="kvm-b", site="north")
C = replace(A, host=3, name="kvm-c", site="north", memory_free_kib=6 * GIB)
AWAY = Wanted(wish=Wish.AWAY)


def test_the_host_with_the_most_memory_left_is_chosen() -> None:
    found = place(WEB, [A, B, C], AWAY)
    assert (found.chosen, found.text) == (3, "")
    assert [(one.name, one.fits) for one in found.explanations] == [("kvm-c", True), ("kvm-b", True), ("kvm-a", False)]
    assert found.explanations[0].why == "kvm-c has 4.0 GiB of memory free afterwards, and no migration now."
    assert found.explanations[2].why == "kvm-a has the VM now."


def test_a_busy_host_comes_later_and_equal_ones_by_name() -> None:
    assert place(WEB, [A, B, replace(C, in_flight=1)], AWAY).chosen == 2
    assert place(WEB, [replace(C, memory_free_kib=4 * GIB), B], AWAY).chosen == 2


def test_what_is_migrating_to_a_host_has_its_memory_already() -> None:
    found = place(WEB, [A, replace(B, coming_kib=3 * GIB)], AWAY)
    assert (found.chosen, found.text) == (None, NO_HOST)
    assert found.explanations[0].why == "kvm-b has too little memory free beside what is migrating to it." or (
        found.explanations[1].why == "kvm-b has too little memory free beside what is migrating to it."
    )


def test_a_vm_that_is_shut_off_needs_no_memory() -> None:
    assert place(replace(WEB, needs_kib=0), [A, replace(B, memory_free_kib=0)], AWAY).chosen == 2


def test_what_was_seen_on_a_host_counts() -> None:
    found = place(WEB, [B, replace(C, against=("has no network lan", "is not reachable"))], AWAY)
    assert found.chosen == 2
    assert found.explanations[1].why == "kvm-c has no network lan, is not reachable."


def test_a_site_and_storage() -> None:
    assert place(WEB, [A, B, C], Wanted(wish=Wish.SITE, value="south")).text == NO_HOST_AT_SITE
    assert place(WEB, [A, B, C], Wanted(wish=Wish.SITE, value="north")).chosen == 3
    fast = Wanted(wish=Wish.STORAGE, value="fast")
    assert place(WEB, [A, B, C], fast).text == NO_STORAGE
    with_pool = [replace(one, pools=frozenset({"fast"})) for one in (A, B)]
    assert place(WEB, with_pool, fast).chosen == 1
    assert place(WEB, [A, with_pool[1]], fast).chosen == 2


def test_the_earlier_choice_stays_and_what_the_check_refused_does_not_come_again() -> None:
    assert place(WEB, [A, B, C], replace(AWAY, before=2)).chosen == 2
    found = place(WEB, [A, B, C], replace(AWAY, before=2, tried={2: "Bridge br1 is missing."}))
    assert found.chosen == 3
    assert "The preflight check for kvm-b found: Bridge br1 is missing." in [one.why for one in found.explanations]


def test_a_vm_that_cannot_migrate_at_all() -> None:
    held = replace(WEB, held="PCI device 0000:01:00.0 belongs to kvm-a.")
    assert place(held, [A, B], AWAY).text == NOT_NOW
    assert place(replace(WEB, here=None), [A, B], AWAY).text == NOT_NOW
    assert place(WEB, [], AWAY).text == NO_HOST


candidates = st.lists(
    st.builds(
        Candidate,
        host=st.integers(1, 9),
        name=st.sampled_from(["kvm-a", "kvm-b", "kvm-c"]),
        site=st.sampled_from(["", "north", "south"]),
        against=st.sampled_from([(), ("is not reachable",)]),
        memory_free_kib=st.integers(0, 64 * GIB),
        memory_total_kib=st.integers(0, 64 * GIB),
        coming_kib=st.integers(0, 64 * GIB),
        in_flight=st.integers(0, 9),
        pools=st.sampled_from([frozenset[str](), frozenset({"fast"})]),
    ),
    max_size=6,
    unique_by=lambda one: one.host,
)
wishes = st.builds(
    Wanted,
    wish=st.sampled_from(Wish),
    value=st.sampled_from(["north", "fast"]),
    before=st.sampled_from([None, 1, 2]),
    tried=st.sampled_from([{}, {2: "no"}]),
)
vms = st.builds(
    VM, here=st.sampled_from([None, 1]), held=st.sampled_from(["", "Held."]), needs_kib=st.integers(0, 64 * GIB)
)


@given(vm=vms, hosts=candidates, wanted=wishes)
def test_whatever_was_seen(vm: VM, hosts: list[Candidate], wanted: Wanted) -> None:
    found = place(vm, hosts, wanted)
    assert found == place(vm, reversed(hosts), wanted), "the order in which hosts are read changes nothing"
    assert sorted(one.host for one in found.explanations) == sorted(one.host for one in hosts)
    assert (found.chosen is None) == (found.text != "") == (not any(one.fits for one in found.explanations))
    assert "kvm-" not in found.text
    assert all(one.why.endswith((".", "no")) for one in found.explanations)
    chosen = next((one for one in hosts if one.host == found.chosen), None)
    if chosen is None:
        return
    assert not chosen.against
    assert chosen.host not in wanted.tried
    assert vm.here is not None
    assert not vm.held
    if chosen.host == vm.here:
        assert wanted.wish is Wish.STORAGE
    else:
        assert chosen.memory_free_kib - chosen.coming_kib >= vm.needs_kib
    if wanted.wish is Wish.SITE:
        assert chosen.site == wanted.value
    if wanted.wish is Wish.STORAGE:
        assert wanted.value in chosen.pools


@given(hosts=candidates, wanted=wishes)
def test_more_memory_never_makes_the_chosen_host_worse(hosts: list[Candidate], wanted: Wanted) -> None:
    found = place(WEB, hosts, wanted)
    roomier = [replace(one, coming_kib=0) if one.host == found.chosen else one for one in hosts]
    assert place(WEB, roomier, wanted).chosen == found.chosen
