// What is typed and not yet sent, sealed to one's own key in this browser, so that a lock or a sign-out loses no word.

import { base64, text, unbase64, utf8 } from "./bytes.js";
import * as envelope from "./envelope.js";

const WAIT_MS = 400;
const KEPT_DAYS = 14;
const PREFIX = "fairwatch-draft:";
const NOWHERE = "00000000-0000-0000-0000-000000000000";

/**
 * Bring back what this person had typed into `form` about `subject` (a case's id, or nothing), and keep it from now on.
 * Returns what to call once it was sent. Only the holder of the key reads it, on a shared computer too.
 */
export async function keepDraft(form, subject, pair) {
  const name = `${PREFIX}${document.body.dataset.owner}:${subject ?? "new"}:${form.id}`;
  const place = { purpose: "draft", subject: subject ?? NOWHERE, record: NOWHERE, header: utf8(form.id) };
  dropOld();
  await restore(form, name, pair, place);
  let waiting = 0;
  let latest = 0;
  const save = async () => {
    clearTimeout(waiting);
    const turn = ++latest;
    const typed = values(form);
    if (!typed.some(([, value]) => value.trim())) return localStorage.removeItem(name);
    const sealed = await envelope.seal(utf8(JSON.stringify(typed)), [pair.publicKey], place);
    // A later save, or `sent`, may have come while this one was being sealed.
    if (turn === latest) store(name, base64(sealed));
  };
  const later = () => {
    clearTimeout(waiting);
    waiting = setTimeout(save, WAIT_MS);
  };
  form.addEventListener("input", later);
  form.addEventListener("change", save);
  return () => {
    clearTimeout(waiting);
    latest += 1;
    localStorage.removeItem(name);
  };
}

const isTyped = (field) => field.name && !["hidden", "submit", "button"].includes(field.type);

function values(form) {
  return Array.from(form.elements)
    .filter((field) => isTyped(field) && (!["radio", "checkbox"].includes(field.type) || field.checked))
    .map((field) => [field.name, field.value]);
}

async function restore(form, name, pair, place) {
  const kept = localStorage.getItem(name);
  if (!kept) return;
  let typed;
  try {
    typed = new Map(JSON.parse(text(await envelope.open(unbase64(JSON.parse(kept).sealed), pair, place))));
  } catch {
    return; // sealed to an older key, or not ours: it is dropped when it is old
  }
  for (const field of Array.from(form.elements).filter(isTyped)) {
    if (["radio", "checkbox"].includes(field.type)) field.checked = typed.get(field.name) === field.value;
    else if (typed.has(field.name)) field.value = typed.get(field.name);
  }
  form.dispatchEvent(new Event("restored"));
}

function store(name, sealed) {
  try {
    localStorage.setItem(name, JSON.stringify({ at: Date.now(), sealed }));
  } catch {
    // A full or closed store: the text stays in the page, as without this module.
  }
}

function dropOld() {
  for (const name of Object.keys(localStorage).filter((one) => one.startsWith(PREFIX))) {
    try {
      if (Date.now() - JSON.parse(localStorage.getItem(name)).at < KEPT_DAYS * 86_400_000) continue;
    } catch {
      // Not ours to read: drop it.
    }
    localStorage.removeItem(name);
  }
}
