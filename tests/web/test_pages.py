"""Every page: who may open it, what it costs, that hostile text stays text."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from hosts.facts.guest import RunState
from hosts.models import Errand, Guest, Host, Sighting
from hosts.reading.hosts import host_rows
from hosts.words.badges import CONTACT_BADGES
from hosts.words.contact import closed
from kvmweb.ui.inserts import filled
from migrations_app.reading.dashboard import host_bars
from migrations_app.reading.guests import guest_rows
from migrations_app.reading.migrations import active_migrations
from tests.web import seed
from tests.web.conftest import client_of
from tests.web.pages import flat


def addresses(scene: dict[str, Any]) -> list[str]:
    return [
        "/",
        "/hosts/",
        *(f"/hosts/{host.pk}/" for host in (scene["a"], scene["c"], scene["d"])),
        f"/pools/{scene['a'].pools.first().pk}/",
        "/vms/",
        *(f"/vms/{scene[name].pk}/" for name in ("web", "idle", "lost", "hostile", "rtl")),
        "/migrations/",
        *(
            f"/migrations/{scene[name].pk}/"
            for name in ("running", "queued", "done", "failed", "blocked", "cancelled", "attention", "hurt")
        ),
        f"/preflights/{scene['report'].pk}/",
    ]


def operator_addresses(scene: dict[str, Any]) -> list[str]:
    return [f"/vms/{scene['idle'].pk}/migrate/"]


def admin_addresses(scene: dict[str, Any]) -> list[str]:
    return ["/hosts/add/", f"/hosts/{scene['a'].pk}/edit/", f"/migrations/{scene['attention'].pk}/close/"]


def test_a_viewer_opens_every_page(scene: dict[str, Any], as_viewer: Client) -> None:
    for address in addresses(scene):
        assert as_viewer.get(address).status_code == 200, address


def test_a_host_s_pages_are_drawn_without_what_other_apps_show_there(
    scene: dict[str, Any], as_viewer: Client, settings: Any
) -> None:
    host, moving = f"/hosts/{scene['a'].pk}/", f'href="/migrations/{scene["running"].pk}/"'
    assert moving in as_viewer.get(host).content.decode()
    settings.KVMWEB_INSERTS = {name: [] for name in settings.KVMWEB_INSERTS}
    for address in ("/hosts/", host, f"/pools/{scene['a'].pools.first().pk}/"):
        text = flat(as_viewer.get(address))
        assert moving not in text
        assert 'id="alarms" role="status"> </div>' in text


def test_what_fills_a_place_is_escaped_unless_it_is_html(settings: Any) -> None:
    settings.KVMWEB_INSERTS = {"place": ["kvmweb.ui.html.icon", "html.unescape"]}
    text = filled("place", "&lt;b&gt;")  # type: ignore[arg-type]  stands for the request
    assert text.startswith("<svg")
    assert text.endswith("</svg>&lt;b&gt;")


def test_who_has_no_role_sees_nothing(scene: dict[str, Any]) -> None:
    client = client_of(seed.make_person("stan", None))
    for address in [*addresses(scene), *operator_addresses(scene), *admin_addresses(scene)]:
        assert client.get(address).status_code == 403, address


def test_without_login_every_page_leads_to_the_login(scene: dict[str, Any]) -> None:
    for address in [*addresses(scene), *operator_addresses(scene), *admin_addresses(scene)]:
        answer = Client().get(address)
        assert answer.status_code == 302, address
        assert answer.headers["Location"].startswith("/accounts/login/?next="), address


def test_moving_needs_the_operator_role(scene: dict[str, Any], as_viewer: Client, as_operator: Client) -> None:
    for address in operator_addresses(scene):
        assert as_viewer.get(address).status_code == 403, address
        assert as_operator.get(address).status_code == 200, address
    cancel = f"/migrations/{scene['running'].pk}/cancel/"
    assert as_viewer.post(cancel).status_code == 403
    scene["running"].refresh_from_db()
    assert scene["running"].cancel_requested_at is None


def test_hosts_are_managed_by_admins(scene: dict[str, Any], as_operator: Client, as_admin: Client) -> None:
    for address in admin_addresses(scene):
        assert as_operator.get(address).status_code == 403, address
        assert as_admin.get(address).status_code == 200, address
    assert as_operator.post("/hosts/add/", {"name": "kvm-x"}).status_code == 403
    assert as_operator.post(f"/hosts/{scene['d'].pk}/host-key/").status_code == 403
    assert as_operator.post(f"/hosts/{scene['d'].pk}/remove/").status_code == 403


def test_a_post_without_the_form_s_token_changes_nothing(scene: dict[str, Any]) -> None:
    client = client_of(scene["admin"], enforce_csrf_checks=True)
    posts = [
        "/hosts/add/",
        "/vms/forget/",
        f"/hosts/{scene['a'].pk}/edit/",
        f"/hosts/{scene['a'].pk}/refresh/",
        f"/hosts/{scene['a'].pk}/host-key/",
        f"/hosts/{scene['a'].pk}/remove/",
        "/hosts/introductions/",
        f"/pools/{scene['a'].pools.first().pk}/volumes/",
        f"/vms/{scene['idle'].pk}/migrate/",
        f"/vms/{scene['idle'].pk}/preflight/",
        f"/migrations/{scene['running'].pk}/cancel/",
        f"/migrations/{scene['attention'].pk}/look/",
        f"/migrations/{scene['attention'].pk}/close/",
        "/accounts/logout/",
    ]
    for address in posts:
        answer = client.post(address, {})
        assert answer.status_code == 403, address
        assert "Nothing was changed" in answer.content.decode(), address


def test_looking_never_changes_anything(scene: dict[str, Any], as_admin: Client) -> None:
    for address in (f"/hosts/{scene['a'].pk}/refresh/", f"/migrations/{scene['running'].pk}/cancel/"):
        assert as_admin.get(address).status_code == 405, address
    assert not Errand.objects.exists()


def test_hostile_names_stay_text(scene: dict[str, Any], as_admin: Client) -> None:
    pages = [*addresses(scene), *operator_addresses(scene), f"/vms/{scene['hostile'].pk}/migrate/"]
    shown = 0
    for address in pages:
        text = as_admin.get(address).content.decode()
        assert "<img src=x" not in text, address
        assert "<script>alert" not in text, address
        shown += "&lt;img src=x" in text
    assert shown >= 4


def test_an_unknown_thing_is_not_found_in_words(scene: dict[str, Any], as_viewer: Client) -> None:
    for address in ("/hosts/999/", "/migrations/999/", "/vms/00000000-0000-0000-0000-000000000000/", "/pools/999/"):
        answer = as_viewer.get(address)
        assert answer.status_code == 404, address
        assert "This page does not exist" in answer.content.decode()


def test_the_address_of_a_button_is_refused_in_words_with_a_way_back(as_viewer: Client) -> None:
    answer = as_viewer.get("/migrations/1/cancel/")
    assert (answer.status_code, answer["Allow"], answer["Cache-Control"]) == (405, "POST", "no-store")
    text = answer.content.decode()
    assert "This address is not a page" in text
    assert 'href="/">Go to the dashboard' in text


@pytest.mark.django_db(transaction=True)
async def test_the_address_of_a_button_is_refused_in_words_in_the_server_too(scene: dict[str, Any]) -> None:
    client = AsyncClient()
    await client.aforce_login(scene["viewer"])
    answer = await client.get("/migrations/1/cancel/")
    assert (answer.status_code, "This address is not a page" in answer.content.decode()) == (405, True)


def test_an_empty_installation_shows_the_one_next_step(admin: Any, viewer: Any) -> None:
    text = flat(client_of(admin).get("/"))
    assert "Add the first host" in text
    assert "Migrating now" not in text
    assert "An admin can add hosts." in client_of(viewer).get("/").content.decode()


@pytest.mark.parametrize("address", ["/", "/vms/", "/vms/?q=vm-1&sort=-here&state=running", "/hosts/", "/migrations/"])
def test_pages_cost_the_same_with_many_vms(scene: dict[str, Any], as_viewer: Client, address: str) -> None:
    """The number of queries does not depend on the number of rows, and stays small."""
    before = _queries(as_viewer, address)
    for number in range(120):
        seed.make_guest(f"vm-{number:04d}", scene["a"] if number % 2 else scene["b"])
    for number in range(8):
        seed.make_host(f"more-{number}", number=50 + number)
    after = _queries(as_viewer, address)
    assert after == before
    assert after <= 15


def _queries(client: Client, address: str) -> int:
    client.get(address)
    with CaptureQueriesContext(
        connection,
    ) as caught:
        assert client.get(address).status_code == 200
    return len(caught)


def test_the_strict_policy_is_sent(as_viewer: Client) -> None:
    policy = as_viewer.get("/").headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "script-src 'self'" in policy


def test_the_broken_page_needs_no_database() -> None:
    from kvmweb.web.errors import broken

    answer = broken(None)  # type: ignore[arg-type]
    assert answer.status_code == 500
    assert "libvirt continues them" in answer.content.decode()


def test_refresh_asks_the_watcher_once(scene: dict[str, Any], as_viewer: Client) -> None:
    address = f"/hosts/{scene['a'].pk}/refresh/"
    assert as_viewer.post(address).headers["Location"] == f"/hosts/{scene['a'].pk}/"
    as_viewer.post(address)
    assert Errand.objects.filter(host=scene["a"], what=Errand.What.REFRESH).count() == 1
    assert "refreshing" in as_viewer.get(f"/hosts/{scene['a'].pk}/").content.decode()


def test_volumes_are_listed_on_demand(scene: dict[str, Any], as_viewer: Client) -> None:
    pool = scene["a"].pools.get(name="testvms")
    assert "web-01.qcow2" in as_viewer.get(f"/pools/{pool.pk}/").content.decode()
    as_viewer.post(f"/pools/{pool.pk}/volumes/")
    assert Errand.objects.filter(what=Errand.What.VOLUMES, pool="testvms").exists()


def test_the_vms_list_finds_by_name_uuid_mac_and_host(scene: dict[str, Any], as_viewer: Client) -> None:
    web: Guest = scene["web"]
    for words in ("web-0", str(web.pk)[:13], web.nics[0]["mac"], "kvm-a web"):
        text = as_viewer.get("/vms/", {"q": words}).content.decode()
        assert f"/vms/{web.pk}/" in text, words
        assert f"/vms/{scene['off'].pk}/" not in text, words


def test_the_vms_list_filters_by_host_and_state(scene: dict[str, Any], as_viewer: Client) -> None:
    text = as_viewer.get("/vms/", {"host": scene["b"].pk, "state": "shut off"}).content.decode()
    assert f"/vms/{scene['off'].pk}/" in text
    assert f"/vms/{scene['idle'].pk}/" not in text
    assert "No VM matches" in as_viewer.get("/vms/", {"q": "nothing like this"}).content.decode()


@pytest.mark.parametrize("column", ["run_state", "name", "here", "run_address", "run_cpu", "memory_kib", "run_memory"])
def test_the_vms_list_sorts_by_every_column(scene: dict[str, Any], as_viewer: Client, column: str) -> None:
    for sort in (column, f"-{column}"):
        assert "aria-sort" in as_viewer.get("/vms/", {"sort": sort}).content.decode()


def test_what_cannot_be_seen_is_shown_as_old(scene: dict[str, Any], as_viewer: Client) -> None:
    text = as_viewer.get(f"/vms/{scene['lost'].pk}/").content.decode()
    assert "Was running" in text
    assert "which is not reachable" in text


def test_what_a_silent_host_has_is_not_called_active(scene: dict[str, Any], as_viewer: Client) -> None:
    away = scene["c"]
    for address in (f"/hosts/{away.pk}/", f"/pools/{away.pools.get(name='testvms').pk}/"):
        text = as_viewer.get(address).content.decode()
        assert "Was active" in text
        assert "state-ok" not in text.partition("<main")[2]
    assert "Was active" not in as_viewer.get(f"/hosts/{scene['a'].pk}/").content.decode()


@pytest.mark.parametrize(("reason", "badge"), [("migration", "Paused (migrating)"), ("starting up", "Paused")])
def test_a_vm_on_its_way_is_where_it_runs(reason: str, badge: str, scene: dict[str, Any], as_viewer: Client) -> None:
    """libvirt shows the copy that arrives as a paused VM of the destination."""
    web, source, target = scene["web"], scene["a"], scene["b"]
    before = {host.pk: host.running for host in host_rows(scene["viewer"])}
    copy = seed.see(web, target, state=RunState.PAUSED)
    Sighting.objects.filter(pk=copy.pk).update(reason=reason, seen_at=timezone.now() + timedelta(seconds=5))
    web.refresh_from_db()
    assert web.current_sighting().host == source
    assert guest_rows(scene["viewer"]).get(pk=web.pk).here == source.name
    assert {host.pk: host.running for host in host_rows(scene["viewer"])} == before
    bars = {bar.host.pk: bar for bar in host_bars(scene["viewer"], active_migrations(scene["viewer"]))}
    drawn = {pk: [part.kind for part in bar.segments if part.guest == web.pk] for pk, bar in bars.items()}
    assert (drawn[source.pk], drawn[target.pk]) == (["leaving"], ["arriving"])
    row = as_viewer.get(f"/hosts/{target.pk}/").content.decode().partition(">web-01</a>")[0].rpartition("<tr")[2]
    assert badge in row
    Sighting.objects.filter(pk=copy.pk).update(gone_since=timezone.now())
    Sighting.objects.filter(guest=web, host=source).update(state=RunState.PAUSED, reason="migration")
    assert {
        host.pk: host.running for host in host_rows(scene["viewer"])
    } == before  # a failed migration left it like this
    Sighting.objects.filter(pk=copy.pk).update(gone_since=None)
    Sighting.objects.filter(guest=web, host=source).update(state=RunState.PAUSED, reason="post-copy")
    Sighting.objects.filter(pk=copy.pk).update(state=RunState.RUNNING, reason="post-copy", seen_at=timezone.now())
    assert Guest.objects.get(pk=web.pk).current_sighting().host == target


def test_a_host_that_was_never_read_shows_no_numbers(scene: dict[str, Any], as_viewer: Client) -> None:
    """Registered by a loopback address (a tunnel), which no other host could use either."""
    host = Host.objects.create(name="tunnel", transport="tcp", address="127.0.0.1", port=16511, contact="away")
    page = as_viewer.get(f"/hosts/{host.pk}/").content.decode()
    assert "VMs cannot migrate to this host until you enter one" in page
    assert "Not read yet." in page
    row = as_viewer.get("/hosts/?q=tunnel").content.decode().split("tunnel</a>")[1].split("</tr>")[0]
    assert "0" not in re.sub(r"<[^>]*>", "", row)


def test_a_refused_login_has_the_same_words_everywhere(db: None, viewer: Any) -> None:
    text = "192.0.2.7 did not let kvm log in. On 192.0.2.7, add kvmweb's public key to ~/.ssh/authorized_keys of kvm."
    host = seed.make_host("kvm-x", number=7, contact=Host.Contact.DENIED, contact_text=text)
    guest = seed.make_guest("shut-out", host)
    seed.make_host("kvm-y", number=8)
    client = client_of(viewer)

    def told(address: str) -> str:
        return " ".join(re.sub(r"<[^>]*>", " ", unescape(client.get(address).content.decode())).split())

    assert text in told(f"/hosts/{host.pk}/")
    for address in ("/hosts/", "/", f"/hosts/{host.pk}/"):
        assert "Login refused" in told(address)
        assert "kvm-x refuses kvmweb's login, last contact" in told(address)  # the strip of alarms
    assert "on kvm-x , which refuses kvmweb's login; last seen" in told(f"/vms/{guest.pk}/")
    assert "kvm-x refuses kvmweb's login." in told("/vms/")


def test_the_text_of_libvirt_is_behind_details(scene: dict[str, Any], as_viewer: Client) -> None:
    page = as_viewer.get(f"/hosts/{scene['c'].pk}/").content.decode()
    said, details = page.split('<details class="fold" id="contact-details">')
    assert "libvirtd is not running there" in said
    assert "Connection refused" not in said
    assert "Connection refused" in details.split("</details>")[0]


def test_a_new_host_key_stands_beside_the_trusted_one(scene: dict[str, Any], as_viewer: Client, admin: Any) -> None:
    new = "SHA256:" + "b" * 43
    Host.objects.filter(pk=scene["d"].pk).update(offered_fingerprint=new)
    address = f"/hosts/{scene['d'].pk}/"
    told = " ".join(re.sub(r"<[^>]*>", " ", as_viewer.get(address).content.decode()).split())
    assert f"do not trust it. New key {new} Trusted key {scene['d'].fingerprint} On the host" in told
    assert "An admin can trust the new key." in told
    assert "The fingerprints match: trust this key" in client_of(admin).get(address).content.decode()


def test_numbers_of_a_host_that_is_not_connected_are_grey(scene: dict[str, Any], as_viewer: Client) -> None:
    rows = as_viewer.get("/hosts/").content.decode().split("<tr")
    old = {name: any(f">{name}</a>" in row and "is-old" in row for row in rows) for name in ("kvm-a", "kvm-c", "kvm-d")}
    assert old == {"kvm-a": False, "kvm-c": True, "kvm-d": True}


def test_a_connected_host_that_was_not_read_for_long_is_an_alarm(db: None, viewer: Any) -> None:
    """Its watcher hangs: what pages call connected and running is as old as that."""
    host = seed.make_host("kvm-x", number=7)
    assert "was last read" not in client_of(viewer).get("/").content.decode()
    Host.objects.filter(pk=host.pk).update(seen_at=timezone.now() - timedelta(minutes=5))
    page = " ".join(client_of(viewer).get("/").content.decode().split())
    assert "kvm-x was last read" in page
    assert "so its data is old." in page


@pytest.mark.parametrize("contact", list(Host.Contact))
def test_every_contact_has_a_badge_and_words(contact: Host.Contact, db: None, viewer: Any) -> None:
    host = seed.make_host("kvm-x", number=7, contact=contact)
    page = client_of(viewer).get("/hosts/").content.decode()
    assert CONTACT_BADGES[contact].label == contact.label
    assert contact.label in page
    assert ('<li class="alarm' in page) == (contact not in (Host.Contact.ANSWERS, Host.Contact.NEVER))
    assert bool(closed(host)) == (contact != Host.Contact.ANSWERS)


def test_whether_hosts_can_be_emptied_is_unknown_while_one_is_unread(db: None, viewer: Any) -> None:
    first, second = seed.make_host("first", number=81), seed.make_host("second", number=82)
    assert "Enough spare memory to empty any one host." in client_of(viewer).get("/").content.decode()
    Host.objects.filter(pk=second.pk).update(contact="away")
    page = client_of(viewer).get("/").content.decode()
    assert "kvmweb cannot tell whether a host can be emptied:" in page
    assert second.name in page.split("can be emptied")[1]
    Host.objects.filter(pk=first.pk).update(memory_free_kib=0)
    page = client_of(viewer).get("/").content.decode()
    assert "kvmweb cannot tell whether" in page, "a host that is not reachable has memory that nobody knows, not none"
    assert "0 B free" not in page.split("can be emptied")[1].split("</p>")[0]
    Host.objects.update(contact="away", memory_free_kib=0)
    page = client_of(viewer).get("/").content.decode()
    assert "0 B free" not in page
    assert page.count("not connected, last read") == 2


def test_parts_of_the_bars_are_named_links_and_rows_of_a_table(scene: dict[str, Any], as_viewer: Client) -> None:
    page = flat(as_viewer.get("/"))
    link = f'<a href="/vms/{scene["web"].pk}/"'
    assert f'{link} aria-label="web-01, 4 GiB, migrating to another host" >' in page
    assert f'{link} aria-label="web-01, 4 GiB, migrating to this host" >' in page
    table = page.split('id="bars-table"')[1]
    assert re.search(rf"{link}\s*>\s*web-01\s*</a>", table)
    assert "migrating to this host" in table


def test_the_history_filters_by_state_host_vm_and_person(scene: dict[str, Any], as_viewer: Client) -> None:
    def shown(**query: Any) -> set[int]:
        text = as_viewer.get("/migrations/", query).content.decode()
        live = text[text.index('id="live"') :]
        names = ("running", "queued", "done", "failed", "blocked", "cancelled", "attention", "hurt")
        return {scene[name].pk for name in names if f'"/migrations/{scene[name].pk}/"' in live}

    assert shown(state="active") == {scene[name].pk for name in ("running", "queued", "attention")}
    assert shown(state="failed") == {scene["failed"].pk}
    assert shown(q="web") == {scene["running"].pk}
    assert shown(person="ada") == {scene["failed"].pk}
    assert shown(host=scene["c"].pk) == {scene["attention"].pk}


def test_a_host_s_key_is_compared_and_confirmed(scene: dict[str, Any], as_admin: Client) -> None:
    host: Host = scene["d"]
    text = as_admin.get(f"/hosts/{host.pk}/").content.decode()
    assert host.offered_fingerprint in text
    offered = host.offered_fingerprint
    as_admin.post(f"/hosts/{host.pk}/host-key/", {"fingerprint": "SHA256:another"})
    host.refresh_from_db()
    assert host.offered_fingerprint == offered
    as_admin.post(f"/hosts/{host.pk}/host-key/", {"fingerprint": offered})
    host.refresh_from_db()
    assert (host.fingerprint, host.offered_fingerprint) == (offered, "")
