// The live half of the panel. Without this file every form still works as a form.
"use strict";

(() => {
  const $ = (id) => document.getElementById(id);
  const lcd = document.querySelectorAll(".lcd p");
  const problem = $("problem");
  let heard = Date.now();
  let stream = null;

  const set = (el, text) => { if (el.textContent !== text) el.textContent = text; };

  const show = (v) => {
    lcd.forEach((line, i) => set(line, v.lcd[i] || ""));
    for (const id of ["supply", "light", "sound", "register", "time", "server"]) set($(id), v[id]);
    $("supply").className = v.state;
    set($("cover"), v.tamper ? "open" : "closed");
    const icons = v.icons.join("\n");
    if (icons !== show.icons) {
      show.icons = icons;
      $("icons").replaceChildren(...v.icons.map((word) => Object.assign(document.createElement("li"), { textContent: word })));
    }
    set($("waiting"), String(v.waiting));
    set($("said"), v.said);
    for (const b of $("speeds")?.children || []) b.setAttribute("aria-pressed", String(Number(b.value) === v.speed));
    const sent = v.sent || [];
    const list = sent.length ? sent.map((m) => {
      const li = document.createElement("li");
      const to = document.createElement("b");
      to.textContent = m.to;
      li.append(to, " " + m.text);
      return li;
    }) : [Object.assign(document.createElement("li"), { textContent: "None yet." })];
    const text = list.map((li) => li.textContent).join("\n");
    if (text !== show.sent) {
      show.sent = text;
      $("sent").replaceChildren(...list);
    }
  };

  const open = () => {
    if (stream) return;
    stream = new EventSource("live");
    stream.onopen = () => { heard = Date.now(); set($("live"), "live"); };
    stream.onmessage = (e) => { heard = Date.now(); set($("live"), "live"); show(JSON.parse(e.data)); };
    stream.onerror = () => set($("live"), "not live since " + new Date(heard).toLocaleTimeString([], { hour12: false }));
  };
  const close = () => { if (stream) { stream.close(); stream = null; } };

  // One stream per visible page: browsers allow few connections to one place.
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  if (!document.hidden) open();

  // Forms go out one after the other, so that keys arrive in the order in which they were pressed.
  let queue = Promise.resolve();
  const post = (path, body) => {
    queue = queue.then(() => fetch(path, { method: "POST", body, headers: { "X-Panel": "1" } }))
      .then(async (answer) => {
        problem.hidden = answer.ok;
        problem.textContent = answer.ok ? "" : await answer.text();
      })
      .catch(() => {
        problem.hidden = false;
        problem.textContent = "The meter does not answer. Look at the display before you try again. Is its process still running?";
      });
    return queue;
  };

  document.addEventListener("submit", (e) => {
    e.preventDefault();
    const body = new URLSearchParams(new FormData(e.target, e.submitter));
    post(e.target.getAttribute("action"), body);
  });

  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.altKey || e.metaKey || e.target instanceof HTMLInputElement) return;
    // Enter on a button presses the button.
    const key = e.key === "Escape" ? "*" : e.key === "Enter" && !(e.target instanceof HTMLButtonElement) ? "#" : e.key;
    if (!/^[0-9*#]$/.test(key)) return;
    e.preventDefault();
    post("key", new URLSearchParams({ key }));
  });

  // A pasted token is typed.
  document.addEventListener("paste", (e) => {
    if (e.target instanceof HTMLInputElement) return;
    const digits = (e.clipboardData.getData("text").match(/[0-9]/g) || []).join("");
    if (digits.length === 20) post("key", new URLSearchParams({ key: digits }));
  });
})();
