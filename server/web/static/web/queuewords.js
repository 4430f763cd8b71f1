// What the queue says: durations and categories in words. As server/web/words.py says them.

const UNITS = [
  [365 * 24 * 60, "year"],
  [24 * 60, "day"],
  [60, "hour"],
  [1, "minute"],
];

/** A duration in its largest unit: "3 days", "1 hour", "under a minute". */
export function span(milliseconds) {
  const minutes = Math.floor(milliseconds / 60_000);
  for (const [size, unit] of UNITS) {
    if (minutes >= size) {
      const count = Math.floor(minutes / size);
      return `${count} ${unit}${count === 1 ? "" : "s"}`;
    }
  }
  return "under a minute";
}

/** A category's name, or its id made readable when this collector does not know it. */
export function categoryName(categories, id) {
  if (categories[id]) return categories[id];
  const words = id.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

export const cases = (count) => (count === 1 ? "1 case" : `${count.toLocaleString("en-GB")} cases`);
