"""What staff do to a person: what it takes, who may, and how it is recorded."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bson import ObjectId
from django.contrib.admin.models import CHANGE, DELETION
from django.http import HttpRequest
from django.utils.translation import gettext, gettext_lazy, gettext_noop

from chabad_auth_django.conf import conf
from chabad_auth_django.contrib.admin import rights
from chabad_auth_django.contrib.admin.filters import without_marks
from chabad_auth_django.contrib.admin.languages import StrOrLazy
from chabad_auth_django.contrib.admin.page import act
from chabad_auth_django.contrib.admin.templatetags.chabad_admin import plain
from chabad_auth_django.db.transactions import atomic
from chabad_auth_django.exceptions import (
    AmbiguousEmail,
    NotFound,
    PermissionDenied,
    UserNotFound,
    ValidationError,
)
from chabad_auth_django.models import AppData, Preferences, Profile, User
from chabad_auth_django.models.app_data import ALL
from chabad_auth_django.models.base import Document
from chabad_auth_django.models.block import TEXT_MAX_LENGTH
from chabad_auth_django.services.identity import administrators, audit, blocking, users
from chabad_auth_django.services.lifecycle import deletion, receipts
from chabad_auth_django.services.signing_in import sessions
from chabad_auth_django.validators import normalize_email

Values = Mapping[str, str]

#: What can be granted.
_KINDS = ("role", "permission")


@dataclass(frozen=True)
class Action:
    """Something that staff do to a person."""

    name: str
    label: StrOrLazy
    #: What is said when it is done.
    done: str
    permission: str
    #: What the audit trail calls it.
    audited: str
    run: Callable[[User, Values], object]
    flag: int = CHANGE
    #: What is asked for besides.
    fields: tuple[str, ...] = ()
    #: Whether the person's address has to be typed.
    is_final: bool = False
    #: The command that does it to many, where it is done to several people at once.
    command: str | None = None

    def is_open_to(self, account: Any) -> bool:
        """Tell whether the staff member has the permission."""
        return rights.holds(account, self.permission)

    def do(self, request: HttpRequest, user_id: ObjectId, values: Values) -> User:
        """Do it; return the user as it was before. What is refused is recorded, too.

        Raises ``PermissionDenied``, ``UserNotFound``, ``LastAdministrator`` and others.
        """
        with audit.attempt(action=self.audited, user_id=user_id):
            rights.check_holds(request.user, self.permission)
            user = find(user_id)
            rights.check_reaches(request.user, user)
            if self.name in ("grant", "revoke"):
                _check_grants_everything(request.user, values)
            granted = [plain(values[kind]) for kind in _KINDS if values.get(kind)]
            message = f"{' '.join([self.done, *granted])}."
            act(
                request,
                user_id=user_id,
                message=message,
                change=lambda: self.run(user, values),
                flag=self.flag,
            )
        return user


def find(user_id: ObjectId) -> User:
    """Return the user; raise ``UserNotFound``."""
    user = User.find_by_id(user_id)
    if user is None:
        raise UserNotFound
    return user


def check_typed(user: User, typed: str) -> None:
    """Raise ``ValidationError`` unless the person's address was typed, in whatever spelling."""
    stored = (user.stored or {}).get("email")
    try:
        is_same = normalize_email(without_marks(typed)) == normalize_email(stored)
    except (AmbiguousEmail, ValidationError, TypeError):
        # What another program stored may be no address.
        is_same = bool(typed) and typed == str(stored or user.id)
    if not is_same:
        raise ValidationError(gettext("What was typed is not the e-mail address of this person."))


def _check_grants_everything(account: Any, values: Values) -> None:
    role, permission = values.get("role"), values.get("permission")
    granted = {permission, *conf.ROLE_PERMISSIONS.get(role or "", ())}
    if administrators.EVERYTHING in granted and not account.is_superuser:
        raise PermissionDenied(gettext("Granting or revoking everything takes a superuser."))


def _change_grants(user: User, values: Values, *, grant: bool) -> None:
    roles, permissions = ([values[kind]] if values.get(kind) else [] for kind in _KINDS)
    if not roles and not permissions:
        raise ValidationError(gettext("Choose a role or a permission."))
    users.change_grants(user=user, grant=grant, roles=roles, permissions=permissions)


def _block(user: User, values: Values) -> None:
    text = (values.get("text") or "").strip()[:TEXT_MAX_LENGTH] or None
    reason = (values.get("reason") or "").strip()
    blocking.block_user(user_id=user.id, reason=reason, text=text)


def _end_session(user: User, values: Values) -> None:
    sessions.revoke_session(user_id=user.id, session_id=values.get("session"))


#: Everything that staff do to a person.
ACTIONS: dict[str, Action] = {
    action.name: action
    for action in (
        Action(
            name="sign_out",
            label=gettext_lazy("Sign out everywhere"),
            done=gettext_noop("Signed out everywhere"),
            permission="end_sessions",
            audited="session.revoke",
            run=lambda user, values: sessions.revoke_all_sessions(user_id=user.id),
            command="chabad_revoke_sessions -",
        ),
        Action(
            name="end_session",
            label=gettext_lazy("End the session"),
            done=gettext_noop("Ended the session"),
            permission="end_sessions",
            audited="session.revoke",
            run=_end_session,
            fields=("session",),
        ),
        Action(
            name="block",
            label=gettext_lazy("Block"),
            done=gettext_noop("Blocked"),
            permission="block_people",
            audited="user.block",
            run=_block,
            fields=("reason", "text"),
            command="chabad_block_user - --reason {reason}",
        ),
        Action(
            name="unblock",
            label=gettext_lazy("Unblock"),
            done=gettext_noop("Unblocked"),
            permission="block_people",
            audited="user.unblock",
            run=lambda user, values: blocking.unblock_user(user_id=user.id),
            command="chabad_unblock_user -",
        ),
        Action(
            name="grant",
            label=gettext_lazy("Grant"),
            done=gettext_noop("Granted"),
            permission="change_grants",
            audited="role.grant",
            run=lambda user, values: _change_grants(user, values, grant=True),
            fields=("role", "permission"),
            command="chabad_grant - --role {role}",
        ),
        Action(
            name="revoke",
            label=gettext_lazy("Revoke"),
            done=gettext_noop("Revoked"),
            permission="change_grants",
            audited="role.revoke",
            run=lambda user, values: _change_grants(user, values, grant=False),
            fields=("role", "permission"),
            command="chabad_revoke - --role {role}",
        ),
        Action(
            name="delete",
            label=gettext_lazy("Delete"),
            done=gettext_noop("Deleted"),
            permission="erase_people",
            audited="user.delete",
            run=lambda user, values: deletion.delete_user(
                user_id=user.id, seconds=receipts.REQUEST_PURGE_SECONDS
            ),
            flag=DELETION,
            is_final=True,
            command="chabad_delete_user - --yes",
        ),
        Action(
            name="erase",
            label=gettext_lazy("Erase"),
            done=gettext_noop("Erased"),
            permission="erase_people",
            audited="user.erase",
            run=lambda user, values: receipts.begin(
                user_id=user.id, seconds=receipts.REQUEST_PURGE_SECONDS
            ),
            flag=DELETION,
            is_final=True,
            command="chabad_erase_user - --yes --no-wait",
        ),
    )
}

#: What can be done to several people at once.
BULK = {name: action for name, action in ACTIONS.items() if action.command is not None}


@atomic
def change_account(*, user_id: ObjectId, changes: Mapping[str, Mapping[str, Any]]) -> None:
    """Change fields of the ``user``, the ``profile`` and the ``preferences``: all or none.

    Raises ``UserNotFound``, ``DuplicateEmail`` and ``ValidationError``.
    """
    documents: dict[str, Document] = {
        "user": User(id=user_id),
        "profile": Profile(user_id=user_id),
        "preferences": Preferences(user_id=user_id),
    }
    for name, values in changes.items():
        resource = documents[name].collection_name()
        if "email" in values:
            audit.record(action="email.change", user_id=user_id)
        audit.record(
            action="data.change", user_id=user_id, resource=resource, fields=sorted(values)
        )
        documents[name].patch(values)


@atomic
def delete_app_data(*, user_id: ObjectId, app_id: str, data_key: str | None = None) -> int:
    """Delete one key of the application, or all of them; the audit trail says who did.

    Returns how many. Raises ``NotFound`` where there is none, and ``ValidationError``.
    """
    audit.record(
        action="data.change",
        user_id=user_id,
        resource=AppData.collection_name(),
        appId=app_id,
    )
    deleted = AppData.delete_app_data(user_id, app_id, ALL if data_key is None else data_key)
    if not deleted:
        raise NotFound("Nothing is stored there.")
    return deleted
