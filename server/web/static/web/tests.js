// The page of tests shows a change by itself: a small question every few seconds while a test is under way.

import { ask, find } from "./page.js";

const EVERY_MS = 5_000;

const told = find("groups");

async function look() {
  if (!document.hidden) {
    const now = await ask(told.dataset.address).catch(() => null);
    // A device is being chosen: what somebody is about to press must not go from under their hand.
    if (now && now.standing !== told.dataset.standing && !document.querySelector("details[open]")) {
      location.reload();
      return;
    }
  }
  setTimeout(look, EVERY_MS);
}

if (told && "waits" in told.dataset) setTimeout(look, EVERY_MS);
