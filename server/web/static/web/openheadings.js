// Verify and open many headings at once; in a worker when there is one, in the page otherwise.

import * as alerts from "./alert.js";
import { OpenError } from "./envelope.js";
import { unpack } from "./frames.js";
import { gettext } from "./words.js";

/** Open an answer of the collector: what it said, and its cases, each { clear, read, heading } or { clear, problem }. */
export async function openAnswer(buffer, pair) {
  const { said, cases } = unpack(buffer);
  return { said, cases: await Promise.all(cases.map(({ clear, alert }) => openOne(clear, alert, pair))) };
}

async function openOne(clear, alert, pair) {
  try {
    const read = await alerts.verify(alert, clear.id);
    return { clear, read, heading: await alerts.open(alert, read, "heading", pair) };
  } catch (fault) {
    return { clear, problem: problemOf(fault) };
  }
}

/** Why a heading does not open, in words, and whether it is one that was tampered with. */
function problemOf(fault) {
  if (fault instanceof OpenError) return { trusted: false, sealed: true, words: fault.message };
  if (fault instanceof alerts.AlertError) return { trusted: false, words: fault.message };
  return { trusted: true, words: gettext("It can’t be read.") };
}
