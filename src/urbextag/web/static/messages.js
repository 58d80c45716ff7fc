// Toasts, and the one question before something is done.

export function toast(text, bad = false, action) {
  const box = reachable(document.getElementById("toasts"));
  const line = document.createElement("div");
  line.className = bad ? "toast bad" : "toast";
  line.textContent = text;
  if (action) {
    const button = document.createElement("button");
    button.textContent = action.label;
    button.addEventListener("click", () => {
      line.remove();
      action.run();
    });
    line.append(button);
  }
  const close = document.createElement("button");
  close.className = "plain";
  close.setAttribute("aria-label", "Close");
  close.textContent = "×";
  close.addEventListener("click", () => line.remove());
  line.append(close);
  box.append(line);
  if (!bad) setTimeout(() => line.remove(), action ? 12000 : 5000);
}

/** Behind an open dialog nothing can be read out or clicked, so the box moves into it until it closes. */
function reachable(box) {
  const dialog = document.querySelector("dialog:modal");
  if (!dialog || dialog.contains(box)) return box;
  dialog.append(box);
  dialog.addEventListener("close", () => document.body.append(box), { once: true });
  return box;
}

/** Carries a toast over to the page that comes next. */
export function toastLater(text) {
  sessionStorage.setItem("toast", text);
}

export function toastFromBefore() {
  const text = sessionStorage.getItem("toast");
  if (!text) return;
  sessionStorage.removeItem("toast");
  toast(text);
}

export function ask(text) {
  const dialog = document.getElementById("confirm");
  document.getElementById("confirm-text").textContent = text;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}
