// What this browser remembers of the audit log: a hash that nobody at the collector can take back.
//
// Only the beginning of the remembered hash is told; the collector must answer with the rest, which it has only while
// the line is in its log. If it can't, every page of this browser warns until the person says that they told somebody.

import { ask, element, find } from "./page.js";
import { gettext, language } from "./words.js";

const PLACE = "fairwatch-head";
const LOGS_KEPT = 4;
const REMIND_MS = 10 * 60_000;
const STARTS_CHARS = 16;

function remembered() {
  try {
    const kept = JSON.parse(localStorage.getItem(PLACE) ?? "{}");
    return kept && typeof kept === "object" ? kept : {};
  } catch {
    return {};
  }
}

function remember(all) {
  // The newest few: one address may have served several logs, as demonstrations do.
  const newest = Object.entries(all).sort(([, one], [, other]) => other.at - one.at);
  try {
    localStorage.setItem(PLACE, JSON.stringify(Object.fromEntries(newest.slice(0, LOGS_KEPT))));
  } catch {
    // A browser that keeps nothing can't warn; others do.
  }
}

/** Compare what is remembered with the log, and remember its newest head; asks at most every ten minutes. */
export async function compare() {
  if (!document.body.dataset.owner) return;
  const all = remembered();
  const [log, last] = Object.entries(all).sort(([, one], [, other]) => other.at - one.at)[0] ?? [];
  if (last?.lost) return warn(log, last);
  if (last && Date.now() - last.at < REMIND_MS) return;
  const now = await ask("/data/head");
  const own = all[now.log];
  const starts = own?.hash.slice(0, STARTS_CHARS);
  if (own && (await ask(`/data/head?starts=${starts}`)).found !== own.hash) {
    const lost = { ...own, at: Date.now(), lost: true };
    remember({ ...all, [now.log]: lost });
    warn(now.log, lost);
    await ask("/data/head/missing", { starts });
  } else if (now.hash) {
    const since = own?.hash === now.hash ? own.since : Date.now();
    remember({ ...all, [now.log]: { hash: now.hash, at: Date.now(), since } });
  }
}

function warn(log, kept) {
  const day = new Intl.DateTimeFormat(language, { dateStyle: "long" }).format(new Date(kept.since));
  const told = element("button", { type: "button", class: "second" }, gettext("I have told them; remember the log as it is now"));
  const box = element(
    "div",
    { class: "message bad", role: "alert", id: "head-lost" },
    element("p", {}, element("strong", {}, gettext("The audit log is not the one that this browser saw before."))),
    element("p", {}, gettext("On {day} it held a line that is gone or was changed. An older backup that was put back does this, and so does somebody who hides what was done.", { day })),
    element("p", {}, gettext("Tell the data protection officer and a custodian today, not IT alone. They can check the log against the heads that were sent out.")),
    element("p", { class: "mono breaks" }, kept.hash),
    told,
  );
  told.addEventListener("click", () => {
    const all = remembered();
    delete all[log];
    remember(all);
    box.remove();
    find("main").focus();
  });
  find("main").prepend(box);
}
