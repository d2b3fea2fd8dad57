"""What one document can do: each step is one atomic update in the database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

from chabad_auth_django.exceptions import LastAuthMethod, ValidationError, VersionConflict
from chabad_auth_django.models import AppData, Preferences, Profile, User
from demo.flows import APP
from demo.report import Report


def roles_and_permissions(report: Report, user: User) -> None:
    """Grant and take away; a role brings the permissions that ROLE_PERMISSIONS gives it."""
    report.title("Roles, permissions, authentication methods")
    can = user.has_permission
    user.add_role("moderator")
    report.check("add_role", can("users:read"), "moderator brings users:read")
    user.remove_role("moderator")
    report.check("remove_role", not can("users:read"), "and takes it away again")

    user.add_permission("reports:*")
    report.check("add_permission", can("reports:export"), "reports:* brings reports:export")
    user.remove_permission("reports:*")
    report.check("remove_permission", not can("reports:export"), "and takes it away again")

    user.add_auth_method("google")
    methods = user.auth_methods
    report.check("add_auth_method", methods == ["credentials", "google"], " and ".join(methods))
    user.remove_auth_method("credentials")
    report.check("remove_auth_method", user.auth_methods == ["google"], "google alone")
    report.refusal("Removing the last one", LastAuthMethod, user.remove_auth_method, "google")


def finders(report: Report, user: User) -> None:
    """Find users by what other systems call them and by what they are."""
    report.title("Finding users")
    found = User.find_by_valu_id(user.valu_user_id)
    report.check("find_by_valu_id", found == user, f"{user.valu_user_id} is {found.name}")
    found = User.find_by_merkos_id(user.merkos_user_id)
    report.check("find_by_merkos_id", found == user, f"{user.merkos_user_id} is {found.name}")
    admins = list(User.find_by_role("admin"))
    are_admins = bool(admins) and all(admin.has_role("admin") for admin in admins)
    report.check("find_by_role", are_admins, f"{len(admins)} with the role admin")
    users = list(User.find_by_auth_method("google"))
    use_google = bool(users) and all("google" in user.auth_methods for user in users)
    report.check("find_by_auth_method", use_google, f"{len(users)} who sign in with google")


def preferences(report: Report, user: User) -> None:
    """Change every kind of preference, then reset them."""
    report.title("Preferences")
    mine = Preferences.find_by_user_id(user.id)
    mine.update_theme("dark")
    report.check("update_theme", mine.theme == "dark", mine.theme)
    report.refusal("A theme that is none", ValidationError, mine.update_theme, "purple")
    mine.update_language("he")
    report.check("update_language", mine.language == "he", mine.language)
    mine.toggle_notification("push")
    report.check("toggle_notification", not mine.notifications.push, "push is off")
    _widgets(report, mine)
    _favorite_apps(report, mine)

    mine.reset_to_defaults()
    stored = Preferences.find_by_user_id(user.id).to_mongo()
    defaults = Preferences.get_defaults()
    report.check(
        "reset_to_defaults",
        all(stored[name] == value for name, value in defaults.items()),
        f"theme {mine.theme}, language {mine.language}, all notifications",
    )


def _widgets(report: Report, mine: Preferences) -> None:
    mine.enable_widget("calendar")
    mine.enable_widget("zmanim")
    mine.disable_widget("calendar")
    report.check(
        "enable_widget, disable_widget",
        (mine.widgets.enabled, mine.widgets.disabled) == (["zmanim"], ["calendar"]),
        "zmanim is on, calendar is off",
    )
    mine.set_widget_customization("zmanim", {"city": "Brooklyn"})
    custom = mine.widgets.customizations["zmanim"]
    report.check("set_widget_customization", custom == {"city": "Brooklyn"}, f"{custom}")


def _favorite_apps(report: Report, mine: Preferences) -> None:
    for app in ("cteen", "jli", "cteen"):
        mine.add_favorite_app(app)
    favorites = mine.dashboard.favorite_apps
    report.check("add_favorite_app", favorites == ["cteen", "jli"], " and ".join(favorites))
    mine.remove_favorite_app("cteen")
    favorites = mine.dashboard.favorite_apps
    report.check("remove_favorite_app", favorites == ["jli"], " and ".join(favorites))


def profile(report: Report, user: User) -> None:
    """Set the bio, the picture and free-form metadata."""
    report.title("Profile")
    mine = Profile.find_by_user_id(user.id)
    mine.bio = "Teaches the Thursday class."
    mine.save()
    report.check("bio", Profile.find_by_user_id(user.id).bio == mine.bio, mine.bio)
    too_long = Profile(user_id=user.id, bio="x" * 501)
    report.refusal("bio of 501 characters", ValidationError, too_long.validate)

    mine.update_avatar("https://demo.example/chana.png", "https://demo.example/chana-64.png")
    report.check("update_avatar", mine.avatar.thumbnail_url.endswith("-64.png"), mine.avatar.url)
    mine.clear_avatar()
    report.check("clear_avatar", mine.avatar is None, "no picture")

    mine.set_metadata("center", {"city": "Brooklyn", "since": 2019})
    center = mine.get_metadata("center")
    report.check("set_metadata, get_metadata", center["since"] == 2019, f"{center}")
    mine.delete_metadata("center")
    report.check("delete_metadata", mine.get_metadata("center") is None, "no center")


def optimistic_locking(report: Report, user: User) -> None:
    """Two devices change one value, then eight threads do (Version Control)."""
    report.title("Optimistic locking")
    key = (user.id, APP, "settings")
    phone, tablet = (AppData.find_by_user_app_and_key(*key) for _ in range(2))
    seen = phone.version

    phone.update_value_with_version({"volume": 7}, seen)
    report.check("The phone writes", phone.version == seen + 1, f"version {phone.version}")
    write = tablet.update_value_with_version
    conflict = report.refusal("The tablet writes", VersionConflict, write, {"volume": 1}, seen)
    current, value = conflict.current_version, conflict.current_value
    report.check("It learns", value == phone.data_value, f"{value}, version {current}")
    write({"volume": 1}, current)
    report.check("It tries again", tablet.version == seen + 2, f"version {tablet.version}")

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(partial(AppData.upsert_app_data, *key), range(8)))
    version = AppData.find_by_user_app_and_key(*key).version
    report.check("Eight threads upsert at once", version == seen + 10, f"version {version}")
    AppData.delete_app_data(*key)
    version = AppData.upsert_app_data(*key, {"volume": 5}).version
    report.check("Deleted and created again", version == seen + 11, f"version {version}")
