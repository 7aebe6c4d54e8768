// Small comforts of the console; every page works without them.
(function () {
  "use strict";
  // "/" goes to the first search or meter field, Esc leaves the page by its cancel link.
  document.addEventListener("keydown", function (e) {
    var typing = /^(INPUT|TEXTAREA|SELECT)$/.test(e.target.tagName);
    if (e.key === "/" && !typing && !e.ctrlKey && !e.metaKey && !e.altKey) {
      var field = document.querySelector("[data-search]");
      if (field) { e.preventDefault(); field.focus(); field.select(); }
    } else if (e.key === "Escape") {
      var cancel = document.querySelector("a[data-cancel]");
      if (cancel) { e.preventDefault(); cancel.click(); }
    }
  });
  // A form that moves money is sent once, however often Enter is pressed.
  document.addEventListener("submit", function (e) {
    var form = e.target;
    if (!form.hasAttribute("data-once")) return;
    if (form.dataset.sent) { e.preventDefault(); return; }
    form.dataset.sent = "1";
    setTimeout(function () { form.querySelectorAll("button").forEach(function (b) { b.disabled = true; }); }, 0);
  });
  // Back to a sent form: it may be changed and sent again; its one-time id still makes a repeat harmless.
  window.addEventListener("pageshow", function (e) {
    if (!e.persisted) return;
    document.querySelectorAll("form[data-once]").forEach(function (f) {
      delete f.dataset.sent; f.querySelectorAll("button").forEach(function (b) { b.disabled = false; });
    });
  });
  // The check digit of a meter number is told while typing (Luhn).
  function luhn(s) {
    var sum = 0, twice = false;
    for (var i = s.length - 1; i >= 0; i--, twice = !twice) {
      var d = s.charCodeAt(i) - 48;
      if (twice) { d *= 2; if (d > 9) d -= 9; }
      sum += d;
    }
    return sum % 10 === 0;
  }
  document.querySelectorAll("input[data-meter]").forEach(function (input) {
    var hint = document.getElementById(input.getAttribute("aria-describedby"));
    input.addEventListener("input", function () {
      var s = input.value.replace(/[\s-]/g, ""), n = s.length, bad = /\D/.test(s) || ((n === 11 || n === 13) && !luhn(s)) || n > 13;
      input.setAttribute("aria-invalid", bad ? "true" : "false");
      if (hint) hint.textContent = bad ? "The check digit does not fit: look at the number again." :
        (n === 11 || n === 13) ? "✓ check digit fits" : "11 or 13 digits";
    });
  });
  // Copy buttons copy the digits, without the blanks.
  document.addEventListener("click", function (e) {
    var b = e.target.closest("[data-copy]");
    if (!b || !navigator.clipboard) return;
    navigator.clipboard.writeText(b.getAttribute("data-copy")).then(function () { b.textContent = "Copied"; });
  });
})();
