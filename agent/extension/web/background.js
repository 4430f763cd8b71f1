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
let front = null; // {host, private, since, seen}: what is in front, from when, and until when it was seen there.
let away = false;
let turn = Promise.resolve();
const passing = new Map(); // By tab: the page that was opened a moment ago, and may only send the visitor on.
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
  if (before !== undefined && !(transitionQualifiers ?? []).includes("client_redirect")) void before.tell();
  const host = hostOf(url);
  const missed = failed.get(tabId);
  if (missed?.host === host && !missed.again) return; // Firefox shows what went wrong under the address asked for.
  failed.delete(tabId);
  if (host === null) return;
  hold(tabId, () => visited(tabId, host, timeStamp), PASSING_MS);
}

function hold(tabId, tell, ms, onward = false) {
  const timer = setTimeout(() => {
    passing.delete(tabId);
    void tell();
  }, ms);
  passing.set(tabId, { timer, tell, onward });
}

function begun({ tabId, frameId, documentLifecycle }) {
  if (frameId !== 0) return;
  const missed = failed.get(tabId);
  if (missed !== undefined) missed.again = true; // What comes now is a page.
  const held = passing.get(tabId);
  if (held === undefined || held.onward || (documentLifecycle ?? "active") !== "active") return;
  clearTimeout(held.timer); // Whether it only passed the visitor on is known when the next page comes.
  hold(tabId, held.tell, ONWARD_MS, true);
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
  return host === null || failed.get(tab.id)?.host === host ? null : { host, private: tab.incognito };
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
    if (same && now - front.since < LONGEST_SPENT_MS) return;
    spent();
  }
  front = found === null ? null : { ...found, since: now, seen: now };
}

function spent() {
  const seconds = (front.seen - front.since) / 1000;
  if (seconds * 1000 > PASSING_MS) say(front.seen, { type: "Spent", host: front.host, seconds, private: front.private });
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
