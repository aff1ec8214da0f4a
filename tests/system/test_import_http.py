"""POST /v1/conversations/import: what was exported comes back as a new conversation, whole or not at all, and no model is asked."""

import json
import socket
import time

import pytest
from wire import Client, crc32c, hex8, run, uuid7

LIST = "/v1/conversations"
IMPORT = "/v1/conversations/import"


def take(g, file, **more):
    return g.request("POST", IMPORT, json=file, **more)


def many(n):
    messages = []
    for i in range(n):
        messages += [{"role": "user", "text": f"question {i}"}, {"role": "assistant", "text": f"answer {i} " * 20}]
    return {"title": "Many", "messages": messages}


def listed(g):
    return g.get(LIST).json()["data"]


def shape(tree):
    """A tree without what is new with each import: ids become places."""
    place = {m["id"]: i for i, m in enumerate(tree["messages"])}
    same = []
    for m in tree["messages"]:
        same.append({k: v for k, v in m.items() if k not in ("id", "gen", "parent")} | {"parent": place.get(m["parent"])})
    return tree["title"], same


def talk(g):
    chat = uuid7()

    async def go():
        c = await Client.open(g.ws)
        first = await c.ask("erste Frage: 北京 🏔️", model="richierich-echo", chat=chat)
        await c.ask("edited", model="richierich", chat=chat, parent=None)
        await c.ask(None, model="richierich-echo", chat=chat, parent=first.accepted["parent"])
        await c.ask("on", model="richierich-length", chat=chat, parent=first.accepted["message"])
        await c.close()

    run(go())
    g.request("PATCH", f"{LIST}/{chat}", json={"title": "Kept"})
    return chat


def test_what_was_exported_comes_back(gateway, mock):
    g = gateway()
    chat = talk(g)
    file = g.get(f"{LIST}/{chat}/export").json()
    asked = mock.requests()
    r = take(g, file)
    assert r.status_code == 201
    new = r.json()["chat"]
    assert r.json() == {"chat": new, "title": "Kept", "messages": 7} and new != chat
    tree = g.get(f"{LIST}/{new}").json()
    assert shape(tree) == shape(file)
    assert not {m["id"] for m in tree["messages"]} & {m["id"] for m in file["messages"]}
    again = take(g, file).json()["chat"]
    assert again != new and len(listed(g)) == 3
    assert mock.requests() == asked
    assert g.get(LIST, params={"q": "北京 Frage"}).json()["data"][0]["chat"] in (chat, new, again)
    heads = {h["chat"]: h for h in listed(g)}
    assert heads[new]["messages"] == 7 and heads[new]["created_ms"] == heads[chat]["created_ms"]


def test_an_imported_conversation_goes_on(gateway):
    g = gateway()
    file = {"messages": [{"role": "user", "text": "My name is Ann."}, {"role": "assistant", "text": "Hello Ann."}]}
    chat = take(g, file).json()["chat"]
    before = g.get(f"{LIST}/{chat}").json()["messages"]
    assert before[1]["crc"] == hex8(crc32c(b"Hello Ann.")) and before[1]["state"] == "complete"

    async def go():
        c = await Client.open(g.ws)
        await c.ask("And now?", model="richierich-echo", chat=chat)
        await c.close()

    run(go())
    after = g.get(f"{LIST}/{chat}").json()["messages"]
    assert [m["text"] for m in after] == ["My name is Ann.", "Hello Ann.", "And now?", "And now?"]
    assert after[2]["parent"] == before[1]["id"]
    one = g.get(f"/v1/generations/{before[1]['gen']}").json()
    assert one["text"] == "Hello Ann." and one["state"] == "complete" and one["crc"] == before[1]["crc"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f: f["messages"][1].update(crc="00000000"), "messages[1].crc"),
        (lambda f: f["messages"][1].update(text="altered"), "messages[1]"),
        (lambda f: f["messages"].pop(), "without an answer"),
        (lambda f: f["messages"][0].update(parent=uuid7()), "messages[0].parent"),
        (lambda f: f.update(title="x" * 201), "title"),
        (lambda f: f.update(messages={}), "messages"),
        (lambda f: f["messages"][0].update(text="x" * 600_000), "at most"),
    ],
)
def test_what_is_refused_leaves_nothing(gateway, change, said):
    g = gateway()
    text = "as it was"
    file = {"messages": [{"id": "a", "parent": None, "role": "user", "text": "q"}, {"id": "b", "parent": "a", "role": "assistant", "text": text, "crc": hex8(crc32c(text.encode()))}]}
    change(file)
    r = take(g, file)
    assert r.status_code in (400, 413) and said in r.json()["error"]["message"], r.text
    assert r.json()["error"]["param"] in ("messages", "title")
    assert listed(g) == []


def test_only_json_and_only_for_its_owner(gateway):
    keys = [{"name": n, "owner": f"acme/{n}", "key": f"{n}-secret-key-0123456789"} for n in ("ann", "bob")]
    g = gateway(auth={"mode": "keys"}, keys=keys)
    ann, bob = ({"Authorization": f"Bearer {k['key']}"} for k in keys)
    assert take(g, many(1)).status_code == 401
    assert g.request("POST", IMPORT, data=json.dumps(many(1)), headers=ann).status_code == 415
    assert g.request("GET", IMPORT, headers=ann).status_code == 404
    assert g.request("PUT", IMPORT, headers=ann).status_code == 405
    chat = take(g, many(1), headers=ann).json()["chat"]
    assert g.get(f"{LIST}/{chat}", headers=ann).status_code == 200
    assert g.get(f"{LIST}/{chat}", headers=bob).status_code == 404


def start_import(g, file):
    """Sends it without waiting for the answer; returns the socket once something of it is recorded."""
    body = json.dumps(file).encode()
    s = socket.create_connection(("127.0.0.1", g.port))
    s.sendall(f"POST {IMPORT} HTTP/1.1\r\nHost: 127.0.0.1:{g.port}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
    wait(lambda: listed(g))
    return s


def wait(what, seconds=20):
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it never came"


def test_a_client_that_leaves_leaves_nothing(gateway):
    g = gateway(env={"LASTWORD_HISTORY_FSYNC": "true"})
    s = start_import(g, many(4000))
    assert listed(g)[0]["messages"] < 8000
    s.close()
    wait(lambda: listed(g) == [])


def test_a_gateway_that_dies_asks_no_model(gateway, mock):
    g = gateway(env={"LASTWORD_HISTORY_FSYNC": "true"})
    s = start_import(g, many(4000))
    g.kill()
    s.close()
    asked = mock.requests()
    g.start()
    g.until_ready()
    wait(lambda: all(m.get("state") != "running" for m in g.get(f"{LIST}/{listed(g)[0]['chat']}").json()["messages"]))
    messages = g.get(f"{LIST}/{listed(g)[0]['chat']}").json()["messages"]
    assert 0 < len(messages) < 8000
    assert {m["state"] for m in messages[:-1] if m["role"] == "assistant"} <= {"complete"}
    assert messages[-1]["state"] in ("complete", "truncated")
    assert mock.requests() == asked
