// Live cells of a page: an EventSource that carries {"id":{"cell":["text","class"]}} patches for the rows on screen.
// The page works without it; with it the figures move. Nothing here needs eval, inline script or another origin.
(function () {
  "use strict";
  var root = document.querySelector("[data-live]");
  if (!root || !window.EventSource) return;
  var badge = document.getElementById("live-state");
  var source = null, pending = {}, timer = 0, heard = Date.now();

  function say(live) {
    if (!badge) return;
    var t = new Date(heard);
    var text = live ? "● Live" : "○ Not live since " + ("0" + t.getHours()).slice(-2) + ":" + ("0" + t.getMinutes()).slice(-2);
    if (badge.textContent !== text) badge.textContent = text;
    badge.className = "badge live-state " + (live ? "ok" : "off");
  }
  function paint() {
    timer = 0;
    var batch = pending; pending = {};
    Object.keys(batch).forEach(function (id) {
      var row = document.getElementById("m-" + id);
      if (!row) return;
      Object.keys(batch[id]).forEach(function (name) {
        var cell = row.querySelector('[data-cell="' + name + '"]'), want = batch[id][name];
        if (!cell || cell.textContent === want[0]) return;
        cell.textContent = want[0];
        if (want[1] !== undefined) cell.className = want[1];
        cell.classList.remove("changed"); void cell.offsetWidth; cell.classList.add("changed");
      });
    });
  }
  function open() {
    if (source) return;
    source = new EventSource(root.getAttribute("data-live"));
    source.addEventListener("ping", function () { heard = Date.now(); say(true); });
    source.onmessage = function (e) {
      heard = Date.now(); say(true);
      var batch = JSON.parse(e.data);
      Object.keys(batch).forEach(function (id) {
        pending[id] = Object.assign(pending[id] || {}, batch[id]);
      });
      if (!timer) timer = setTimeout(paint, 500);
    };
  }
  function close() { if (source) { source.close(); source = null; } }
  // The browser alone does not notice a silent server: the server pings every 15 s, and 25 s without one is not live.
  setInterval(function () { if (Date.now() - heard > 25000) { say(false); close(); if (!document.hidden) open(); } }, 2000);
  document.addEventListener("visibilitychange", function () { if (document.hidden) close(); else { heard = Date.now(); open(); } });
  open();
})();
