// What the desk's pages share: building elements (text only, never markup), asking the collector, times in words.

import { gettext, language, ngettext } from "./words.js";

/** An element with attributes and children; strings become text. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** A name from a device: kept on one line while it is short, since a break at a hyphen misleads. */
export const name = (words, attributes = {}) =>
  element("span", { class: words.length <= 36 ? "whole" : "", ...attributes }, words);

export const find = (id) => document.getElementById(id);
export const show = (node, shown = true) => node?.toggleAttribute("hidden", !shown);

/** Show a problem in words, or take it away. */
export function tell(node, words) {
  if (!node) return;
  node.textContent = words ?? "";
  show(node, Boolean(words));
}

/** The collector could not do what was asked; the message is for the person, `status` says what it answered. */
export class DeskError extends Error {
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }
}

// The page's own token, or that of the sign-out form, which every page has.
const csrf = () =>
  document.querySelector("[data-csrf]")?.dataset.csrf ?? document.querySelector("[name=csrfmiddlewaretoken]").value;

/** Ask for JSON: GET, or POST with a body. */
export async function ask(address, body) {
  const options = { headers: { Accept: "application/json" } };
  if (body !== undefined) {
    options.method = "POST";
    options.headers["Content-Type"] = "application/json";
    options.headers["X-CSRFToken"] = csrf();
    options.body = JSON.stringify(body);
  }
  return (await answered(address, options)).json().catch(() => ({}));
}

/** Ask for bytes: an ArrayBuffer. */
export const askBytes = async (address) => (await answered(address, {})).arrayBuffer();

async function answered(address, options) {
  let answer;
  try {
    answer = await fetch(address, { redirect: "error", cache: "no-store", ...options });
  } catch {
    throw new DeskError(gettext("The collector can’t be reached. Nothing was changed; try again."));
  }
  if (answer.status === 401) throw new DeskError(gettext("You were signed out. Open this page again and sign in."), 401);
  if (answer.ok) return answer;
  const said = await answer.json().catch(() => ({}));
  throw new DeskError(said.error ?? gettext("The collector could not do this. Nothing was changed; try again."), answer.status);
}

export const zone = document.body.dataset.zone;

const TO_THE_MINUTE = { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" };
let clock;

/** A time as people of the organisation read it; whoever shows it names the zone beside it. */
export function time(iso) {
  // Made once: a format costs more than all that is formatted with it.
  clock ??= new Intl.DateTimeFormat(language, { timeZone: zone, ...TO_THE_MINUTE });
  return element("time", { datetime: iso }, clock.format(new Date(iso)));
}

/** A day without a time, written `2026-11-20`. */
export function day(iso) {
  const how = { timeZone: "UTC", day: "numeric", month: "long", year: "numeric" };
  return element("time", { datetime: iso }, new Intl.DateTimeFormat(language, how).format(new Date(`${iso}T00:00:00Z`)));
}

/** "once", "3 times". */
export const times = (count) => ngettext("once", "{count} times", count);

/** "1 case", "3 cases". */
export const cases = (count) => ngettext("1 case", "{count} cases", count);
