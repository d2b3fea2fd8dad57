"""An issuer of tokens: its keys, and a real HTTP server for them."""

import base64
import hashlib
import hmac
import json
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

ISSUER = "https://issuer.example.org"
AUDIENCE = "our-app"

SECRET = "a shared secret that has more than 32 bytes"

#: The setting of an issuer that signs with the secret.
SHARED = {
    "ISSUER": ISSUER,
    "AUDIENCE": AUDIENCE,
    "ALGORITHMS": ["HS256"],
    "KEY": SECRET,
    "AUTH_METHOD": "google",
}

CURVES = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1()}


class Key:
    """A private key with its id; ``public`` is what is published."""

    def __init__(self, kid: str, algorithm: str = "RS256") -> None:
        self.kid, self.algorithm = kid, algorithm
        curve = CURVES.get(algorithm)
        self.private: Any = (
            ec.generate_private_key(curve)
            if curve
            else rsa.generate_private_key(public_exponent=65537, key_size=2048)
        )
        self.public = self.private.public_key()
        self.pem = self.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        self.private_pem = self.private.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )

    @property
    def jwk(self) -> dict[str, Any]:
        kind = jwt.get_algorithm_by_name(self.algorithm)
        return {**kind.to_jwk(self.public, as_dict=True), "kid": self.kid, "use": "sig"}

    def sign(self, claims: dict[str, Any], **headers: Any) -> str:
        return jwt.encode(
            claims, self.private, self.algorithm, headers={"kid": self.kid, **headers}
        )


def claims(**changes: Any) -> dict[str, Any]:
    """Return the claims of a good token; a change to ``None`` leaves the claim out."""
    good = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "person-1",
        "iat": int(time.time()),
        "exp": int(time.time()) + 300,
        "email": "ann@example.org",
        "email_verified": True,
        "name": "Ann",
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def shared_token(**changes: Any) -> str:
    """Return a token of the issuer that signs with the secret; it has these claims."""
    return jwt.encode(claims(**changes), SECRET, "HS256")


def by_hand(header: dict[str, Any], payload: Any, secret: bytes = b"") -> str:
    """Return a token that no library would make, signed with HMAC-SHA256 or not at all."""
    parts = [json.dumps(part).encode() if part is not None else b"" for part in (header, payload)]
    text = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    signature = hmac.digest(secret, text, hashlib.sha256) if secret else b""
    return (text + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


class JwksServer:
    """Serve JWKS on 127.0.0.1 and count how often they are asked for."""

    def __init__(self) -> None:
        self.keys: list[Any] = []
        self.body: bytes | None = None
        self.status = 200
        self.location = ""
        #: Seconds before the answer, and between two bytes of it.
        self.delay = self.pause = 0.0
        #: No answer is given while this is not set.
        self.answering = threading.Event()
        self.answering.set()
        self.user_agents: list[str | None] = []
        self.requests = 0
        jwks = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                jwks.requests += 1
                jwks.user_agents.append(self.headers["User-Agent"])
                time.sleep(jwks.delay)
                jwks.answering.wait()
                published = [key.jwk if isinstance(key, Key) else key for key in jwks.keys]
                body = jwks.body or json.dumps({"keys": published}).encode()
                self.send_response(jwks.status)
                if jwks.location:
                    self.send_header("Location", jwks.location)
                self.end_headers()
                with suppress(ConnectionError):
                    pause = jwks.pause
                    if not pause:
                        self.wfile.write(body)
                        return
                    for number in range(len(body)):
                        self.wfile.write(body[number : number + 1])
                        time.sleep(pause)

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        # Ports come again, and the keys of an address are remembered.
        self.url = f"http://127.0.0.1:{self._server.server_port}/{uuid4()}.json"

    def close(self) -> None:
        self.answering.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
