"""The settings of the embedded server."""

import os

from chabad_auth_django.conf import rules
from chabad_auth_django.conf.table import Setting, Table


class EmbeddedConf(Table):
    """The settings of the embedded server."""

    app_label = "chabad_auth_embedded"

    EMBEDDED_DATA_DIR = Setting[str | os.PathLike[str] | None](
        None,
        rules.OPTIONAL_PATH,
        check=1,
        shown_default="`mongodb-data` in the project's folder",
        help="The data folder of the embedded server. The project's folder is `BASE_DIR`, or else "
        "the one that the settings module is imported from. `check --deploy` warns where the "
        "embedded server is in use (`chabad_auth_embedded.W001`).",
    )


conf = EmbeddedConf()
