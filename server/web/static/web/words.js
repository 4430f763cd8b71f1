// Sentences in the page's language: for another than British English the page loads its catalogue (`words.js`) first.
// A sentence is one whole literal, since translators get it as it stands here; `{name}` in it is filled in.

const catalogue = globalThis.django; // put there by Django's own catalogue; not in workers, nor where nothing is translated

/** How numbers and dates are written here. */
export const language = globalThis.document?.documentElement.lang || "en-GB";

/** A sentence, with `{name}` replaced by `values.name`. */
export const gettext = (sentence, values = {}) => filled(catalogue?.gettext(sentence) ?? sentence, values);

/** The sentence that fits a count, which it calls `{count}`. */
export function ngettext(one, many, count, values = {}) {
  const sentence = catalogue?.ngettext(one, many, count) ?? (count === 1 ? one : many);
  return filled(sentence, { count: number(count), ...values });
}

/** A sentence as a list of texts and nodes, where `{name}` is the node `nodes.name`. */
export const spread = (sentence, nodes) =>
  sentence.split(/\{(\w+)\}/).map((part, at) => (at % 2 === 1 ? (nodes[part] ?? `{${part}}`) : part));

/** A count as it is written here: 12,000. */
export const number = (count) => count.toLocaleString(language);

const filled = (sentence, values) => sentence.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
