// Fetching and opening the queue: a small page first, so that the most urgent are on the screen at once, then large ones.

import { unpack } from "./frames.js";
import { askBytes } from "./page.js";

const FIRST = 50; // what fits on a screen, and its opening takes no time that anybody notices
const LATER = 250; // about 1 MB each: they come and are opened side by side
export const CLOSED_PAGE = 250;
const PAGES_MAX = 400; // a hundred thousand open cases; a collector that never ends must not hold the page for ever

/**
 * Call `took(said, cases)` with every page of what waits, in order. The next page is fetched while one is opened: its
 * place stands in clear at the beginning of an answer.
 */
export async function loadOpen(address, opener, took) {
  let size = FIRST;
  let following = "";
  const opening = [];
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const buffer = await askBytes(`${address}?state=open&size=${size}${following && `&after=${following}`}`);
    following = beginning(buffer).following;
    opening.push(opener.open(buffer).then(({ said, cases }) => took(said, cases)));
    if (!following) break;
    size = LATER;
  }
  await Promise.all(opening);
}

/** One page of closed cases behind a place: what the collector said, and the opened cases. */
export async function loadClosed(address, opener, after) {
  const place = after ? `&after=${after}` : "";
  return opener.open(await askBytes(`${address}?state=closed&size=${CLOSED_PAGE}${place}`));
}

/** Some cases by their ids. */
export async function loadSome(address, opener, ids) {
  const asked = ids.map((id) => `incident=${id}`).join("&");
  return (await opener.open(await askBytes(`${address}?${asked}`))).cases;
}

/** What the collector says first in an answer, without taking the rest apart. */
const beginning = (buffer) => unpack(buffer.slice(0, 4 + new DataView(buffer).getUint32(0))).said;
