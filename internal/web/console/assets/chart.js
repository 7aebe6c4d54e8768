// Draws the charts of a page with uPlot. Their figures are in data-chart; the table beside each has the same figures. Nothing here needs eval.
//
// A chart is {kind: "bars" | "line" | "step", by, tz, unit, scale, digits, x, y, part, marks: [[x, kind]]}. Figures are whole numbers of the
// smallest unit, scale of which make one unit of the axis. For bars, x has local days, and for lines seconds. A figure of null is a gap.
(function () {
  "use strict";
  var lang = document.documentElement.lang || "en";
  if (lang === "en") lang = "en-GB"; // the day before the month
  lang += "-u-nu-latn";              // the digits of the table
  var charts = [];

  function format(zone, options) {
    options.timeZone = zone;
    options.hourCycle = "h23";
    return new Intl.DateTimeFormat(lang, options);
  }
  // The colours are those of the page, read as the browser computes them, so that a change of theme changes the chart.
  function tones(box) {
    var out = {};
    ["axis", "grid", "main", "part", "gap", "credit", "reset"].forEach(function (name) {
      var probe = document.createElement("span");
      probe.className = "tone " + name;
      box.appendChild(probe);
      out[name] = function () { return getComputedStyle(probe).color; };
    });
    return out;
  }
  function axisSize(u, values, index, cycle) {
    var axis = u.axes[index];
    if (cycle > 1) return axis._size;
    var longest = (values || []).reduce(function (a, v) { return Math.max(a, String(v).length); }, 1);
    return Math.ceil(longest * 7.5) + 14;
  }

  function draw(box) {
    var c = JSON.parse(box.dataset.chart), at = box.nextElementSibling, tone = tones(box);
    var bars = c.kind === "bars", n = c.x.length;
    var number = new Intl.NumberFormat(lang, { maximumFractionDigits: c.digits });
    var exact = new Intl.NumberFormat(lang, { minimumFractionDigits: c.digits, maximumFractionDigits: c.digits });
    function scaled(list) { return list.map(function (v) { return v === null ? null : v / c.scale; }); }

    var day = { day: format("UTC", { day: "numeric" }), week: format("UTC", { day: "numeric", month: "short" }), month: format("UTC", { month: "short" }) };
    var full = format("UTC", c.by === "month" ? { year: "numeric", month: "long" } : { year: "numeric", month: "short", day: "numeric" });
    var moment = format(c.tz, { year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
    var clock = format(c.tz, { hour: "2-digit", minute: "2-digit" }), date = format(c.tz, { day: "numeric", month: "short" }), month = format(c.tz, { month: "short" });
    function local(i) { return new Date(c.x[i] + "T00:00:00Z"); }
    function stamp(s) { return new Date(s * 1000); }

    // What is below the bars: the parts without readings between those with readings. What is above: the marks.
    function beneath(u) {
      if (!bars) return;
      var known = c.y.map(function (v, i) { return v === null ? -1 : i; }).filter(function (i) { return i >= 0; });
      var g = u.ctx, width = u.bbox.width / n;
      g.fillStyle = tone.gap();
      for (var i = known[0]; i < known[known.length - 1]; i++) {
        if (c.y[i] === null) g.fillRect(u.bbox.left + i * width, u.bbox.top, width, u.bbox.height);
      }
    }
    function above(u) {
      var g = u.ctx, ratio = devicePixelRatio || 1;
      g.save();
      g.textAlign = "center";
      g.textBaseline = "top";
      g.font = 12 * ratio + "px sans-serif";
      c.marks.forEach(function (m) {
        var x = Math.round(u.valToPos(m[0], "x", true)), colour = tone[m[1]]();
        g.strokeStyle = g.fillStyle = colour;
        g.lineWidth = ratio;
        g.setLineDash(m[1] === "reset" ? [4 * ratio, 3 * ratio] : [ratio, 3 * ratio]);
        g.beginPath();
        g.moveTo(x, u.bbox.top + 14 * ratio);
        g.lineTo(x, u.bbox.top + u.bbox.height);
        g.stroke();
        g.fillText(m[1] === "reset" ? "\u26a0" : "\u25b2", x, u.bbox.top);
      });
      g.restore();
    }
    function tell(u) {
      var i = u.cursor.idx;
      if (i === null || i === undefined || u.cursor.left < 0) { at.textContent = ""; return; }
      var v = u.data[1][i];
      at.textContent = (bars ? full.format(local(i)) : moment.format(stamp(c.x[i]))) + ": " + (v === null || v === undefined ? "\u2013" : exact.format(v) + " " + c.unit);
    }

    var data = [bars ? c.x.map(function (_, i) { return i; }) : c.x, scaled(c.y)];
    var series = [{}, { stroke: tone.main, width: bars ? 0 : 2, points: { show: !bars && n < 3 }, spanGaps: false }];
    if (bars) {
      var paths = uPlot.paths.bars({ size: [0.75, 40] });
      series[1].paths = paths;
      series[1].fill = c.part ? tone.part : tone.main;
      series[1].points = { show: false };
      if (c.part) { // the measured part in front of the whole
        data.push(scaled(c.part));
        series.push({ width: 0, fill: tone.main, paths: paths, points: { show: false } });
      }
    } else if (c.kind === "step") {
      series[1].paths = uPlot.paths.stepped({ align: 1 });
    }
    var line = { stroke: tone.axis, grid: { stroke: tone.grid, width: 1 }, ticks: { stroke: tone.grid, width: 1 }, font: "12px sans-serif", labelFont: "12px sans-serif" };
    var below = Object.assign({ size: 30 }, line, bars ? {
      grid: { show: false }, space: c.by === "day" ? 26 : 52, incrs: [1, 2, 3, 5, 7, 10, 14],
      values: function (u, splits) { return splits.map(function (i) { return Number.isInteger(i) && i >= 0 && i < n ? day[c.by].format(local(i)) : ""; }); }
    } : {
      space: 62,
      values: function (u, splits, axis, space, incr) {
        return splits.map(function (s) { return (incr < 86400 && clock.format(stamp(s)) !== "00:00" ? clock : incr < 28 * 86400 ? date : month).format(stamp(s)); });
      }
    });
    var u = new uPlot({
      width: box.clientWidth, height: box.clientHeight,
      tzDate: function (s) { return uPlot.tzDate(stamp(s), c.tz); },
      legend: { show: false },
      cursor: { drag: { x: false, y: false }, points: { show: !bars }, y: false },
      scales: {
        x: { time: !bars, range: function () { return bars ? [-0.5, n - 0.5] : c.span; } },
        y: { range: function (u, least, most) { return [Math.min(0, least || 0), most > 0 ? most * 1.08 : least < 0 ? 0 : 1]; } }
      },
      axes: [below, Object.assign({}, line, { label: c.unit, labelSize: 16, labelGap: 0, size: axisSize, space: 36, values: function (u, splits) { return splits.map(function (v) { return number.format(v); }); } })],
      series: series,
      hooks: { drawClear: [beneath], draw: [above], setCursor: [tell] }
    }, data, box);
    charts.push(u);
    box.plot = u;
    if (window.ResizeObserver) new ResizeObserver(function () {
      if (box.clientWidth && box.clientWidth !== u.width) u.setSize({ width: box.clientWidth, height: box.clientHeight });
    }).observe(box);
  }

  document.querySelectorAll("[data-chart]").forEach(draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", function () {
    charts.forEach(function (u) { u.redraw(false, false); });
  });
})();
