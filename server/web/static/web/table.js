// A table as the pages have them: on a phone each row becomes a small list, its headings beside the values.

import { element } from "./page.js";

/** A table of rows, the first value of each being the row's heading; values are text or elements. */
export const table = (caption, headings, rows) =>
  element(
    "table",
    { class: "stack" },
    element("caption", {}, caption),
    element("thead", {}, element("tr", {}, ...headings.map((words) => element("th", { scope: "col" }, words)))),
    element(
      "tbody",
      {},
      ...rows.map(([first, ...rest]) =>
        element(
          "tr",
          {},
          element("th", { scope: "row" }, first),
          ...rest.map((value, at) => element("td", { "data-label": headings[at + 1] }, value || "–")),
        ),
      ),
    ),
  );
