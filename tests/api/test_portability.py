"""A user's data taken out as a file, and erased with a receipt."""

import json
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId
from django.conf import settings
from django.test import override_settings
from pymongo.database import Database
from rest_framework.test import APIClient
from support.management import run
from support.requests import check_error
from support.threads import together

from chabad_auth_django.exceptions import UserNotFound, ValidationError
from chabad_auth_django.models import Activity, AppData, Deletion, User
from chabad_auth_django.services.lifecycle import deletion, portability, receipts

EXPORT, ERASURE = "/api/users/me/export/", "/api/users/me/erasure/"


@pytest.fixture
def busy(owner: User, raw: Database) -> User:
    """The owner, with something in several collections."""
    AppData.upsert_app_data(owner.id, "cteen", "settings", {"a": [1]})
    now = datetime.now(UTC)
    rows = [{"userId": owner.id, "timestamp": now, "eventType": f"{n}"} for n in range(3_000)]
    raw.activities.insert_many(rows)
    return owner


def path_of(user: User) -> str:
    return f"/api/users/{user.id}/erasure/"


class TestExport:
    def test_it_is_the_file_of_the_command(
        self, api: APIClient, busy: User, tmp_path: Path
    ) -> None:
        path = tmp_path / "user.json"
        assert run("chabad_export_user", busy.email, "--output", path).code == 0
        response = api.get(EXPORT)
        sent = response.getvalue()
        assert response["Content-Type"] == "application/json"
        assert response["Content-Disposition"] == f'attachment; filename="user-{busy.id}.json"'
        assert response["Cache-Control"] == "private, no-store"
        # The first line has the time.
        assert sent.splitlines()[1:-1] == path.read_bytes().splitlines()[1:-1]
        content = portability.check(file=BytesIO(sent))
        assert content.user_id == busy.id
        assert json.loads(sent)["counts"] == content.counts
        assert (content.counts["users"], content.counts["activities"]) == (1, 3_000)

    def test_it_comes_in_small_pieces(self, api: APIClient, busy: User) -> None:
        sizes = list(map(len, api.get(EXPORT).streaming_content))
        assert len(sizes) > 5
        assert max(sizes) < 2 * portability.PIECE

    def test_a_head_request_has_the_headers_alone(
        self, api: APIClient, owner: User, settings: Any
    ) -> None:
        settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.middleware.common.CommonMiddleware"]
        response = api.head(EXPORT)
        assert (response.status_code, response.getvalue()) == (200, b"")
        assert "Content-Disposition" in response
        # Nobody knows the length yet, and it is not 0.
        assert "Content-Length" not in response

    def test_half_a_file_is_not_taken_for_a_whole_one(self, api: APIClient, busy: User) -> None:
        pieces = api.get(EXPORT).streaming_content
        sent = next(pieces)
        busy.delete()
        with pytest.raises(UserNotFound):
            for piece in pieces:
                sent += piece
        with pytest.raises(ValidationError):
            portability.check(file=BytesIO(sent))

    def test_an_administrator_takes_out_whom_there_is(
        self, login: Any, admin: User, busy: User
    ) -> None:
        client = login(admin)
        sent = client.get(f"/api/users/{busy.id}/export/").getvalue()
        assert portability.check(file=BytesIO(sent)).user_id == busy.id
        for user in (ObjectId(), "nobody", "%00"):
            check_error(client.get(f"/api/users/{user}/export/"), 404)


class TestErasure:
    def test_the_owner_is_gone_at_once_and_told_what_went(
        self, api: APIClient, busy: User, raw: Database
    ) -> None:
        response = api.post(ERASURE)
        receipt = response.json()
        assert response.status_code == 202
        assert list(receipt) == [
            *("userId", "requestedAt", "finishedAt", "deleted", "left", "auditEntries")
        ]
        assert (receipt["userId"], receipt["finishedAt"]) == (str(busy.id), None)
        assert receipt["deleted"]["users"] == receipt["deleted"]["profiles"] == 1
        assert receipt["deleted"]["activities"] == 3_000
        assert set(receipt["left"].values()) == {0}
        check_error(api.get(ERASURE), 401)
        stored = {name for name in raw.list_collection_names() if raw[name].find_one()}
        assert stored == {"audit_log", "deletions"}

    def test_an_administrator_reads_the_final_receipt(
        self, login: Any, admin: User, busy: User
    ) -> None:
        client, path = login(admin), path_of(busy)
        check_error(client.get(path), 404, "not_found")
        begun = client.post(path).json()
        assert client.get(path).json() == begun
        list(deletion.run())
        final = client.get(path).json()
        assert final == {**begun, "finishedAt": final["finishedAt"]}
        assert final["finishedAt"] > begun["requestedAt"]

    def test_the_same_again_begins_nothing_new(self, login: Any, admin: User, busy: User) -> None:
        client, path = login(admin), path_of(busy)
        begun = client.post(path).json()
        for _ in range(2):
            again = client.post(path)
            assert (again.status_code, again.json()) == (202, {**begun, "finishedAt": None})
        list(deletion.run())
        final = client.post(path).json()
        assert final["finishedAt"] is not None
        assert final == client.get(path).json()
        assert Deletion.count_jobs() == 0

    def test_many_at_once_begin_one(self, login: Any, admin: User, busy: User) -> None:
        clients = [login(admin) for _ in range(8)]
        answers = together([lambda client=client: client.post(path_of(busy)) for client in clients])
        assert {answer.status_code for answer in answers} == {202}
        assert len({answer.json()["requestedAt"] for answer in answers}) == 1
        assert {answer.json()["deleted"]["users"] for answer in answers} == {1}

    def test_an_external_id_is_no_id(self, login: Any, admin: User, raw: Database) -> None:
        digits = "a" * 24
        bob = User.create_user(email="bob@example.org", merkos_user_id=digits)
        client, path = login(admin), f"/api/users/{digits}/erasure/"
        check_error(client.post(path), 404, "user_not_found")
        assert User.find_by_id(bob.id) is not None
        # Nor is it one while he is being erased, and somebody else has the id.
        raw.users.insert_one({"_id": ObjectId(digits), "email": "other@example.org"})
        client.post(path_of(bob))
        assert client.post(path).json()["userId"] == digits
        assert User.find_by_id(digits) is None

    def test_what_takes_longer_goes_on_in_the_background(
        self, login: Any, admin: User, busy: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(receipts, "REQUEST_PURGE_SECONDS", 0.1)
        with override_settings(CHABAD_AUTH=settings.CHABAD_AUTH | {"PURGE_BATCH_SIZE": 1}):
            receipt = login(admin).post(path_of(busy)).json()
        deleted, left = receipt["deleted"]["activities"], receipt["left"]["activities"]
        assert deleted + left == 3_000
        assert left > 0
        list(deletion.run())
        receipt = login(admin).get(path_of(busy)).json()
        assert (receipt["deleted"]["activities"], receipt["left"]["activities"]) == (3_000, 0)

    def test_the_receipt_waits_until_the_command_has_printed_it(
        self, login: Any, admin: User, busy: User
    ) -> None:
        client = login(admin)
        client.post(path_of(busy))
        list(deletion.run())
        names = (busy.email, str(busy.id))
        found = run("chabad_verify_erasure", *names, "--json")
        assert (found.code, found.json["deletions"]) == (0, [str(busy.id)])
        final = client.get(path_of(busy)).json()
        assert run("chabad_erase_user", str(busy.id), "--yes", "--json").json["receipts"] == [final]
        assert run("chabad_verify_erasure", *names).code == 0
        check_error(client.get(path_of(busy)), 404)

    def test_who_has_the_address_now_is_not_the_one_who_was_erased(
        self, api: APIClient, busy: User
    ) -> None:
        api.post(ERASURE)
        list(deletion.run())
        new = User.create_user(email=busy.email)
        refused = run("chabad_erase_user", busy.email, "--yes", "--json")
        assert refused.code == 2
        assert str(new.id) in refused.err
        assert str(busy.id) in refused.err
        (receipt,) = run("chabad_erase_user", busy.id, "--yes", "--json").json["receipts"]
        assert receipt["userId"] == str(busy.id)
        assert User.find_by_email(busy.email) == new

    def test_who_was_imported_again_gets_another_receipt(
        self, login: Any, admin: User, busy: User, tmp_path: Path
    ) -> None:
        client, path = login(admin), path_of(busy)
        file = tmp_path / "user.json"
        file.write_bytes(client.get(f"/api/users/{busy.id}/export/").getvalue())
        client.post(path)
        list(deletion.run())
        first = client.get(path).json()
        assert run("chabad_import_user", file).code == 0
        Activity.objects(user_id=busy.id).delete()
        second = client.post(path).json()
        assert second["finishedAt"] is None
        assert second["requestedAt"] > first["finishedAt"]
        assert second["deleted"]["activities"] == 0

    def test_an_idempotency_key_gives_the_first_answer_again(
        self, login: Any, admin: User, busy: User, raw: Database
    ) -> None:
        client, key = login(admin), {"HTTP_IDEMPOTENCY_KEY": "k"}
        first, again = (client.post(path_of(busy), **key) for _ in range(2))
        assert (again.status_code, again.content) == (202, first.content)
        assert again["Idempotent-Replayed"] == "true"
        assert first.json()["deleted"]["activities"] == 3_000
        assert raw.activities.count_documents({}) == 0

    def test_an_owner_who_is_gone_has_no_keys(self, api: APIClient, busy: User) -> None:
        key = {"HTTP_IDEMPOTENCY_KEY": "k"}
        assert api.post(ERASURE, **key).json()["deleted"]["activities"] == 3_000
        check_error(api.post(ERASURE, **key), 401)

    def test_the_last_administrator_stays(self, login: Any, admin: User, raw: Database) -> None:
        for headers in ({}, {"HTTP_IDEMPOTENCY_KEY": "k"}):
            check_error(login(admin).post(ERASURE, **headers), 409, "last_administrator")
            check_error(login(admin).get(ERASURE), 404)
        assert raw.deletions.find_one() is None

    def test_nobody_is_erased_who_is_not_there(self, login: Any, admin: User) -> None:
        for user in (ObjectId(), "nobody", "%00"):
            check_error(login(admin).post(f"/api/users/{user}/erasure/"), 404)


def test_without_transactions_it_is_the_same(standalone: str, login: Any) -> None:
    admin = User.create_user(email="admin@example.org", roles=["admin"])
    ann = User.create_user(email="ann@example.org")
    client = login(admin)
    sent = login(ann).get(EXPORT).getvalue()
    assert portability.check(file=BytesIO(sent)).user_id == ann.id
    assert login(ann).post(ERASURE).json()["deleted"]["users"] == 1
    list(deletion.run())
    assert client.get(path_of(ann)).json()["finishedAt"] is not None


def test_an_erasure_with_a_key_is_told_of_when_the_user_is_gone(
    admin: User, owner: User, login: Any
) -> None:
    for number in range(2):
        key = {"HTTP_IDEMPOTENCY_KEY": f"key{number}"}
        assert login(admin).post(f"/api/users/{owner.id}/erasure/", **key).status_code == 202
