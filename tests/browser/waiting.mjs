/** Waiting on a state, for the tests of clients that nobody here wrote. */
import assert from 'node:assert/strict';

/** What `look` gives once it is truthy; it may be asynchronous. */
export async function until(look, what = look.toString(), timeout = 30_000) {
  for (const end = Date.now() + timeout; ; ) {
    const found = await look();
    if (found) return found;
    assert.ok(Date.now() < end, `never came true: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The gateway's conversations, newest first, each with its messages. */
export async function conversations(stack, headers = {}) {
  const at = `http://127.0.0.1:${stack.gateway.port}/v1/conversations`;
  const { data: heads } = await (await fetch(at, { headers })).json();
  return Promise.all(heads.map(async ({ chat }) => (await fetch(`${at}/${chat}`, { headers })).json()));
}

/** The conversation with a message of that text. */
export async function conversationOf(stack, text) {
  return (await conversations(stack)).find(({ messages }) => messages.some((m) => m.text === text));
}

/** The answer of a conversation, once it has that state. */
export async function answerOf(stack, text, state) {
  return until(async () => {
    const answer = (await conversationOf(stack, text))?.messages.findLast((m) => m.role === 'assistant');
    return answer?.state === state && answer;
  }, `an answer to "${text}" that is ${state}`);
}
