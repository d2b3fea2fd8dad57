"""A page on another port of the same host, open in the browser of somebody who is signed in."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from contrib.universe.browser.conftest import Portal
from support.chromium import needs
from support.merkos import token
from support.universe import COOKIE

pytestmark = [needs("node", "npm"), pytest.mark.slow, pytest.mark.browser]

#: The collections that a request could change.
COLLECTIONS = (
    *("users", "profiles", "preferences", "appdatas", "activities", "analytics"),
    *("sessions", "external_ids"),
)


class Page(BaseHTTPRequestHandler):
    """An empty page."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>Attack</title>")

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def attacker() -> Iterator[str]:
    """The address of a page that is not ours."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


#: Sends a call in every way that a page of another origin has: by a script and by a form.
ATTACK = """async ([address, calls]) => {
  const readable = [];
  for (const [method, path, body] of calls) {
    const url = address + path;
    const text = JSON.stringify(body);
    const writes = method !== "GET";
    for (const [mode, type] of [
      ["cors", "application/json"], ["cors", "text/plain"], ["no-cors", "text/plain"],
    ]) {
      const options = {method, mode, credentials: "include"};
      if (writes) Object.assign(options, {body: text, headers: {"Content-Type": type}});
      try {
        const answer = await fetch(url, options);
        if (answer.type !== "opaque") readable.push(path);
      } catch {}
    }
    if (!writes) continue;
    for (const enctype of ["text/plain", "application/x-www-form-urlencoded"]) {
      const frame = document.createElement("iframe");
      frame.name = "f" + Math.random();
      document.body.append(frame);
      const form = Object.assign(document.createElement("form"), {
        action: url, method: "POST", enctype, target: frame.name,
      });
      const [first, second] = [text.slice(0, -1) + ',"x":"', '"}'];
      form.append(Object.assign(document.createElement("input"), {name: first, value: second}));
      document.body.append(form);
      const loaded = new Promise((done) => { frame.onload = done; setTimeout(done, 300); });
      form.submit();
      await loaded;
    }
  }
  return readable;
}"""


def test_a_page_of_another_site_changes_and_reads_nothing(
    signed_in: Portal, attacker: str, raw: Any
) -> None:
    signed_in.run("await client.appData.setData('k', 1)")
    mine = signed_in.run("return client.identity.identity.universeUserId")
    calls = [
        ("GET", "/api/auth/me", {}),
        ("GET", "/api/auth/enrich/merkos", {}),
        ("POST", "/api/auth/link-merkos", {"merkosToken": token("evil")}),
        ("POST", "/api/sso/remote/status", {"token": token("evil")}),
        ("GET", "/api/sso/status", {}),
        ("GET", "/api/authorization/rules", {}),
        ("GET", f"/api/profile/{mine}", {}),
        ("PATCH", f"/api/profile/{mine}", {"bio": "x"}),
        ("GET", f"/api/preferences/{mine}", {}),
        ("PATCH", f"/api/preferences/{mine}", {"theme": "dark"}),
        ("PATCH", f"/api/preferences/{mine}/widgets", {"widgets": []}),
        ("GET", f"/api/app-data/{mine}/portal", {}),
        ("POST", f"/api/app-data/{mine}/portal", {"namespace": "k", "data": "x"}),
        ("DELETE", f"/api/app-data/{mine}/portal/k", {}),
        ("POST", "/api/activity/batch", {"userId": mine, "events": [{"type": "x"}]}),
        ("POST", "/api/analytics", {"userId": mine, "type": "event", "action": "x"}),
        ("POST", "/api/auth/logout", {}),
        ("POST", "/api/sso/logout", {}),
    ]
    before = {name: list(raw[name].find()) for name in COLLECTIONS}
    cookie = signed_in.cookies[COOKIE]["value"]
    page = signed_in.tab.context.new_page()
    page.goto(attacker)
    assert page.evaluate(ATTACK, [signed_in.address, calls]) == []
    assert {name: list(raw[name].find()) for name in COLLECTIONS} == before
    assert signed_in.cookies[COOKIE]["value"] == cookie
    # The same cookie from our own page does.
    assert signed_in.fetch("PATCH", f"/api/profile/{mine}", {"bio": "mine"})["status"] == 200
