/** A page of assistant-ui's own parts over the `ai` package's transport: nothing of the gateway's but an address. */
import { AssistantRuntimeProvider, ActionBarPrimitive, ComposerPrimitive, ErrorPrimitive, MessagePrimitive, ThreadPrimitive } from '@assistant-ui/react';
import { useAISDKRuntime } from '@assistant-ui/react-ai-sdk';
import { useChat } from '@ai-sdk/react';
import { WebSocketChatTransport } from 'ai';
import { createRoot } from 'react-dom/client';

const asked = new URLSearchParams(location.search);
const transport = new WebSocketChatTransport({ url: '/v1/ai/ws', body: { model: asked.get('model'), params: JSON.parse(asked.get('params') ?? '{}') } });
/** What an application keeps of a chat, so that a reload finds it. */
const kept = JSON.parse(sessionStorage.getItem('messages') ?? '[]');

const Text = ({ text }) => <span data-testid="text">{text}</span>;

function User() {
  return (
    <MessagePrimitive.Root data-testid="user">
      <MessagePrimitive.Parts components={{ Text }} />
    </MessagePrimitive.Root>
  );
}

function Assistant() {
  return (
    <MessagePrimitive.Root data-testid="assistant">
      <MessagePrimitive.Parts components={{ Text }} />
      <MessagePrimitive.Error>
        <ErrorPrimitive.Root data-testid="error">
          <ErrorPrimitive.Message />
        </ErrorPrimitive.Root>
      </MessagePrimitive.Error>
      <ActionBarPrimitive.Reload data-testid="reload">again</ActionBarPrimitive.Reload>
    </MessagePrimitive.Root>
  );
}

function App() {
  const chat = useChat({ id: asked.get('chat'), transport, messages: kept, resume: kept.length > 0 });
  const runtime = useAISDKRuntime(chat);
  sessionStorage.setItem('messages', JSON.stringify(chat.messages));
  return (
    <AssistantRuntimeProvider runtime={runtime}>
      <p data-testid="status">{chat.status}</p>
      <ThreadPrimitive.Root>
        <ThreadPrimitive.Viewport>
          <ThreadPrimitive.Messages components={{ UserMessage: User, AssistantMessage: Assistant }} />
        </ThreadPrimitive.Viewport>
        <ComposerPrimitive.Root>
          <ComposerPrimitive.Input data-testid="input" />
          <ComposerPrimitive.Send data-testid="send">send</ComposerPrimitive.Send>
          <ComposerPrimitive.Cancel data-testid="stop">stop</ComposerPrimitive.Cancel>
        </ComposerPrimitive.Root>
      </ThreadPrimitive.Root>
    </AssistantRuntimeProvider>
  );
}

createRoot(document.getElementById('root')).render(<App />);
