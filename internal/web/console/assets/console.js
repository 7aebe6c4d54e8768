// Keyboard shortcuts and small conveniences of the console; every page works without them.
(function () {
  "use strict";
  var main = document.getElementById("main");

  // A keyboard user starts in the first field, else at the content. The button that sells gets the focus here and not
  // from the browser: otherwise a key still held down from the page before would press it before the rule about held
  // keys below applies.
  // Typing replaces the content of an amount field, unless the user has already begun to type.
  function arrive() {
    var here = document.activeElement;
    if (here && here.matches("input.amount") && here.value && here.value === here.defaultValue) here.select();
    if (document.activeElement && document.activeElement !== document.body) return;
    var field = document.querySelector("[autofocus], [data-arrive]");
    (field || main).focus({ preventScroll: !field || !!location.hash }); // the banner and the menu stay in view
  }

  // "/" goes to the search field, "?" to the help, Esc leaves a form without sending it.
  document.addEventListener("keydown", function (e) {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    var field = document.querySelector("[data-search]"), t = e.target;
    var number = t.matches("[data-number], .amount"); // these never take a "/"
    var typing = t.matches("input:not([type=checkbox]), textarea, select") && !number;
    if (e.key === "/" && field && !typing) {
      e.preventDefault(); field.focus(); field.select();
    } else if (e.key === "?" && !typing && !number && document.querySelector("[data-help]")) {
      e.preventDefault(); location.assign(document.querySelector("[data-help]").href);
    } else if ((e.key === "ArrowDown" || e.key === "ArrowUp") && t.closest("[role=search]")) {
      var all = Array.from(t.closest("[role=search]").querySelectorAll("[data-search], .hits a")), at = all.indexOf(t) + (e.key === "ArrowDown" ? 1 : -1);
      if (all[at]) { e.preventDefault(); all[at].focus(); }
    } else if (e.key === "Escape" && t.closest("[role=search]")) {
      e.preventDefault(); field.focus(); suggest(field, "");
    } else if (e.key === "Escape" && t.closest("[data-escape]")) {
      e.preventDefault(); location.assign(t.closest("[data-escape]").getAttribute("data-escape"));
    } else if (e.key === "Enter" && e.repeat && t.closest("form[data-once]")) {
      e.preventDefault(); // a key held down since the page before confirms nothing
    }
  });

  // Suggestions appear while somebody types in the search field. An answer that comes after a later question is not shown.
  var asked = 0;
  function suggest(field, html) { field.closest("form").querySelector(".hits").innerHTML = html; }
  document.addEventListener("input", function (e) {
    var field = e.target, text = field.value.trim(), mine = ++asked;
    if (!field.matches("[data-search]")) return;
    if (text.length < 2) { suggest(field, ""); return; }
    setTimeout(function () {
      if (mine !== asked) return;
      fetch(field.dataset.search + "?q=" + encodeURIComponent(text), { headers: { Accept: "text/html" }, redirect: "error" }).then(function (a) {
        return a.ok ? a.text() : "";
      }).then(function (html) { if (mine === asked) suggest(field, html); }, function () {});
    }, 150);
  });

  // A form that changes something is sent once, however often it is clicked. Its buttons keep the focus.
  function held(form, on) {
    form.querySelectorAll("button").forEach(function (b) { if (on) b.setAttribute("aria-disabled", "true"); else b.removeAttribute("aria-disabled"); });
  }
  document.addEventListener("submit", function (e) {
    var form = e.target;
    if (!form.hasAttribute("data-once")) return;
    if (form.dataset.sent) { e.preventDefault(); return; }
    form.dataset.sent = "1";
    held(form, true);
  });
  // Back to a sent form: it may be sent again; its one-time id makes a repeat harmless.
  window.addEventListener("pageshow", function (e) {
    if (!e.persisted) return;
    document.querySelectorAll("form[data-once]").forEach(function (f) { delete f.dataset.sent; held(f, false); });
  });

  // Copy copies the digits without blanks. On unencrypted pages browsers have no clipboard: then the digits are selected
  // for copying by hand.
  function copy(button) {
    function say(text) { (button.querySelector("span") || button).textContent = text; }
    function select() {
      var range = document.createRange(), token = button.parentNode.querySelector(".token");
      range.selectNodeContents(token);
      getSelection().removeAllRanges(); getSelection().addRange(range);
      say(button.dataset.selected);
    }
    if (!navigator.clipboard) { select(); return; }
    navigator.clipboard.writeText(button.getAttribute("data-copy")).then(function () { say(button.dataset.copied); }, select);
  }
  document.querySelectorAll("[data-copy], [data-print]").forEach(function (b) {
    b.hidden = false;
    b.addEventListener("click", function () { if (b.hasAttribute("data-print")) print(); else copy(b); });
  });

  // A telephone can share a token with the customer's own programs for messages.
  document.querySelectorAll("[data-share]").forEach(function (b) {
    if (!navigator.share) return;
    b.hidden = false;
    b.addEventListener("click", function () { navigator.share({ text: b.dataset.share }).catch(function () {}); });
  });

  // A receipt is printed at once after a sale, and not again when somebody comes back to it.
  if (document.querySelector("[data-at-once]") && performance.getEntriesByType("navigation").every(function (n) { return n.type === "navigate"; })) {
    addEventListener("load", function () { print(); });
  }

  // In a page from right to left, invisible characters keep figures in order. Text that somebody copies has none.
  document.addEventListener("copy", function (e) {
    var text = String(getSelection()), plain = text.replace(/[\u2066-\u2069]/g, "");
    if (plain === text || !e.clipboardData) return;
    e.clipboardData.setData("text/plain", plain);
    e.preventDefault();
  });

  arrive();
})();
