// Putting cases together in the queue: those of one category and urgency whose entries, or lists, share a tag. Pure.
// A tag says that two cases match the same entry and not which: only opening the evidence, on the record, tells that.

const TAGS = { entry: "entries", list: "lists" };

/**
 * The cases with those of a group beside each other, a group where its first case stood, and what each group holds:
 * { list, groups }, where `groups` maps the id of each case that is in a group of two or more to its group, an array.
 * Urgent cases are in groups of their own, so none sinks below routine ones.
 */
export function together(cases, by) {
  const field = TAGS[by];
  if (!field) return { list: cases, groups: new Map() };
  const counts = new Map();
  const keysOf = new Map();
  for (const one of cases) {
    const keys = (one.heading?.[field] ?? []).map((tag) => `${one.clear.urgent} ${one.heading.category} ${tag}`);
    keysOf.set(one, keys);
    for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const gathered = new Map();
  for (const one of cases) {
    const key = commonest(keysOf.get(one), counts) ?? one;
    if (gathered.has(key)) gathered.get(key).push(one);
    else gathered.set(key, [one]);
  }
  return arranged(gathered);
}

// Of a case with several entries: the one that most others share.
function commonest(keys, counts) {
  let best;
  for (const key of keys) if (best === undefined || counts.get(key) > counts.get(best)) best = key;
  return best;
}

function arranged(gathered) {
  const list = [];
  const groups = new Map();
  for (const group of gathered.values()) {
    for (const one of group) {
      list.push(one);
      if (group.length > 1) groups.set(one.clear.id, group);
    }
  }
  return { list, groups };
}
