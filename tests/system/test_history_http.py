"""/v1/conversations: the list, one with its tree, rename, delete, search, export; paged, and each owner's own."""

import re
import time
import uuid

from sse import Transcript
from wire import Client, crc32c, hex8, run, uuid7

LIST = "/v1/conversations"


def ask(g, text, chat=None, model="richierich-echo", headers=None, **more):
    headers = {**(headers or {}), **({"Lastword-Chat": chat} if chat else {})}
    r = g.request(
        "POST",
        "/v1/chat/completions",
        json={"model": model, "messages": [{"role": "user", "content": text}], **more},
        headers=headers,
        stream=more.get("stream", False),
    )
    assert r.status_code == 200, r.text
    return r


def chats(g, **params):
    reply = g.get(LIST, params=params).json()
    assert reply["object"] == "list"
    return [c["chat"] for c in reply["data"]], reply


# ------------------------------------------------------------------ the list


def test_empty(gateway):
    assert gateway().get(LIST).json() == {"object": "list", "data": [], "next": None}


def test_newest_first_with_what_a_reader_needs(gateway):
    g = gateway()
    made = [ask(g, f"question {i}").headers["lastword-chat"] for i in range(3)]
    ask(g, "once more", made[0])
    listed, reply = chats(g)
    assert listed == [made[0], made[2], made[1]]
    first = reply["data"][0]
    assert first["messages"] == 4 and first["title"] is None and "question 0" in first["snippet"]
    now = time.time() * 1000
    assert now - 60_000 < first["created_ms"] <= first["updated_ms"] < now + 1000


def test_pages_meet_without_gap_or_overlap(gateway):
    g = gateway()
    made = [ask(g, f"q{i}").headers["lastword-chat"] for i in range(7)]
    seen, before = [], None
    for _ in range(10):
        page, reply = chats(g, limit=3, **({"before": before} if before else {}))
        seen += page
        before = reply["next"]
        if not before:
            break
        ask(g, "a new one pushes in at the top")
    assert seen == made[::-1]


def test_list_parameters_are_checked(gateway):
    g = gateway()
    for limit in ("0", "201", "-1", "x", "1.5", "99999999999999", ""):
        r = g.get(f"{LIST}?limit={limit}")
        assert r.status_code == 400 and r.json()["error"]["param"] == "limit", limit
    for before in ("nonsense", "1", str(uuid.uuid4()), "' or 1=1 --"):
        r = g.get(LIST, params={"before": before})
        assert r.status_code == 400 and r.json()["error"]["param"] == "before", before
    for q in ("%ff%fe", "x" * 401):
        assert g.get(f"{LIST}?q={q}").status_code == 400


def test_search(gateway):
    g = gateway()
    alps = ask(g, "Über die Alpen zu Fuß").headers["lastword-chat"]
    sea = ask(g, "sailing the northern sea").headers["lastword-chat"]
    answer = ask(g, "tell me", model="richierich", tokens=40, rate=0)
    g.request("PATCH", f"{LIST}/{sea}", json={"title": "Holiday plans"})
    assert chats(g, q="Alpen")[0] == [alps]
    assert chats(g, q="northern sailing")[0] == [sea]
    assert chats(g, q="northern Alpen")[0] == []
    assert chats(g, q="holiday")[0] == [sea]
    word = re.search(r"\*\*(\w+)", answer.json()["choices"][0]["message"]["content"]).group(1)
    assert chats(g, q=word)[0] == [answer.headers["lastword-chat"]]
    found = chats(g, q="northern")[1]["data"][0]
    assert "northern" in found["snippet"]
    for odd in ('"', "'", "%", "_", "*", "a AND", "NOT", "(", "\\", "zzz", '"unclosed', "x" * 300, "北"):
        assert g.get(LIST, params={"q": odd}).status_code == 200, odd
    assert len(chats(g, q="   ")[0]) == 3


# ------------------------------------------------------------------ one


def test_the_tree(gateway):
    g, chat = gateway(), uuid7()

    async def go():
        c = await Client.open(g.ws)
        first = await c.ask("first", model="richierich-echo", chat=chat)
        edited = await c.ask("edited", model="richierich-echo", chat=chat, parent=None)
        again = await c.ask(None, model="richierich-echo", chat=chat, parent=first.accepted["parent"])
        await c.close()
        return first, edited, again

    first, edited, again = run(go())
    tree = g.get(f"{LIST}/{chat}").json()
    assert tree["chat"] == chat
    shape = [(m["role"], m["text"], m["parent"]) for m in tree["messages"]]
    assert shape == [
        ("user", "first", None),
        ("assistant", "first", first.accepted["parent"]),
        ("user", "edited", None),
        ("assistant", "edited", edited.accepted["parent"]),
        ("assistant", "first", first.accepted["parent"]),
    ]
    answer = tree["messages"][1]
    assert answer["gen"] == first.gen and answer["id"] == first.accepted["message"]
    assert answer["state"] == "complete" and answer["model"] == "richierich-echo" and answer["error"] is None
    assert answer["crc"] == hex8(crc32c(b"first")) and answer["parts"] == [["text", 0, 5]]
    assert answer["usage"]["completion_tokens"] == 1 and answer["timing"]["total_ms"] >= 0
    assert tree["messages"][4]["gen"] == again.gen


def test_a_running_answer_shows_its_text_so_far(gateway):
    g = gateway()
    r = ask(g, "run", model="richierich-slow", stream=True)
    t = Transcript().read(r, until=lambda t: len(t.text) > 10)
    answer = g.get(f"{LIST}/{r.headers['lastword-chat']}").json()["messages"][1]
    assert answer["state"] == "running" and answer["text"].encode().startswith(t.text)
    assert answer["crc"] == hex8(crc32c(answer["text"].encode()))
    g.request("DELETE", f"/v1/generations/{r.headers['lastword-gen']}")


def test_any_text_survives(gateway):
    g = gateway()
    for text in ('"quotes" \\ and\nlines\t', "𝔘nicode 🏔️ 北京", "a\u0000b", "</script>", "x" * 100_000):
        r = ask(g, text, model="richierich-echo", rate=0)
        messages = g.get(f"{LIST}/{r.headers['lastword-chat']}").json()["messages"]
        assert [m["text"] for m in messages] == [text, text]


def test_history_survives_a_restart(gateway):
    g = gateway()
    chat = ask(g, "remember me").headers["lastword-chat"]
    before = g.get(f"{LIST}/{chat}").json()
    assert g.stop() == 0
    g.start()
    assert g.get(f"{LIST}/{chat}").json() == before


def test_what_is_not_there(gateway):
    g = gateway()
    for id in (uuid7(), "x", "..", "%2e%2e%2f", uuid7() + "/export/x"):
        assert g.get(f"{LIST}/{id}").status_code in (404,), id
    none = uuid7()
    assert g.request("PATCH", f"{LIST}/{none}", json={"title": "x"}).status_code == 404
    assert g.request("DELETE", f"{LIST}/{none}").status_code == 404
    assert g.get(f"{LIST}/{none}/export").status_code == 404


# ------------------------------------------------------------------ rename, delete


def test_rename(gateway):
    g = gateway()
    chat = ask(g, "name me").headers["lastword-chat"]
    title = 'A "name" with 🏔️ and \\'
    r = g.request("PATCH", f"{LIST}/{chat}", json={"title": title})
    assert r.status_code == 200 and r.json() == {"chat": chat, "title": title}
    assert chats(g)[1]["data"][0]["title"] == title
    assert g.get(f"{LIST}/{chat}").json()["title"] == title


def test_titles_are_checked(gateway):
    g = gateway()
    chat = ask(g, "name me").headers["lastword-chat"]
    for body in ({"title": ""}, {"title": "  \n"}, {"title": 5}, {"title": None}, {}, [], "x", {"title": "x" * 201}):
        r = g.request("PATCH", f"{LIST}/{chat}", json=body)
        assert r.status_code == 400 and r.json()["error"]["param"] == "title", body
    r = g.request("PATCH", f"{LIST}/{chat}", data="{", headers={"Content-Type": "application/json"})
    assert r.status_code == 400
    assert g.request("PATCH", f"{LIST}/{chat}", data='{"title":"x"}').status_code == 415
    assert g.get(f"{LIST}/{chat}").json()["title"] is None


def test_delete(gateway):
    g = gateway()
    keep, gone = ask(g, "keep"), ask(g, "delete me please")
    chat = gone.headers["lastword-chat"]
    r = g.request("DELETE", f"{LIST}/{chat}")
    assert r.status_code == 204 and r.content == b""
    assert g.get(f"{LIST}/{chat}").status_code == 404
    assert g.get(f"/v1/generations/{gone.headers['lastword-gen']}").status_code == 404
    assert chats(g)[0] == [keep.headers["lastword-chat"]]
    assert chats(g, q="please")[0] == []
    assert g.request("DELETE", f"{LIST}/{chat}").status_code == 404


def test_delete_ends_what_runs_there(gateway, mock):
    g = gateway()
    r = ask(g, "run", model="richierich-slow", stream=True)
    deleted = []

    def delete(t):
        if t.text and not deleted:
            deleted.append(g.request("DELETE", f"{LIST}/{r.headers['lastword-chat']}").status_code)

    t = Transcript().read(r, until=delete)
    assert deleted == [204] and not t.done and t.error
    assert chats(g)[0] == []
    mock.wait_for(lambda s: s["running"] == 0)


# ------------------------------------------------------------------ export


def test_export_json_is_the_tree(gateway):
    g = gateway()
    chat = ask(g, "export me").headers["lastword-chat"]
    for query in ("", "?format=json"):
        r = g.get(f"{LIST}/{chat}/export{query}")
        assert r.headers["content-disposition"] == f'attachment; filename="conversation-{chat}.json"'
        assert r.headers["content-type"] == "application/json"
        assert r.json() == g.get(f"{LIST}/{chat}").json()


def test_export_markdown(gateway):
    g = gateway()
    chat = ask(g, "export *me*").headers["lastword-chat"]
    g.request("PATCH", f"{LIST}/{chat}", json={"title": "One\nline"})
    r = g.get(f"{LIST}/{chat}/export?format=markdown")
    assert r.headers["content-type"] == "text/markdown; charset=utf-8"
    assert r.headers["content-disposition"] == f'attachment; filename="conversation-{chat}.md"'
    text = r.content.decode()
    assert text.startswith("# One line\n")
    assert "## User\n\nexport *me*\n" in text and "## Assistant (richierich-echo)\n\nexport *me*\n" in text
    assert g.get(f"{LIST}/{chat}/export?format=pdf").status_code == 400


# ------------------------------------------------------------------ each owner's own


def test_owners(gateway):
    keys = [{"name": n, "owner": f"acme/{n}", "key": f"{n}-secret-key-0123456789"} for n in ("ann", "bob")]
    g = gateway(auth={"mode": "keys"}, keys=keys)
    ann, bob = ({"Authorization": f"Bearer {k['key']}"} for k in keys)
    chat = ask(g, "of ann", headers=ann).headers["lastword-chat"]
    assert g.get(LIST).status_code == 401
    assert g.get(LIST, headers=bob).json()["data"] == []
    assert g.get(LIST, headers=bob, params={"q": "ann"}).json()["data"] == []
    for method, tail, body in (("GET", "", None), ("GET", "/export", None), ("PATCH", "", {"title": "mine"}), ("DELETE", "", None)):
        assert g.request(method, f"{LIST}/{chat}{tail}", headers=bob, json=body).status_code == 404
    assert g.get(f"{LIST}/{chat}", headers=ann).json()["title"] is None
