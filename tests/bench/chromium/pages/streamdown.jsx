/** React with Streamdown: each delta is a state. */
import { Client, uuid } from '@lastword/client';
import { useState } from 'react';
import { Streamdown } from 'streamdown';
import { Shell, show } from './shell.jsx';

const client = new Client();
client.connect();

function Page() {
  const [chat] = useState(uuid);
  const [messages, setMessages] = useState([]);
  const [running, setRunning] = useState(false);

  const send = async (input) => {
    setMessages((all) => [...all, { role: 'user', text: input }, { role: 'assistant', text: '' }]);
    setRunning(true);
    const stream = client.send({ chat, input, model: window.model ?? 'feed' });
    stream.on((event) => {
      if (event.type !== 'text') return;
      setMessages((all) => [...all.slice(0, -1), { role: 'assistant', text: stream.text }]);
    });
    await stream.finished;
    setRunning(false);
  };

  return (
    <Shell running={running} version={messages} send={send}>
      {messages.map((m, i) =>
        m.role === 'user' ? <p key={i}>{m.text}</p> : (
          <div key={i} data-testid="text">
            <Streamdown isAnimating={running && i === messages.length - 1}>{m.text}</Streamdown>
          </div>
        ),
      )}
    </Shell>
  );
}

show(Page);
