"""An OpenID provider: allauth's own, in a project and a process of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from support.example_server import serve

CLIENT, SECRET, PASSWORD = "example", "a secret of the client", "correct horse"

PREPARE = f"""
from allauth.account.models import EmailAddress
from allauth.idp.oidc.models import Client
from django.contrib.auth.models import User
for name, verified in (("ann", True), ("eve", False)):
    account = User.objects.create_user(name, f"{{name}}@example.org", {PASSWORD!r})
    EmailAddress.objects.create(
        user=account, email=account.email, verified=verified, primary=True
    )
client = Client(id={CLIENT!r}, name="Example", scopes="openid\\nprofile\\nemail")
client.set_secret({SECRET!r})
client.redirect_uris = CALLBACK
client.save()
"""


@contextmanager
def openid_provider(data_dir: Path, *, callback: str) -> Iterator[str]:
    """Serve a provider with the accounts ann and eve, whose address is not verified."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    environment = {
        "DJANGO_SETTINGS_MODULE": "support.openid_provider_settings",
        "PROVIDER_DATABASE": str(data_dir / "provider.sqlite3"),
        "PROVIDER_KEY": pem,
    }
    prepare = PREPARE.replace("CALLBACK", repr(callback))
    with serve(environment, data_dir / "provider.log", prepare=prepare) as address:
        # Another host than that of the project: browsers keep the cookies apart.
        yield address.replace("127.0.0.1", "localhost")
