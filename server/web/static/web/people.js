// Real names behind accounts, for leads. The whole list is asked for at once, so that no request tells whom a case is about.

import { ask, element, name } from "./page.js";
import { gettext } from "./words.js";

const ADDRESS = "/desk/data/people/";
let known = new Map();
let found = new Map(); // account → the person or null: a list of thousands of cases is about some hundred accounts
let asked = null;

/** Fetch the names once a page. A page without names still works: every account then stands as it is. */
export function loadPeople() {
  asked ??= ask(ADDRESS).then(({ people }) => remember(people), () => {});
  return asked;
}

/** Take these people as the ones that are known. */
export function remember(people) {
  known = new Map();
  found = new Map();
  for (const person of people) {
    const { bare } = parts(person.account);
    known.set(bare, [...(known.get(bare) ?? []), person]);
  }
}

/**
 * The person behind an account, or null: unknown is better than a guess, so two people whom it could be are none.
 * The rule is that of `same_account`: case does not count, and a bare name is the same name in any domain.
 */
export function nameOf(account) {
  if (!found.has(account)) found.set(account, whoIs(account));
  return found.get(account);
}

function whoIs(account) {
  const { bare, domain } = parts(account);
  const same = (known.get(bare) ?? []).map((person) => ({ person, domain: parts(person.account).domain }));
  const exact = same.filter((one) => one.domain === domain);
  const fitting = exact.length > 0 ? exact : same.filter((one) => !one.domain || !domain);
  return fitting.length === 1 ? fitting[0].person : null;
}

/** The words to search and sort by: real name and account. */
export const personWords = (account) => {
  const person = nameOf(account);
  return person ? `${person.name} ${account}` : account;
};

/** A person as a page shows them: the real name, and the account beneath; the account alone where no name is known. */
export function personView(account) {
  const person = nameOf(account);
  if (!person) return name(account);
  const beneath = [account, person.partner, person.left ? gettext("has left") : ""].filter(Boolean).join(" · ");
  return element(
    "span",
    { "data-person": account },
    name(person.name),
    element("br"),
    element("span", { class: "small quiet" }, beneath),
  );
}

/** Whether two account names may be the same person's: where in doubt, yes. The rule of `same_account`. */
export function sameAccount(one, other) {
  const [first, second] = [parts(one), parts(other)];
  return first.bare === second.bare && (first.domain === second.domain || !first.domain || !second.domain);
}

function parts(account) {
  // Up and down again folds more than lower case alone: ß and ss are one, as for the devices.
  const folded = account.trim().toUpperCase().toLowerCase();
  const slash = folded.indexOf("\\");
  const rest = folded.slice(slash + 1);
  const at = rest.indexOf("@");
  if (slash >= 0 && at < 0) return { bare: rest, domain: folded.slice(0, slash) };
  return at < 0 ? { bare: rest, domain: "" } : { bare: rest.slice(0, at), domain: rest.slice(at + 1) };
}
