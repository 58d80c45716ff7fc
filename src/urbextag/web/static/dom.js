// Small parts that scripts of several pages make: elements, pictures, numbers as people read them. Texts are never HTML.
import { toast } from "./messages.js";

/** A new element with a text, classes, and other things in it. */
export function element(name, text = "", kind = "", ...inside) {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  if (kind) made.className = kind;
  made.append(...inside);
  return made;
}

/** A photo's small picture; `looks.pictures` says why where it cannot be had. */
export function picture(id) {
  const image = element("img");
  image.loading = "lazy"; // before its address, else that is fetched at once
  image.src = `/api/v1/images/${id}/picture?size=small`;
  image.alt = "";
  image.dataset.picture = "";
  return image;
}

/** A table of texts. */
export function table(titles, rows, kind = "") {
  const row = (cells, name) => element("tr", "", "", ...cells.map((cell) => element(name, cell)));
  return element("table", "", kind, row(titles, "th"), ...rows.map((cells) => row(cells, "td")));
}

/** A handler whose error is told. */
export function guarded(work) {
  return (...given) => work(...given).catch((error) => toast(error.message, true));
}

export function count(number, noun) {
  return `${number.toLocaleString()} ${noun}${number === 1 ? "" : "s"}`;
}

export function percent(share) {
  return `${Math.round(100 * share)}%`;
}

/** As `numbers.duration` of the server says it. */
export function duration(seconds) {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
