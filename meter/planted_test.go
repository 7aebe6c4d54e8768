package meter_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/supply"
)

// planted is a bug that the searches must find. It changes the result of a step, the event given to the core, or the
// work of the host. The shipped code contains none of these bugs.
type planted struct {
	name  string // as in testdata/planted.md
	in    string // the search that must find it
	plant func(*lab)
}

// forgetTID is a core that does not store the TID of an accepted token.
func forgetTID(_ *lab, before, after *meter.State, _ *meter.Event, _ []meter.Effect) {
	after.TIDs = before.TIDs
}

// restored reports whether an event is the start after a power cut.
func restored(ev *meter.Event) bool { return ev.Kind == meter.EventPowerRestore }

type state = meter.State

// bend plants a bug in the core.
func bend(f func(before, after *state, ev *meter.Event, out []meter.Effect)) func(*lab) {
	return func(l *lab) {
		l.bend = func(_ *lab, before, after *state, ev *meter.Event, out []meter.Effect) { f(before, after, ev, out) }
	}
}

func plantedBugs() []planted { return slices.Concat(plantedMoney(), plantedRules(), plantedLeases()) }

// plantedLeases returns the bugs about leases.
func plantedLeases() []planted {
	return []planted{
		{"a lease is taken twice", "leases", bend(func(before, after *state, ev *meter.Event, _ []meter.Effect) {
			if ev.Command == meter.CommandLease && ev.Lease.Seq == before.LeaseSeq {
				after.Balance = ev.Lease.Max - after.Register
			}
		})},
		{"a lease before it is durable", "leases", bend(func(before, after *state, ev *meter.Event, _ []meter.Effect) {
			if ev.Command == meter.CommandLease && ev.Lease.Seq > before.LeaseSeq {
				after.Balance, after.Overrun = ev.Lease.Max-after.Register, 0
			}
		})},
		{"a power cut revives an ended lease", "leases", func(l *lab) { l.tardy = true }},
		{"a clock set back makes a lease longer", "leases", bend(func(before, after *state, ev *meter.Event, _ []meter.Effect) {
			if r := &ev.Record; r.Command == meter.CommandSetTime && int64(r.Value) < ev.At && running(after) {
				after.LeaseAt += uint32(ev.At - int64(r.Value))
			}
		})},
		{"a friendly window gives more than the lease", "leases", bend(func(_, after *state, _ *meter.Event, _ []meter.Effect) {
			if after.Reasons.Has(supply.Lease) && after.Overrun > 0 && after.LeaseSeq > 0 {
				after.Reasons = after.Reasons.Without(supply.Lease)
			}
		})},
	}
}

// plantedMoney returns the bugs about tokens and credit.
func plantedMoney() []planted {
	return []planted{
		{"used tokens forgotten", "a new meter", func(l *lab) { l.bend = forgetTID }},
		{"durable before it is written", "a new meter", func(l *lab) { l.hasty = true }},
		{"credit before it is durable", "a new meter", bend(func(_, after *state, ev *meter.Event, out []meter.Effect) {
			for i := range out {
				if r := &out[i].Record; out[i].Kind == meter.EffectPersist && r.Result == sts.Accept {
					after.Balance += r.Units
				}
			}
			if ev.Kind == meter.EventPersisted && ev.Record.Result == sts.Accept {
				after.Balance -= ev.Record.Units
			}
		})},
		{"log replayed twice", "a new meter", bend(func(before, after *state, ev *meter.Event, _ []meter.Effect) {
			if ev.Kind == meter.EventPersisted && after.Applied != before.Applied {
				after.Applied, after.TIDs = before.Applied, before.TIDs
			}
		})},
		{"wrong tokens forgotten at a power cut", "one wrong token before the lock", bend(func(_, after *state, ev *meter.Event, _ []meter.Effect) {
			if restored(ev) {
				after.Guards[meter.Keypad-1].Row = 0
			}
		})},
		{"sequence numbers given twice", "nearly used up", func(l *lab) {
			l.bendEv = func(ev *meter.Event) { ev.NextSeq = 0 }
		}},
		{"a recharge connects", "disconnected, the log about to begin again", bend(func(before, after *state, ev *meter.Event, _ []meter.Effect) {
			if ev.Kind == meter.EventPersisted && after.Balance > before.Balance {
				after.Reasons = after.Reasons.Without(supply.Remote)
			}
		})},
		{"a cancelled token is not stored", "a new meter", bend(func(before, after *state, ev *meter.Event, _ []meter.Effect) {
			if ev.Record.Command == meter.CommandCancelToken {
				after.TIDs = before.TIDs
			}
		})},
	}
}

// plantedRules returns the bugs about everything else.
func plantedRules() []planted {
	return []planted{
		{"emergency credit by itself", "emergency credit", bend(func(_, after *state, _ *meter.Event, _ []meter.Effect) {
			if after.EC == meter.ECOffered && after.Balance == 0 {
				after.EC = meter.ECActive
			}
		})},
		{"granted emergency credit lost at a power cut", "emergency credit", bend(func(_, after *state, ev *meter.Event, _ []meter.Effect) {
			if restored(ev) && after.EC == meter.ECActive && after.ECUsed == 0 {
				after.EC = meter.ECOffered
			}
		})},
		{"a power cut opens the tamper latch", "tampering", bend(func(_, after *state, ev *meter.Event, _ []meter.Effect) {
			if restored(ev) {
				after.Latched, after.Reasons = 0, after.Reasons.Without(supply.Tamper)
			}
		})},
		{"a latch cleared over an open cover", "tampering", bend(func(before, after *state, ev *meter.Event, _ []meter.Effect) {
			if ev.Record.Command == meter.CommandClearTamper && before.Latched != 0 {
				after.Latched = 0
			}
		})},
		{"a configuration before it is durable", "configurations", func(l *lab) { l.eagerCfg = true }},
		{"a closed day is opened again", "the clock", bend(func(_, after *state, ev *meter.Event, _ []meter.Effect) {
			if today := meter.Date(ev.At / 86_400); today < after.Day.Date {
				after.Day.Date = today
			}
		})},
		{"a refused message keeps its counter", "orders that are refused", bend(func(before, after *state, ev *meter.Event, _ []meter.Effect) {
			if ev.Record.Refused != meter.AnswerNone {
				after.Counter = before.Counter
			}
		})},
		{"too much load forgotten", "too much load", bend(func(before, after *state, ev *meter.Event, _ []meter.Effect) {
			if restored(ev) && before.Overload == meter.OverloadLocked {
				after.Overload = meter.OverloadNone
			}
		})},
	}
}

// TestExplorerFindsEveryPlantedBug plants one bug after another and compares with testdata/planted.md.
func TestExplorerFindsEveryPlantedBug(t *testing.T) {
	list, err := os.ReadFile("testdata/planted.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, bug := range plantedBugs() {
		t.Run(bug.name, func(t *testing.T) {
			if !strings.Contains(string(list), "| "+bug.name+" |") {
				t.Errorf("%q is not in testdata/planted.md", bug.name)
			}
			for _, s := range searches() {
				if s.name != bug.in {
					continue
				}
				themes := []string{s.theme}
				if wholeDepth() >= plantedDepth {
					themes = append(themes, "") // the search with the actions of all themes must find it too
				}
				for _, s.theme = range themes {
					l := s.run(t, plantedDepth, bug.plant)
					if l.failure == "" {
						t.Fatalf("not found in %s", l.figures())
					}
					t.Logf("found after %s: %s", l.figures(), l.failure)
				}
				found++
			}
		})
	}
	t.Logf("figures: %d of %d planted bugs found", found, len(plantedBugs()))
	if found != len(plantedBugs()) {
		t.Errorf("%d of %d planted bugs found", found, len(plantedBugs()))
	}
}
