// Tells the agent on this device which host a window shows, and for how long. Nothing else: no path, no title, no
// content. Of an address only its host is ever kept, by `hostOf`, which is the one place that sees an address; the
// permissions give no titles at all. Nothing goes over the network: the agent is asked through native messaging.
"use strict";

const AGENT = "org.fairwatch.agent";
const AWAY_AFTER_SECONDS = 180; // As the agent's own session part.
const LOOK_EVERY_MS = 30_000;
const LONGEST_SPENT_MS = 60_000; // Handed over each minute, so that a crash loses no more.
const LONGEST_GAP_MS = 45_000; // Nobody looked for longer: the machine slept, and what was shown is not known.
const CONNECT_AGAIN_MS = 30_000;
const MOST_WAITING = 200; // What waits for the agent's word; the oldest go first, and histories know them too.
const OLDEST_MS = 3_600_000; // The agent takes nothing older.
const PASSING_MS = 400; // A page that sends the visitor on within this was not visited, as histories have it too.
const ONWARD_MS = 2_000; // What began to be opened within that may take so long to come.
const HOST = /^[a-z0-9._:[\]-]{1,253}$/; // What the agent takes: one message that it refuses would end the connection.
const ODD_LABELS = /^.*[^a-z0-9._:[\]-][^.]*\./; // Up to the last label with what no host name has; browsers open those.
const ABORTED = ["net::ERR_ABORTED", "Error code 2152398850"]; // Stopped, or a download: what was shown is still there.

const api = globalThis.browser ?? globalThis.chrome;

let port = null;
let settings = null; // {watch, private_windows, notice}, once the agent has said so.
let seesPrivateWindows = false;
let waiting = []; // Messages from before that, each with the moment (ms) that it speaks of.
let front = null; // {host, private, stayed, since, seen}: what is in front, from when, until when it was seen there.
let away = false;
let turn = Promise.resolve();
const passing = new Map(); // By tab: the page opened a moment ago, which may only send the visitor on (see `opened`).
const failed = new Map(); // By tab: {host, again} of the host that did not come, and whether it was tried again since.

function hostOf(address) {
  try {
    const { protocol, hostname } = new URL(address);
    const name = hostname.replace(ODD_LABELS, "");
    return (protocol === "http:" || protocol === "https:") && HOST.test(name) ? name : null;
  } catch {
    return null;
  }
}

// --- the agent -------------------------------------------------------------------------------------------------------

async function connect() {
  if (port !== null) return;
  const opened = api.runtime.connectNative(AGENT);
  port = opened;
  opened.onMessage.addListener(take);
  opened.onDisconnect.addListener(() => {
    void api.runtime.lastError; // Read, so that it is not reported as unhandled.
    port = null;
    settings = null;
    setTimeout(connect, CONNECT_AGAIN_MS);
  });
  seesPrivateWindows = await api.extension.isAllowedIncognitoAccess();
  post({ type: "Hello", version: api.runtime.getManifest().version, private_windows: seesPrivateWindows });
}

function post(message) {
  try {
    port?.postMessage(message);
  } catch {
    // It has just gone; what was seen meanwhile is in the history.
  }
}

function take(message) {
  if (message?.type !== "Settings") return;
  const { watch, private_windows, notice } = message;
  settings = { watch: watch === true, private_windows: private_windows === true, notice };
  const kept = waiting;
  waiting = [];
  for (const [at, one] of kept) say(at, one);
}

function say(at, message) {
  void connect();
  if (settings === null) {
    waiting.push([at, message]);
    if (waiting.length > MOST_WAITING) waiting.shift();
  } else if (settings.watch && (settings.private_windows || !message.private)) {
    const ago_ms = Math.max(0, Math.round(Date.now() - at));
    if (ago_ms < OLDEST_MS) post({ ...message, ago_ms });
  }
}

// --- what is seen ----------------------------------------------------------------------------------------------------

function committed({ tabId, frameId, url, timeStamp, documentLifecycle, transitionQualifiers }) {
  if (frameId !== 0 || (documentLifecycle ?? "active") !== "active") return;
  const before = passing.get(tabId);
  passing.delete(tabId);
  clearTimeout(before?.timer);
  before?.end(!(transitionQualifiers ?? []).includes("client_redirect"));
  const host = hostOf(url);
  const missed = failed.get(tabId);
  if (missed?.host === host && !missed.again) return; // Firefox shows what went wrong under the address asked for.
  failed.delete(tabId);
  if (host === null) return;
  hold(tabId, opened(tabId, host, timeStamp), PASSING_MS);
}

// A page whose `end` says whether the visitor stayed; `stayed` gives that once the visit has been told, if it was one.
function opened(tabId, host, timeStamp) {
  const page = { host, onward: false };
  page.stayed = new Promise((end) => (page.end = end)).then(async (stayed) => {
    if (stayed) await visited(tabId, host, timeStamp);
    return stayed;
  });
  return page;
}

function hold(tabId, page, ms) {
  page.timer = setTimeout(() => {
    passing.delete(tabId);
    page.end(true);
  }, ms);
  passing.set(tabId, page);
}

function begun({ tabId, frameId, documentLifecycle }) {
  if (frameId !== 0) return;
  const missed = failed.get(tabId);
  if (missed !== undefined) missed.again = true; // What comes now is a page.
  const held = passing.get(tabId);
  if (held === undefined || held.onward || (documentLifecycle ?? "active") !== "active") return;
  clearTimeout(held.timer); // Whether it only passed the visitor on is known when the next page comes.
  held.onward = true;
  hold(tabId, held, ONWARD_MS);
}

function notCome({ tabId, frameId, url, error, documentLifecycle }) {
  if (frameId !== 0 || (documentLifecycle ?? "active") !== "active" || ABORTED.includes(error)) return;
  const host = hostOf(url);
  if (host !== null) failed.set(tabId, { host, again: false });
  lookSoon();
}

async function visited(tabId, host, timeStamp) {
  try {
    const { incognito } = await api.tabs.get(tabId);
    say(timeStamp, { type: "Visit", host, private: incognito });
  } catch {
    // The tab is gone already: whether it was private can't be said, so nothing is.
  }
}

// What is in front: the host of the active tab of the window that has the focus, while somebody is there.
async function inFront() {
  if (away) return null;
  const shown = await api.windows.getLastFocused();
  if (!shown.focused) return null;
  const [tab] = await api.tabs.query({ active: true, windowId: shown.id });
  if (tab === undefined) return null;
  const frame = await api.webNavigation.getFrame({ tabId: tab.id, frameId: 0 });
  const host = frame === null ? null : hostOf(frame.url);
  if (host === null || failed.get(tab.id)?.host === host) return null;
  const held = passing.get(tab.id);
  return { host, private: tab.incognito, stayed: held?.host === host ? held.stayed : true };
}

async function look() {
  let found = null;
  try {
    found = await inFront();
  } catch {
    // No window, or one that has just closed.
  }
  const now = Date.now();
  if (front !== null) {
    const gap = now - front.seen; // Below nothing where the clock was set back: then it begins anew.
    if (gap >= 0 && gap <= LONGEST_GAP_MS) front.seen = now;
    const same = found !== null && found.host === front.host && found.private === front.private && front.seen === now;
    if (same && now - front.since < LONGEST_SPENT_MS) {
      front.stayed = either(front.stayed, found.stayed); // A host's page may send the visitor on to its next.
      return;
    }
    void spent(front);
  }
  front = found === null ? null : { ...found, since: now, seen: now };
}

async function either(one, other) {
  return (await one) || (await other);
}

async function spent({ host, private: isPrivate, stayed, since, seen }) {
  const seconds = (seen - since) / 1000;
  if (seconds * 1000 > PASSING_MS && (await stayed)) say(seen, { type: "Spent", host, seconds, private: isPrivate });
}

function presence(state) {
  away = state !== "active";
  if (state === "idle") front = null; // Nobody has been there since before this part of it began.
  lookSoon();
}

function lookSoon() {
  turn = turn.then(look, look);
}

api.webNavigation.onCommitted.addListener((details) => {
  committed(details);
  if (details.frameId === 0) lookSoon();
});
api.tabs.onActivated.addListener(lookSoon);
api.webNavigation.onBeforeNavigate.addListener(begun);
api.webNavigation.onErrorOccurred.addListener(notCome);
api.tabs.onRemoved.addListener((tabId) => {
  failed.delete(tabId);
  lookSoon();
});
api.windows.onFocusChanged.addListener(lookSoon);
api.idle.setDetectionInterval(AWAY_AFTER_SECONDS);
api.idle.onStateChanged.addListener(presence);
api.runtime.onMessage.addListener((asked, _sender, answer) => {
  if (asked === "about") answer({ settings, seesPrivateWindows }); // Only the extension's own page can ask.
});
api.runtime.onStartup.addListener(connect);
api.runtime.onInstalled.addListener(connect);
setInterval(lookSoon, LOOK_EVERY_MS);
api.idle.queryState(AWAY_AFTER_SECONDS).then(presence); // It may begin anew while the screen is locked.
void connect();
