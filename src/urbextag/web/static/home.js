// Home: a folder is picked and added, and what the VLM servers say.
import { call } from "./api.js";
import { folderPicker } from "./folders.js";
import { toast, toastLater } from "./messages.js";

const dialog = document.getElementById("add-folder");
const form = dialog.querySelector("[data-add]");
const begin = folderPicker(dialog.querySelector("[data-picker]"), chosen);

document.addEventListener("click", (event) => {
  if (!event.target.closest('[data-open="add-folder"]')) return;
  dialog.showModal();
  begin();
});
dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
form.addEventListener("said", ({ detail: { task } }) => {
  dialog.close();
  document.addEventListener("urbextag:status", ({ detail: { tasks = [] } }) => {
    const end = tasks.find((one) => one.id === task.id);
    if (!end || end.state === "running" || dialog.open) return; // what is being filled in for the next folder stays
    if (end.result.message) toastLater(end.result.message);
    location.reload(); // so that the dialog offers the new location as well
  });
});

function chosen({ folder, folders, photos }) {
  const number = `${photos ? photos.toLocaleString() : "No"} photo${photos === 1 ? "" : "s"}`;
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
    ...servers.map((server) => {
      const line = document.createElement("li");
      const mark = document.createElement("b");
      mark.className = server.ready ? "good" : "bad";
      mark.textContent = server.ready ? "ready " : "not ready ";
      line.append(mark, server.ready ? server.detail : `${server.url}: ${server.detail}. ${server.remedy}.`);
      return line;
    }),
  );
}
endpoints().catch((error) => toast(error.message, true));
