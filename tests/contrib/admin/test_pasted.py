"""An address that is copied from a Hebrew text has unseen characters around it."""

from contrib.admin.conftest import Run


def test_unseen_characters_around_an_address_do_not_count(run: Run) -> None:
    told = run("""
ann, browser = make()["ann"], superuser()
base = f"{PEOPLE}{ann.id}/"
def pasted(text):
    return f"\\u200f\\u2066 {text}\\u2069\\u200b"
address = pasted("ann@example.org")
tell([person["id"] for person in browser.get(PEOPLE, {"q": address}).context["people"]])
for page, field in (("audit/", "user"), ("events/", "user")):
    tell(browser.get(f"{BASE}{page}", {field: address}).status_code)
form = browser.get(f"{base}edit/").context["form"]
fields = {**form.initial, **{f"initial-{name}": text for name, text in form.initial.items()}}
browser.post(f"{base}edit/", {**fields, "email": pasted("levin@example.org")})
tell(User.find_by_id(ann.id).email)
tell(browser.post(f"{base}do/delete/", {"typed": pasted("levin@example.org")}).status_code)
tell(str(ann.id))
""")
    assert told[0] == [told[-1]]
    assert told[1:5] == [200, 200, "levin@example.org", 302]
