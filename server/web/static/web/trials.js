// Lists on trial: each device's sealed report is verified and opened here, added to the sums, and forgotten.

import { sha256, concat, text, unbase64, utf8 } from "./bytes.js";
import * as envelope from "./envelope.js";
import { ask, element, find, name, show, tell, times } from "./page.js";
import { whenUnlocked } from "./unlock.js";
import { gettext, ngettext, number, spread } from "./words.js";

const ENTRIES_SHOWN = 100;

/** The counts of one report, once its signature holds. Throws when it is altered, moved, or not for this key. */
export async function open(report, pair) {
  const header = unbase64(report.header);
  const sealed = unbase64(report.envelope);
  const statement = concat(utf8("fairwatch/v1/trial\0"), await sha256(header), await sha256(sealed));
  const key = await crypto.subtle.importKey("raw", unbase64(report.signer_key), { name: "Ed25519" }, false, ["verify"]);
  if (!(await crypto.subtle.verify({ name: "Ed25519" }, key, unbase64(report.signature), statement))) {
    throw new Error(gettext("the device’s signature does not match"));
  }
  const read = JSON.parse(text(header));
  const place = { purpose: "trial", subject: read.device, record: read.record, header };
  return { header: read, gateway: report.gateway, counts: JSON.parse(text(await envelope.open(sealed, pair, place))) };
}

/** Sums over reports: `sums` is a Map of lists, each with its devices, entries and what was not listed. */
export function add(sums, { header, gateway, counts }) {
  for (const pack of counts.packs) {
    if (!sums.has(pack.pack)) {
      sums.set(pack.pack, { version: 0, size: 0, devices: new Set(), gateways: new Set(), days: new Set(), met: 0, more: 0, entries: new Map() });
    }
    const sum = sums.get(pack.pack);
    if (pack.version >= sum.version) Object.assign(sum, { version: pack.version, size: pack.size });
    sum.devices.add(header.device);
    if (gateway) sum.gateways.add(header.device);
    sum.days.add(header.day);
    sum.more += pack.more;
    sum.met += pack.more;
    for (const { entry, categories, count } of pack.entries) {
      if (!sum.entries.has(entry)) sum.entries.set(entry, { categories: new Set(), devices: new Set(), count: 0 });
      const known = sum.entries.get(entry);
      for (const category of categories) known.categories.add(category);
      known.devices.add(header.device);
      known.count += count;
      sum.met += count;
    }
  }
}

const entries = (count) => ngettext("1 entry", "{count} entries", count);
const devices = (count) => ngettext("1 device", "{count} devices", count);
const days = (count) => ngettext("1 day", "{count} days", count);

function listView(id, sum, { categories, services }) {
  const ranked = [...sum.entries].sort(
    ([a, one], [b, other]) => other.devices.size - one.devices.size || other.count - one.count || (a < b ? -1 : 1),
  );
  const told =
    sum.met === 0
      ? gettext("Nothing on this list was met.")
      : gettext("Met {met}, {entries} of {size}.", { met: times(sum.met), entries: entries(ranked.length), size: number(sum.size) });
  const parts = [
    element("h2", {}, element("span", { class: "mono" }, id)),
    element("p", {}, `${told} ${gettext("Tried on {devices} over {days}.", { devices: devices(sum.devices.size), days: days(sum.days.size) })}`),
  ];
  if (sum.gateways.size > 0) {
    const words = ngettext(
      "A gateway counts for all its phones as one device; 1 is counted here.",
      "A gateway counts for all its phones as one device; {count} are counted here.",
      sum.gateways.size,
    );
    parts.push(element("p", { class: "small" }, words));
  }
  if (ranked.length > 0) {
    const headings = [gettext("Entry"), gettext("Category"), gettext("Devices"), gettext("Times")];
    const rows = ranked.slice(0, ENTRIES_SHOWN).map(([entry, met]) =>
      element(
        "tr",
        {},
        element("th", { scope: "row" }, services[entry] ?? element("span", { class: "mono" }, name(entry))),
        element("td", { "data-label": gettext("Category") }, [...met.categories].map((one) => categories[one] ?? one).join(", ")),
        element("td", { "data-label": gettext("Devices"), class: "number" }, number(met.devices.size)),
        element("td", { "data-label": gettext("Times"), class: "number" }, number(met.count)),
      ),
    );
    const cells = headings.map((words, at) => element("th", at < 2 ? { scope: "col" } : { scope: "col", class: "number" }, words));
    const caption =
      ranked.length > ENTRIES_SHOWN
        ? gettext("What was met on most devices first. The first {shown} are shown.", { shown: ENTRIES_SHOWN })
        : gettext("What was met on most devices first.");
    parts.push(
      element(
        "table",
        { class: "stack" },
        element("caption", {}, caption),
        element("thead", {}, element("tr", {}, ...cells)),
        element("tbody", {}, ...rows),
      ),
    );
  }
  if (sum.more > 0) parts.push(element("p", { class: "small" }, gettext("And {more} by entries that busy days left out.", { more: times(sum.more) })));
  parts.push(
    element(
      "p",
      { class: "small" },
      ...spread(gettext("The line with which it would act as it is now: {line}"), { line: element("code", {}, `${id} = ${sum.size}`) }),
    ),
  );
  return element("section", { class: "card", "data-list": id }, ...parts);
}

async function openAll(pair) {
  const button = find("open-counts");
  const progress = find("progress");
  const sums = new Map();
  let [after, opened, refused] = [0, 0, 0];
  let words = {};
  while (after !== null) {
    const given = await ask(button.dataset.counts, { after });
    words = given;
    for (const report of given.reports) {
      try {
        add(sums, await open(report, pair));
        opened += 1;
      } catch {
        refused += 1;
      }
    }
    after = given.following;
    progress.textContent = ngettext("1 report opened", "{count} reports opened", opened);
  }
  const parts = [];
  if (refused > 0) {
    const words = ngettext(
      "1 report could not be opened: altered after leaving the device, or sealed to another of your keys. The sums lack what it says.",
      "{count} reports could not be opened: altered after leaving the device, or sealed to another of your keys. The sums lack what they say.",
      refused,
    );
    parts.push(element("p", { class: "message warn" }, words));
  }
  const lists = [...sums].sort(([a, one], [b, other]) => other.met - one.met || (a < b ? -1 : 1));
  if (lists.length === 0) {
    const words = gettext("No device has reported on a list in this time. Either no list is on trial, or no day has ended since one is.");
    parts.push(element("section", { class: "card" }, element("h2", {}, gettext("Nothing to show")), element("p", {}, words)));
  }
  find("counts").replaceChildren(...parts, ...lists.map(([id, sum]) => listView(id, sum, words)));
  find("counts").dataset.opened = "true";
}

await whenUnlocked(async (pair) => {
  show(find("open-card"));
  find("open-counts").addEventListener("click", async (event) => {
    const button = event.currentTarget;
    button.disabled = true;
    tell(find("desk-problem"));
    try {
      await openAll(pair);
    } catch (fault) {
      tell(find("desk-problem"), fault.message);
    } finally {
      button.disabled = false;
    }
  });
});
