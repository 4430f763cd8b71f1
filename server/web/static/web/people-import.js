// IT's import of people.

import { fileImport, ignoredColumns, mostGone, someRows } from "./fileimport.js";
import { element } from "./page.js";
import { gettext } from "./words.js";

const HEADINGS = {
  problems: [gettext("Lines left out"), [gettext("Line"), gettext("Problem")]],
  gone: [gettext("No longer listed"), [gettext("Sign-in name"), gettext("Real name")]],
  changed: [gettext("Changed"), [gettext("Sign-in name"), gettext("Real name"), gettext("What")]],
  new: [gettext("New"), [gettext("Sign-in name"), gettext("Real name"), gettext("Group"), gettext("Partner")]],
};

fileImport("people", {
  changes: (counts) => counts.new + counts.changed + counts.gone > 0,
  done: ({ counts }) => gettext("Imported: {new} new, {changed} changed, {gone} no longer listed.", counts),
  view: (told) => [
    element(
      "p",
      {},
      gettext("{new} new, {changed} changed, {gone} no longer listed, {unchanged} as before.", told.counts),
    ),
    ...mostGone(told, gettext("Most people would be gone. Is this the whole list?")),
    ...ignoredColumns(told),
    ...Object.entries(HEADINGS).flatMap(([kind, [caption, headings]]) =>
      someRows(caption, headings, told[kind], kind === "problems" ? told.counts.left_out : told.counts[kind]),
    ),
  ],
});
