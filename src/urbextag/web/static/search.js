// Search: the filters with their numbers come after the photos; another order is another address.
import { toast } from "./messages.js";

const aside = document.getElementById("facets");
fetch(aside.dataset.facets, { headers: { Accept: "text/html" } })
  .then(async (answer) => {
    if (!answer.ok) throw new Error("The filters could not be counted.");
    const part = new DOMParser().parseFromString(await answer.text(), "text/html");
    aside.replaceChildren(...part.body.childNodes);
  })
  .catch((error) => toast(error.message, true))
  .finally(() => aside.removeAttribute("aria-busy"));

for (const field of document.querySelectorAll("[data-submit]")) {
  field.addEventListener("change", () => field.form.submit());
}
