// A few workers that share the opening of headings, and the page itself where a browser lets it have none.

import { openAnswer } from "./openheadings.js";
import { gettext } from "./words.js";

const WORKERS_MAX = 4; // more than this and fetching is what takes long
const ADDRESS = new URL("./headingworker.js", import.meta.url).href;

// The pages require trusted types: this is the one script address that any of them may make a worker of.
const policy = globalThis.trustedTypes?.createPolicy("fairwatch-worker", { createScriptURL: () => ADDRESS });

/** `opener(pair).open(buffer)`: the opened cases of an answer, and what the collector said in it. */
export function opener(pair) {
  const waiting = new Map();
  const workers = start(pair, waiting);
  let number = 0;
  const open = (buffer) => {
    if (workers.length === 0) return openAnswer(buffer, pair);
    number += 1;
    const worker = workers[number % workers.length];
    const answered = new Promise((resolve, reject) => waiting.set(number, { resolve, reject }));
    worker.postMessage({ number, buffer }, [buffer]);
    return answered;
  };
  return { open };
}

function start(pair, waiting) {
  const count = Math.max(1, Math.min(WORKERS_MAX, navigator.hardwareConcurrency ?? 1));
  const workers = [];
  try {
    for (let made = 0; made < count; made += 1) {
      const worker = new Worker(policy ? policy.createScriptURL("") : ADDRESS, { type: "module" });
      worker.addEventListener("message", ({ data }) => settle(waiting, data));
      worker.addEventListener("error", () => {
        for (const number of waiting.keys()) settle(waiting, { number, fault: gettext("The browser could not open this. Load the page again.") });
      });
      worker.postMessage({ pair });
      workers.push(worker);
    }
  } catch {
    return []; // an old or strict browser: slower, but it opens
  }
  return workers;
}

function settle(waiting, { number, opened, fault }) {
  const one = waiting.get(number);
  waiting.delete(number);
  if (fault) one?.reject(new Error(fault));
  else one?.resolve(opened);
}
