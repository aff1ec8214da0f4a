/**
 * Runs inside the measured page, beside its own script: when frames began, which tasks were long, what was on the
 * screen after which frame, how long keys took. It looks at the end of the last answer only, so that it costs little.
 */
window.probe = (() => {
  const kept = { frames: [], tasks: [], keys: [], ends: [] };
  let last = '';
  let watched = null;
  let changed = false;
  const observer = new MutationObserver(() => (changed = true));

  /** The last characters that are shown. */
  function end() {
    let node = watched;
    while (node?.lastChild) node = node.lastChild;
    return node?.nodeType === 3 ? node.data.slice(-32) : '';
  }

  /** After a frame's rendering. */
  function painted() {
    const all = document.querySelectorAll('[data-testid=text]');
    const now = all[all.length - 1] ?? null;
    if (now !== watched) {
      observer.disconnect();
      if (now) observer.observe(now, { subtree: true, childList: true, characterData: true });
      watched = now;
      changed = true;
    }
    if (!changed) return;
    changed = false;
    const shown = end();
    if (shown !== last) kept.ends.push([performance.now(), (last = shown)]);
  }

  const channel = new MessageChannel();
  channel.port1.onmessage = painted;
  const frame = (at) => {
    kept.frames.push(at);
    channel.port2.postMessage(0);
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  const each = (type, take, options) => new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({ type, ...options });
  each('longtask', (e) => kept.tasks.push([e.startTime, e.duration]));
  each('event', (e) => e.name === 'keydown' && kept.keys.push([e.startTime, e.duration]), { durationThreshold: 16 });

  return {
    now: () => performance.now(),
    /** Everything since the last call. */
    take() {
      const got = { ...kept };
      for (const key of Object.keys(kept)) kept[key] = [];
      return got;
    },
  };
})();
