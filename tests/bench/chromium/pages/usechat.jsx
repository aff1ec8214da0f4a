/** `useChat` of @ai-sdk/react with Streamdown, as its documentation shows them, over the same socket. */
import { useChat } from '@ai-sdk/react';
import { Client, uuid } from '@lastword/client';
import { useMemo, useState } from 'react';
import { Streamdown } from 'streamdown';
import { Shell, show } from './shell.jsx';

const client = new Client();
client.connect();

/** The least that useChat needs of a transport. */
class Transport {
  chat = uuid();

  async sendMessages({ messages }) {
    const input = messages.at(-1).parts.map((p) => p.text).join('');
    const stream = client.send({ chat: this.chat, input, model: window.model ?? 'feed' });
    return new ReadableStream({
      start(controller) {
        controller.enqueue({ type: 'start' });
        controller.enqueue({ type: 'text-start', id: '0' });
        stream.on((event) => event.type === 'text' && controller.enqueue({ type: 'text-delta', id: '0', delta: event.text }));
        void stream.finished.then(() => {
          controller.enqueue({ type: 'text-end', id: '0' });
          controller.enqueue({ type: 'finish' });
          controller.close();
        });
      },
    });
  }

  async reconnectToStream() {
    return null;
  }
}

function Page() {
  const [id] = useState(uuid);
  const transport = useMemo(() => new Transport(), []);
  const { messages, sendMessage, status } = useChat({ id, transport });
  const running = status === 'submitted' || status === 'streaming';
  return (
    <Shell running={running} version={messages} send={(text) => void sendMessage({ text })}>
      {messages.map((m, i) => {
        const text = m.parts.filter((p) => p.type === 'text').map((p) => p.text).join('');
        return m.role === 'user' ? <p key={m.id}>{text}</p> : (
          <div key={m.id} data-testid="text">
            <Streamdown isAnimating={running && i === messages.length - 1}>{text}</Streamdown>
          </div>
        );
      })}
    </Shell>
  );
}

show(Page);
