// The import of training dates.

import { fileImport, ignoredColumns, mostGone, someRows } from "./fileimport.js";
import { day, element } from "./page.js";
import { gettext } from "./words.js";

const NEVER = gettext("as the settings say");
const dated = (iso) => (iso ? day(iso) : NEVER);

fileImport("training", {
  changes: (counts) => counts.new + counts.changed + counts.gone > 0,
  done: ({ counts }) =>
    gettext("Imported: {new} new, {changed} changed, {gone} taken out. Load the page again to see who is due.", counts),
  view: (told) => [
    element("p", {}, gettext("{new} new, {changed} changed, {gone} taken out, {unchanged} as before.", told.counts)),
    ...mostGone(told, gettext("Most dates would be taken out. Is this the whole register?")),
    ...ignoredColumns(told),
    ...someRows(gettext("Courses in the file"), [gettext("Course"), gettext("Lines"), gettext("Known")], courses(told), told.courses.length),
    ...someRows(gettext("Not in the list of people"), [gettext("Sign-in name")], told.strangers, told.strangers_count),
    ...someRows(
      gettext("Taken out"),
      [gettext("Sign-in name"), gettext("Course"), gettext("Date done")],
      told.gone.map(([account, course, done]) => [account, course, dated(done)]),
      told.counts.gone,
    ),
    ...someRows(
      gettext("Changed"),
      [gettext("Sign-in name"), gettext("Course"), gettext("Due until now"), gettext("Due then")],
      told.changed.map(([account, course, before, after]) => [account, course, dated(before), dated(after)]),
      told.counts.changed,
    ),
    ...someRows(
      gettext("New"),
      [gettext("Sign-in name"), gettext("Course"), gettext("Date done"), gettext("Due")],
      told.new.map(([account, course, done, due]) => [account, course, dated(done), dated(due)]),
      told.counts.new,
    ),
  ],
});

function courses(told) {
  return told.courses.map(([name, lines, isNew]) => [
    name,
    String(lines),
    isNew ? element("span", {}, element("span", { class: "chip warn" }, gettext("a new course"))) : gettext("yes"),
  ]);
}
