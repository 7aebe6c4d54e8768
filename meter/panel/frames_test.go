package panel_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/meter/panel"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/supply"
)

var update = flag.Bool("update", false, "rewrite the golden frames; read the diff")

const framesFile = "testdata/frames.txt"

// frames collects what the display shows, under a title each.
type frames struct {
	t *testing.T
	b strings.Builder
}

func (f *frames) show(title string, d *desk) {
	l := d.p.Lines(&d.c, &d.s, d.up)
	for _, line := range l {
		if len(line) > panel.Width || line == "" || strings.TrimRight(line, " ") != line {
			f.t.Errorf("%s: line %q", title, line)
		}
	}
	fmt.Fprintf(&f.b, "%s\n  [%-16s]\n  [%-16s]\n", title, l[0], l[1])
}

// TestFrames holds every page of results, tests and management tokens to its golden frame.
func TestFrames(t *testing.T) {
	f := &frames{t: t}
	for r := sts.Accept; r <= sts.StorageError; r++ {
		d := newDesk(t)
		d.s.Guards[meter.Keypad-1].Until = 600
		d.p.Show(meter.Result{Code: r, Source: meter.Keypad, Units: 34_700}, d.up)
		f.show("result "+r.String(), d)
	}
	d := newDesk(t)
	d.p.Show(meter.Result{Code: sts.RangeError, Source: meter.Keypad, Class: 2}, d.up)
	f.show("result range_error of a management token", d)
	management(f)
	tests(f)
	want, err := os.ReadFile(framesFile)
	if *update {
		want, err = []byte(f.b.String()), os.WriteFile(framesFile, []byte(f.b.String()), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	g, w := strings.Split(f.b.String(), "\n"), strings.Split(string(want), "\n")
	for i := range max(len(g), len(w)) {
		if i >= len(g) || i >= len(w) || g[i] != w[i] {
			t.Fatalf("%s differs in line %d (go test ./meter/panel -update rewrites it)\n got  %q\n want %q",
				framesFile, i+1, strings.Join(g[min(i, len(g)):min(i+1, len(g))], ""), strings.Join(w[min(i, len(w)):min(i+1, len(w))], ""))
		}
	}
}

func management(f *frames) {
	for _, c := range []struct {
		title  string
		sub    uint8
		change func(*desk, *meter.Result)
	}{
		{"limit of 2,300 W set", sts.ManageMaxPower, func(d *desk, _ *meter.Result) { d.s.Limit = 2300 }},
		{"largest limit set", sts.ManageMaxPower, func(d *desk, _ *meter.Result) { d.s.Limit = 18_201_624 }},
		{"credit cleared", sts.ManageClearCredit, func(_ *desk, r *meter.Result) { r.Units = -8129 }},
		{"largest credit cleared", sts.ManageClearCredit, func(_ *desk, r *meter.Result) { r.Units = -1_000_000_000 }},
		{"tamper cleared", sts.ManageClearTamper, func(d *desk, _ *meter.Result) { d.s.Confirm, d.s.Relay = true, supply.Armed }},
		{"key changed", 4, func(d *desk, _ *meter.Result) { d.s.Key.Named, d.s.Key.KRN, d.s.Key.TI = true, 9, 7 }},
	} {
		d, r := newDesk(f.t), meter.Result{Code: sts.Accept, Source: meter.Keypad, Class: 2, SubClass: c.sub}
		c.change(d, &r)
		d.p.Show(r, d.up)
		f.show(c.title, d)
	}
}

func tests(f *frames) {
	for n := meter.TestSwitch; n <= meter.TestNumber; n++ {
		if meter.KnownTests>>(n-1)&1 == 0 {
			continue
		}
		for _, c := range []struct {
			title  string
			change func(*desk)
		}{
			{"", func(*desk) {}},
			{", the rest known", func(d *desk) {
				d.c.LongNumber, d.s.Limit, d.s.Relay = true, 18_201_624, supply.Open
				d.s.Reasons = supply.Of(supply.Tamper, supply.Test)
				d.s.Key = meter.KeyInfo{
					Base: sts.Base2035, Type: sts.DCTK, KEN: 45, EA: sts.EA11, Named: true, KRN: 2, TI: 7, SGC: 12345,
				}
			}},
		} {
			d := newDesk(f.t)
			c.change(d)
			d.p.Show(meter.Result{Code: sts.Accept, Source: meter.Keypad, Class: 1, Control: 1 << (n - 1)}, d.up)
			f.show(fmt.Sprintf("test %d%s", n, c.title), d)
		}
	}
	for _, from := range []meter.Source{meter.SMS, meter.Remote} {
		d := newDesk(f.t)
		d.p.Show(meter.Result{Code: sts.Accept, Source: from, Class: 1, Control: 1 << (meter.TestInput - 1)}, d.up)
		f.show("test 6 by "+from.String(), d)
	}
}
