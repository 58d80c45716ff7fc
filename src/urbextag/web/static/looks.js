// Times in the reader's zone, light or dark, and what stands in place of a picture that cannot be had.
import { element } from "./dom.js";

export function localTimes(root) {
  const format = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  for (const time of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(time.dateTime);
    if (Number.isNaN(moment.getTime())) continue;
    time.title = time.dateTime;
    time.textContent = format.format(moment);
  }
}

export function themeSwitch() {
  const button = document.querySelector("[data-theme-switch]");
  button.addEventListener("click", () => {
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    const at = document.documentElement.dataset.theme ?? (dark ? "dark" : "light");
    const next = at === "dark" ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    localStorage.setItem("theme", next);
  });
}

/** A picture that cannot be had is said: its reason stands in its place. */
export function pictures(root) {
  for (const image of root.querySelectorAll("img[data-picture]")) {
    const failed = async () => {
      const answer = await fetch(image.src).catch(() => null);
      if (answer?.ok) {
        image.src = image.src; // asked for again: it can be had by now
        return;
      }
      const said = await answer?.json().catch(() => null);
      image.replaceWith(element("span", said?.error?.message ?? "The picture cannot be shown", "no-picture"));
    };
    if (image.complete && image.src && !image.naturalWidth) failed(); // before this script ran
    else image.addEventListener("error", failed, { once: true });
  }
}
