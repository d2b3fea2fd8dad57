"""The sample configuration of nginx, for real: TLS on a port of its own, in front of gunicorn."""

import os
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.gunicorn import EXAMPLE

from chabad_auth_django.contrib.embedded.probe import becomes_free, free_port, is_free

SITE = EXAMPLE / "deploy" / "nginx-site.conf"

#: What a distribution's nginx.conf has around the site, in a folder of our own.
AROUND = """
daemon off;
{user}
worker_processes 2;
error_log stderr;
pid nginx.pid;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    include {site};
}}
"""

needs_nginx = pytest.mark.skipif(
    not (shutil.which("nginx") and shutil.which("openssl")),
    reason="nginx or openssl is not installed: the sample configuration is not tested",
)


@contextmanager
def nginx(upstream: int, folder: Path, static: Path = Path("/nothing")) -> Iterator[int]:
    """Serve the sample site in front of the port, with the static files; yield its own port."""
    folder.mkdir()
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-subj", "/CN=127.0.0.1", "-keyout", key, "-out", certificate),
        ],
        check=True,
        capture_output=True,
    )
    port = free_port()
    text = SITE.read_text(encoding="utf-8")
    for old, new in {
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl backlog=2048",
        "127.0.0.1:8000": f"127.0.0.1:{upstream}",
        "/srv/site/static/": f"{static}/",
        "/etc/ssl/certs/example.org.pem": str(certificate),
        "/etc/ssl/private/example.org.key": str(key),
    }.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    site = folder / "site.conf"
    site.write_text(text)
    # Else it would become somebody who may not enter the folder.
    user = "user root;" if os.getuid() == 0 else ""
    configuration = folder / "nginx.conf"
    configuration.write_text(AROUND.format(site=site, user=user))
    with (folder / "nginx.log").open("w") as log:
        process = subprocess.Popen(
            ["nginx", "-p", folder, "-c", configuration], stdout=log, stderr=log
        )
        try:
            deadline = time.monotonic() + 60
            while is_free(port):
                assert process.poll() is None, (folder / "nginx.log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.05)
            yield port
        finally:
            process.terminate()
            process.wait()
    assert becomes_free(port)


def trusting() -> ssl.SSLContext:
    """Return what a client takes that trusts the site's own certificate."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
