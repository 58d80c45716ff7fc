// Home: a folder is picked and added, and what the VLM servers say.
import { call, sentence } from "./api.js";
import { count, element, guarded } from "./dom.js";
import { folderPicker } from "./folders.js";
import { toastLater } from "./messages.js";

const dialog = document.getElementById("add-folder");
const form = dialog.querySelector("[data-add]");
const begin = folderPicker(dialog.querySelector("[data-picker]"), chosen);
let begun = null;

document.addEventListener("click", (event) => {
  if (!event.target.closest('[data-open="add-folder"]')) return;
  dialog.showModal();
  begin();
});
dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
form.addEventListener("said", ({ detail: { task } }) => {
  dialog.close();
  begun = task.id;
});
document.addEventListener("urbextag:status", ({ detail: { tasks = [] } }) => {
  const end = tasks.find((one) => one.id === begun);
  if (!end || ["running", "failed"].includes(end.state)) return; // why it failed stands in a toast of this page
  if (dialog.open) return; // what is being filled in for the next folder stays
  if (end.result.message) toastLater(end.result.message);
  location.reload(); // so that the dialog offers the new location as well
});

function chosen({ folder, folders, photos }) {
  const number = photos ? count(photos, "photo") : "No photos";
  const below = folders.length ? " directly in here; those in folders below it are added too." : " in here.";
  dialog.querySelector("[data-photos]").textContent = folder ? number + below : "";
  dialog.querySelector("[data-go]").disabled = !folder;
  if (folder) form.dataset.action = `POST /api/v1/folders/${folder.id}/add`;
}

async function endpoints() {
  const box = document.querySelector("[data-endpoints]");
  if (!box.querySelector("span")) return;
  const servers = await call("GET", "/api/v1/status/endpoints");
  box.replaceChildren(
    ...servers.map(({ url, ready, detail, remedy }) =>
      ready
        ? element("li", "", "", element("b", "ready ", "good"), detail)
        : element("li", "", "", element("b", "not ready ", "bad"), sentence(detail.startsWith(url) ? detail : `${url}: ${detail}`, remedy)),
    ),
  );
}
guarded(endpoints)();
