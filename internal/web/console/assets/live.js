// The places of a page that update: an EventSource carries {"at":"14:02 UTC","rows":{"element":{"cell":["text","class"]}}}.
// The page works without it. Nothing here needs eval, an inline script or another origin.
(function () {
  "use strict";
  var root = document.querySelector("[data-live]"), badge = document.getElementById("live-state");
  if (!root || !badge || !window.EventSource) return;

  var silence = 20000;              // ms without a message until the page is not live; the server pings every 15 s
  var patience = 4000;              // ms after a lost connection until the page says so
  var soonest = 1000, slowest = 15000; // ms until the next attempt
  var source = null, timer = 0, wait = soonest;
  var heard = Date.now(), at = root.getAttribute("data-now"), lost = 0, over = false;
  var pending = {}, painting = 0;
  var flash = 600;                  // ms for which a changed place is marked

  function say(text, kind) {
    if (badge.textContent !== text) badge.textContent = text;
    badge.className = "badge " + kind;
  }
  function close() {
    clearTimeout(timer); timer = 0;
    if (source) { source.close(); source = null; }
  }
  function hear(message) {
    heard = Date.now(); at = message.at; lost = 0; wait = soonest;
    say(badge.dataset.on, "ok");
  }
  function lose() {
    close();
    if (over || document.hidden) return;
    if (!lost) lost = Date.now();
    timer = setTimeout(open, wait * (0.75 + Math.random() / 2));
    wait = Math.min(wait * 2, slowest);
  }
  function end() {
    over = true; close();
    say(badge.dataset.over, "");
  }
  function open() {
    if (source || over) return;
    var mine = source = new EventSource(root.getAttribute("data-live"));
    mine.addEventListener("ping", function (e) { hear(JSON.parse(e.data)); });
    mine.addEventListener("end", end);
    mine.onerror = function () { if (source === mine) lose(); };
    mine.onmessage = function (e) {
      var message = JSON.parse(e.data);
      hear(message);
      Object.keys(message.rows).forEach(function (id) { pending[id] = Object.assign(pending[id] || {}, message.rows[id]); });
      if (!painting) painting = setTimeout(paint, 500);
    };
  }
  // At most twice a second, and only changed places, so that a selection or the focus elsewhere stays. The mark is no animation: with fifty
  // rows an animation would draw the page anew in every frame.
  function paint() {
    var batch = pending, moved = [];
    pending = {}; painting = 0;
    Object.keys(batch).forEach(function (id) {
      var element = document.getElementById(id);
      if (!element) return;
      Object.keys(batch[id]).forEach(function (name) {
        var place = element.querySelector('[data-cell="' + name + '"]'), want = batch[id][name];
        if (!place || place.textContent === want[0]) return;
        place.textContent = want[0];
        if (want.length > 1) place.className = want[1];
        place.classList.add("changed");
        moved.push(place);
      });
    });
    if (!moved.length) return;
    setTimeout(function () { moved.forEach(function (place) { place.classList.remove("changed"); }); }, flash);
    document.body.dispatchEvent(new CustomEvent("moved"));
  }
  function watch() {
    if (over || document.hidden) return;
    var now = Date.now();
    if (now - heard > silence && source) lose();
    if (now - heard > silence || (lost && now - lost > patience)) say(badge.dataset.lost.replace("{at}", at), "");
  }
  function wake() {
    if (document.hidden) { close(); return; }
    if (over) return;
    wait = soonest;
    close(); open(); watch();
  }
  setInterval(watch, 1000);
  document.addEventListener("visibilitychange", wake);
  window.addEventListener("pageshow", function (e) { if (e.persisted) wake(); });
  window.addEventListener("pagehide", close);
  open();
})();
