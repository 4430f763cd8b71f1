// Which other cases belong to a person, out of headings that were opened here. The collector can't tell, and is not told.

import { sameAccount } from "./people.js";

export const NEAR_DAYS = 14;
const DAY = 86_400_000;

/**
 * Cases beside `one`, out of `others`; each is { incident, device, person, started, ended } with times as Dates.
 *
 * `near`: the same person, within two weeks. `earlier`: the same person, before that. `device`: other accounts on the
 * same device, at a time when this person is known to have used it (between their own first and last case there): who
 * had the device before or after is not theirs to answer for.
 */
export function related(one, others) {
  const rest = others.filter((other) => other.incident !== one.incident);
  const theirs = rest.filter((other) => sameAccount(other.person, one.person));
  const isNear = (other) => distance(one, other) <= NEAR_DAYS * DAY;
  const used = [one, ...theirs].filter((other) => other.device && other.device === one.device);
  const from = Math.min(...used.map((other) => +other.started));
  const until = Math.max(...used.map((other) => +other.ended));
  const onDevice = (other) => other.device && other.device === one.device && +other.started <= until && +other.ended >= from;
  return {
    near: newestFirst(theirs.filter(isNear)),
    earlier: newestFirst(theirs.filter((other) => !isNear(other))),
    device: newestFirst(rest.filter((other) => !theirs.includes(other) && onDevice(other))),
  };
}

/** How far apart two cases lie; nothing when they overlap. */
function distance(one, other) {
  return Math.max(0, +one.started - +other.ended, +other.started - +one.ended);
}

const newestFirst = (cases) => cases.toSorted((one, other) => +other.started - +one.started);
