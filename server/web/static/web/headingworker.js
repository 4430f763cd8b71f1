// A worker that opens headings beside the page, so that the page stays free. It gets the key once; it can't take it apart.

import { openAnswer } from "./openheadings.js";

let pair = null;

addEventListener("message", async ({ data }) => {
  if (data.pair) {
    pair = data.pair;
    return;
  }
  try {
    postMessage({ number: data.number, opened: await openAnswer(data.buffer, pair) });
  } catch (fault) {
    postMessage({ number: data.number, fault: fault.message });
  }
});
