// What changes while the queue is looked at: a small question every few seconds while the page is visible.

import { ask } from "./page.js";

const EVERY_MS = 5_000; // an urgent case shows up while its message is still under way
const SLOWEST_MS = 60_000;

/** Call `changed(answer)` after each look; `failed()` when the collector stops answering. Ends never; costs little. */
export function watch(address, since, changed, failed) {
  let from = since;
  let pause = EVERY_MS;
  let timer = null;

  const look = async () => {
    timer = null;
    if (document.hidden) return;
    try {
      const answer = await ask(`${address}?since=${from}`);
      from = answer.now;
      pause = EVERY_MS;
      await changed(answer);
    } catch (fault) {
      pause = Math.min(2 * pause, SLOWEST_MS);
      failed(fault);
    }
    next(pause);
  };
  const next = (wait) => {
    if (timer === null && !document.hidden) timer = setTimeout(look, wait);
  };
  document.addEventListener("visibilitychange", () => next(0));
  next(EVERY_MS);
}
