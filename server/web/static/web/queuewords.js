// What the queue says: durations and categories in words. As server/web/words.py says them.

import { ngettext, gettext } from "./words.js";

const MINUTES = { year: 365 * 24 * 60, day: 24 * 60, hour: 60 };

/** A duration in its largest unit: "3 days", "1 hour", "under a minute". */
export function span(milliseconds) {
  const minutes = Math.floor(milliseconds / 60_000);
  const whole = (unit) => Math.floor(minutes / unit);
  if (minutes >= MINUTES.year) return ngettext("{count} year", "{count} years", whole(MINUTES.year));
  if (minutes >= MINUTES.day) return ngettext("{count} day", "{count} days", whole(MINUTES.day));
  if (minutes >= MINUTES.hour) return ngettext("{count} hour", "{count} hours", whole(MINUTES.hour));
  return minutes >= 1 ? ngettext("{count} minute", "{count} minutes", minutes) : gettext("under a minute");
}

/** A category's name, or its id made readable when this collector does not know it. */
export function categoryName(categories, id) {
  if (categories[id]) return categories[id];
  const words = id.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
