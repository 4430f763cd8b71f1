// Shows the person what this extension tells, whether it does so now, and the notice in the agent's own words.
"use strict";

const api = globalThis.browser ?? globalThis.chrome;
const ASK_EVERY_MS = 1000; // The agent may answer while the page is open.
const LINK = /^(.*)(https:\/\/\S+)$/;

let shown = "";

function stateOf(settings) {
  if (settings === null) return "Nothing is told now, as the Fairwatch program on this device does not answer.";
  return settings.watch ? "This is told now:" : "Nothing is told now, as watching has not begun. Once it has, this is:";
}

function privateWindowsOf(settings, seen) {
  if (settings === null || !settings.private_windows) return "This extension tells nothing of private windows.";
  return seen
    ? "The same of private windows, as your organisation’s signed policy says."
    : "Nothing of private windows: your organisation’s signed policy has them watched, but this browser lets nobody look.";
}

function made(name, text) {
  const element = document.createElement(name);
  const [, before, address] = LINK.exec(text) ?? [];
  element.append(before ?? text);
  if (address !== undefined) {
    const link = document.createElement("a");
    Object.assign(link, { href: address, target: "_blank", rel: "noreferrer", textContent: address });
    element.append(link);
  }
  return element;
}

function sectionOf({ heading, lines }) {
  const list = document.createElement("ul");
  list.append(...lines.map((line) => made("li", line)));
  const title = made("h2", heading);
  return [title, list];
}

function show({ settings, seesPrivateWindows }) {
  const part = (id) => document.getElementById(id);
  const notice = settings?.notice;
  part("heading").textContent = notice?.title ?? "This device is monitored";
  part("introduction").textContent =
    notice?.introduction ?? "Your organisation watches how this device of its own is used. It never does so in secret.";
  part("state").textContent = stateOf(settings);
  part("private").textContent = privateWindowsOf(settings, seesPrivateWindows);
  part("notice").hidden = notice === undefined;
  part("sections").replaceChildren(...(notice?.sections ?? []).flatMap(sectionOf));
}

async function ask() {
  const answer = (await api.runtime.sendMessage("about").catch(() => null)) ?? { settings: null };
  const now = JSON.stringify(answer);
  if (now !== shown) show(answer);
  shown = now;
  setTimeout(ask, ASK_EVERY_MS);
}

void ask();
