"""Write everything about a user into a file."""

from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import CommandParser

from chabad_auth_django.management.base import NotDone, OperatorCommand
from chabad_auth_django.management.output import plural
from chabad_auth_django.management.users import add_user
from chabad_auth_django.models import User
from chabad_auth_django.services import whole_files
from chabad_auth_django.services.lifecycle import creation, portability
from chabad_auth_django.services.lifecycle.export_file import Content


class Command(OperatorCommand):
    help = (
        "Write everything about a user into one JSON file, for the user or for "
        "'chabad_import_user': user, profile, preferences, external ids, app data, activities and "
        "analytics as they are stored, in Extended JSON with a checksum. Sessions are left out. "
        "The file appears when it is complete. It replaces no other file without --force, and "
        "only its owner may read it."
    )
    is_audited = True
    json_keys = {
        "userId": "of the user",
        "file": "its path",
        "documents": "an object, collection: documents",
        "bytes": "the size of the file",
    }

    def add_arguments(self, parser: CommandParser) -> None:
        add_user(parser)
        parser.add_argument(
            "--output", metavar="FILE", default="-", help="by default, as with -: standard output"
        )
        parser.add_argument(
            "--force", action="store_true", help="replace the file if there is one of that name"
        )

    def handle(self, *args: Any, output: str, force: bool, **options: Any) -> None:
        if output == "-" and options["as_json"]:
            raise NotDone("--json needs --output FILE.")
        user = creation.find_user(name=options["user"])
        if output == "-":
            buffer = getattr(self.stdout, "buffer", None)
            file = buffer or BytesIO()
            self._export(user, file)
            if buffer is None:
                # "call_command" was given a stream of text.
                self.stdout.write_whole(file.getvalue().decode(), ending="")
            return
        with whole_files.create(Path(output), replace=force) as (file, _):
            content = self._export(user, file)
        size = Path(output).stat().st_size
        self.report(
            {"userId": user.id, "file": output, "documents": content.counts, "bytes": size},
            [f"{plural(sum(content.counts.values()), 'document')}, {size:,} bytes in {output}"],
        )

    def _export(self, user: User, file: BinaryIO) -> Content:
        total = portability.count_documents(user_id=user.id)
        with self.progress(f"exporting {user}", total) as bar:
            return portability.export_user(user_id=user.id, file=file, advance=bar.advance)
