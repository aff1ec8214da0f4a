/**
 * The owner's running answers, as far as the gateway has told: `welcome` lists them, `active` speaks of those this
 * connection does not follow, and of those it follows their own streams do.
 */
import type { StreamHandle } from './handle.js';
import type { ActiveInfo } from './wire.js';

export class Active {
  readonly map = new Map<string, ActiveInfo>();

  reset(infos: ActiveInfo[]): void {
    this.map.clear();
    for (const info of infos) this.note(info);
  }

  note(info: ActiveInfo): void {
    if (info.state === 'running' || info.state === 'queued') this.map.set(info.gen, info);
    else this.map.delete(info.gen);
  }

  /** Learns from a stream; `then` is told what is new. */
  watch(stream: StreamHandle, then?: (info: ActiveInfo) => void): void {
    const note = (state: ActiveInfo['state'], off: number) => {
      const { gen } = stream;
      const info = { gen, chat: stream.chat ?? this.map.get(gen)?.chat ?? '', state, off };
      this.note(info);
      then?.(info);
    };
    if (stream.message !== null && !stream.result) note('running', stream.cursor().off);
    stream.on((event) => {
      if (event.type === 'accepted') note('running', 0);
      else if (event.type === 'status' && event.state === 'queued') note('queued', 0);
      else if (event.type === 'done') {
        const { verified, state, off } = event.result;
        if (verified) note(state as ActiveInfo['state'], off);
        else if (state === 'gone') this.map.delete(stream.gen);
      }
    });
  }
}
