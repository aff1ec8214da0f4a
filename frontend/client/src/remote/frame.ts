/**
 * The next frame of the screen, or, where none comes (a hidden page, no page at all), a little later.
 */
const LATER_MS = 100;

export function nextFrame(then: () => void): void {
  const { requestAnimationFrame, cancelAnimationFrame } = globalThis as Partial<Window & typeof globalThis>;
  if (!requestAnimationFrame) return void setTimeout(then, 16);
  const frame = requestAnimationFrame(() => {
    clearTimeout(timer);
    then();
  });
  const timer = setTimeout(() => {
    cancelAnimationFrame!(frame);
    then();
  }, LATER_MS);
}
