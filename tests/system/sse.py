"""Server-sent events, read as an OpenAI client would, and held to account: every position against the text."""

import json

from wire import crc32c, hex8


class Event:
    def __init__(self, id, name, data):
        self.id, self.name, self.data = id, name, data

    @property
    def json(self):
        return json.loads(self.data)


def read_events(response, comments=None):
    """The events of a response of requests, as they come. Comment lines go into `comments`."""
    id, name, data = "", "", []
    for line in response.iter_lines(chunk_size=1):
        line = line.decode()
        if not line:
            if data:
                yield Event(id, name, "\n".join(data))
            name, data = "", []
        elif line.startswith(":"):
            if comments is not None:
                comments.append(line)
        else:
            field, _, value = line.partition(": ")
            if field == "id":
                id = value
            elif field == "event":
                name = value
            elif field == "data":
                data.append(value)
            else:
                raise AssertionError(f"odd line: {line!r}")


class Transcript:
    """What a client holds after the events given so far."""

    def __init__(self):
        self.text, self.id, self.last, self.finish = b"", "", None, None
        self.done, self.error, self.usage, self.rewinds, self.chunks = False, None, None, [], []

    def take(self, event):
        assert not self.done
        self.id = event.id
        if event.name == "rewind":
            message = event.json
            self.rewinds.append(message)
            self.text = self.text[: message["off"]]
        elif event.data == "[DONE]":
            self.done = True
        elif "error" in event.json:
            self.error = event.json["error"]
        else:
            self.take_chunk(event)
        self.check(event)
        return self

    def take_chunk(self, event):
        chunk = event.json
        self.chunks.append(chunk)
        assert chunk["object"] == "chat.completion.chunk"
        if chunk.get("usage"):
            self.usage = chunk["usage"]
        self.last = chunk.get("lastword", self.last)
        for choice in chunk["choices"]:
            delta = choice["delta"]
            self.text += (delta.get("content") or delta.get("reasoning_content") or "").encode()
            self.finish = choice["finish_reason"] or self.finish

    def check(self, event):
        epoch, off, crc = event.id.split("-")
        assert int(epoch) >= 1
        assert (int(off), crc) == (len(self.text), hex8(crc32c(self.text))), event.id

    def read(self, response, until=None, comments=None):
        """All of it, or until `until(self)`."""
        for event in read_events(response, comments):
            self.take(event)
            if until and until(self):
                break
        return self
