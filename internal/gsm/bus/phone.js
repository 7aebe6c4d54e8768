// Live updates of a telephone's page. Without this file the form still works.
"use strict";

(() => {
  const $ = (id) => document.getElementById(id);
  const list = $("list"), live = $("live"), problem = $("problem");
  let after = list.dataset.after;
  let asking = null;

  const follow = async () => {
    if (asking) return;
    const mine = asking = new AbortController();
    let wait = "1ms"; // the first answer only shows that the network is there
    while (asking === mine) {
      try {
        const answer = await fetch(`list?after=${after}&wait=${wait}`, { signal: mine.signal });
        if (!answer.ok) throw new Error(answer.status);
        wait = "25s";
        after = answer.headers.get("X-After");
        if (answer.status === 200) {
          const page = new DOMParser().parseFromString(await answer.text(), "text/html");
          list.replaceChildren(...page.body.childNodes);
        }
        live.textContent = "Live; times in UTC.";
      } catch {
        if (asking !== mine) return;
        live.textContent = "Not live: the network does not answer.";
        await new Promise((done) => setTimeout(done, 2000));
      }
    }
  };
  const stop = () => { asking?.abort(); asking = null; };

  // One request per visible page: browsers allow only a few connections to one host.
  document.addEventListener("visibilitychange", () => (document.hidden ? stop() : follow()));
  if (!document.hidden) follow();

  $("send").addEventListener("submit", async (e) => {
    e.preventDefault();
    const button = e.submitter;
    button.disabled = true;
    try {
      const answer = await fetch("send", { method: "POST", body: new URLSearchParams(new FormData(e.target)), headers: { "X-Page": "1" } });
      problem.hidden = answer.ok;
      problem.textContent = answer.ok ? "" : await answer.text();
      if (answer.ok) $("text").value = "";
    } catch {
      problem.hidden = false;
      problem.textContent = "The network does not answer. Look at the messages before you send it again.";
    }
    button.disabled = false;
    $("text").focus();
  });
})();
