// Keeps the list as the store has it, in every tab. Without it the page works as forms do.
"use strict";

const list = document.getElementById("notes");

function showTimes(root) {
  for (const time of root.querySelectorAll("time[data-seconds]")) {
    const written = new Date(Number(time.dataset.seconds) * 1000);
    time.dateTime = written.toISOString();
    time.textContent = written.toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  }
}

function show({ id, html }) {
  const old = document.getElementById("note-" + id);
  if (!html) {
    if (old) old.remove();
    return;
  }
  const holder = document.createElement("template");
  holder.innerHTML = html; // made and escaped by the server
  const item = holder.content.firstElementChild;
  showTimes(item);
  if (old) old.replaceWith(item);
  else list.prepend(item);
}

function follow() {
  const events = new EventSource("/events?after=" + list.dataset.after);
  events.onmessage = (event) => show(JSON.parse(event.data));
  // Too much happened while we were away.
  events.addEventListener("missed", () => location.reload());
}

// The note goes to the server, and comes back as it does for all other tabs.
document.querySelector("form.new").addEventListener("submit", async (submit) => {
  submit.preventDefault();
  const form = submit.target;
  const response = await fetch(form.action, {
    method: "POST", body: new URLSearchParams(new FormData(form)), redirect: "manual",
  });
  if (response.ok || response.type === "opaqueredirect") form.reset();
  else form.submit();
});

showTimes(document);
follow();
