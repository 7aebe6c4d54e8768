package registry_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/registry"
)

// TestABoardIsSortedAndCounted: each order, with what is unknown last; pages without loss or repetition; counts of all meters, whatever the
// state that is shown.
func TestABoardIsSortedAndCounted(t *testing.T) {
	w := newWorld(t)
	w.domestic(t)
	all := numbers(t, 5)
	for i, m := range []struct {
		name     string
		balance  int64 // 0: never heard
		watts    int64
		agoHours int64
	}{{"Zuri", 9000, 100, 1}, {"amina", 90_000, 900, 3}, {"", 0, 0, 0}, {"Bakari", 500, 300, 2}, {"Çağla", 60_000, 0, 4}} {
		n := tokenMeter(all[len(all)-1-i])
		n.Customer = &registry.NewCustomer{Name: m.name}
		w.now = w.now.Add(time.Millisecond)
		added := w.add(t, n)
		if m.balance > 0 {
			at := w.now.Add(-time.Duration(m.agoHours) * time.Hour).UnixMicro()
			w.live(t, added.Meter.Meter.N, "as_of,received_at,last_seen,balance_wh,w,relay", at, w.now.UnixMicro(), w.now.UnixMicro(), m.balance, m.watts, "closed")
		}
	}
	list := func(by access.Actor, f registry.MeterFilter, o registry.Order, page, size int) (string, registry.Board) {
		t.Helper()
		b, err := w.Board(t.Context(), by, f, o, page, size)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, m := range b.Meters {
			name := m.Customer.Name
			if name == "" {
				name = "-"
			}
			names = append(names, name)
		}
		return strings.Join(names, " "), b
	}
	for o, want := range map[registry.Order]string{registry.Registered: "Zuri amina - Bakari Çağla", registry.ByNumber: "Çağla Bakari - amina Zuri",
		registry.ByCustomer: "amina Bakari Çağla Zuri -", registry.ByState: "- Zuri Bakari amina Çağla", registry.ByLeft: "Bakari Zuri Çağla amina -",
		registry.ByLoad: "amina Bakari Zuri Çağla -", registry.ByReading: "Çağla amina Bakari Zuri -"} {
		if got, _ := list(boss(), registry.MeterFilter{}, o, 1, 50); got != want {
			t.Errorf("by %q: %s, want %s", o, got, want)
		}
	}
	var pages []string
	for page := range 5 {
		got, b := list(boss(), registry.MeterFilter{}, registry.ByLeft, page, 2)
		pages = append(pages, got)
		if b.Found != 5 || b.Counts.All != 5 || b.Counts.By[registry.Low] != 2 || b.First != max(0, min(page-1, 2))*2 {
			t.Errorf("page %d has %+v", page, b)
		}
	}
	if got, want := strings.Join(pages, ", "), "Bakari Zuri, Bakari Zuri, Çağla amina, -, -"; got != want {
		t.Errorf("pages %s, want %s", got, want)
	}
	got, b := list(boss(), registry.MeterFilter{State: string(registry.Low)}, registry.ByReading, 1, 50)
	if got != "Bakari Zuri" || b.Found != 2 || b.Counts.By[registry.Offline] != 1 || b.Counts.All != 5 {
		t.Errorf("with low credit: %s %+v", got, b)
	}
	if got, b = list(boss(), registry.MeterFilter{Find: "nobody"}, registry.ByLeft, 3, 50); got != "" || b.Found != 0 || b.First != 0 {
		t.Errorf("of nobody: %s %+v", got, b)
	}
	if _, b = list(as(access.VendorAPI), registry.MeterFilter{}, registry.ByLeft, 1, 50); !b.Refused() {
		t.Error("a vendor lists meters")
	}
	if _, b = list(boss(), registry.MeterFilter{State: "happy"}, registry.ByLeft, 1, 50); !b.Refused() {
		t.Error("meters are listed in an unknown state")
	}
	_, whole := list(boss(), registry.MeterFilter{}, registry.ByState, 1, 50)
	statePages(t, w, whole)
}

// statePages asks for what follows each meter of a board by state.
func statePages(t *testing.T, w *world, whole registry.Board) {
	t.Helper()
	for i, m := range whole.Meters {
		for size := 1; size <= 5; size++ {
			u, err := w.StatePage(t.Context(), boss(), registry.MeterFilter{}, m.State, m.Meter.ID, size)
			rest := whole.Meters[i+1:]
			same := slices.EqualFunc(u.Meters, rest[:min(size, len(rest))], func(a, b registry.MeterView) bool { return a.Meter == b.Meter && a.State == b.State })
			if err != nil || !same || u.More != (len(rest) > size) {
				t.Errorf("%d after meter %d: %+v, %v", size, i, u, err)
			}
		}
	}
	if u, err := w.StatePage(t.Context(), as(access.VendorAPI), registry.MeterFilter{}, registry.Low, whole.Meters[0].Meter.ID, 5); err != nil || !u.Refused() {
		t.Errorf("a vendor lists meters: %+v, %v", u, err)
	}
}
