/** What both React pages have around their answers: a column that keeps its end in view, and a composer. */
import { useLayoutEffect, useRef, useState } from 'react';
import { createRoot } from 'react-dom/client';

export function show(Page) {
  createRoot(document.getElementById('root')).render(<Fresh Page={Page} />);
}

/** `window.fresh()` begins a new chat. */
function Fresh({ Page }) {
  const [round, setRound] = useState(0);
  window.fresh = () => setRound((n) => n + 1);
  return <Page key={round} />;
}

/** `version` changes whenever there may be more to see. */
export function Shell({ running, version, send, children }) {
  const scroller = useRef(null);
  useLayoutEffect(() => {
    scroller.current.scrollTop = scroller.current.scrollHeight;
  }, [version]);
  return (
    <main>
      <section className="scroller" ref={scroller}>
        <div className="column" data-testid="answers">{children}</div>
      </section>
      <Composer running={running} send={send} />
    </main>
  );
}

/** Its text is its own state, so that typing renders nothing else. */
function Composer({ running, send }) {
  const [text, setText] = useState('');
  const onKeyDown = (event) => {
    if (event.key !== 'Enter' || running) return;
    event.preventDefault();
    send(text);
    setText('');
  };
  return (
    <form data-running={running}>
      <textarea rows={1} data-testid="composer" value={text} onChange={(e) => setText(e.target.value)} onKeyDown={onKeyDown} />
    </form>
  );
}
