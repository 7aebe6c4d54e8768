package storetest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/wire"
)

func ingest() []test {
	return []test{
		{"records are answered after the commit, in the order of the calls", answeredAfterCommit},
		{"one meter's trouble is its own", meterAlone},
		{"a large call is stored whole and in order", ingestMany},
		{"a commit of unknown outcome acknowledges nothing", ingestUnknown},
		{"calls are refused when too many are open", ingestBounded},
		{"a call that makes no sense is refused at once", ingestNonsense},
		{"what was queued before Close is answered", ingestClose},
	}
}

// reading returns one record of a meter.
func reading(meter int64, seq uint64) metering.Record {
	at := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	head := wire.Head{Seq: seq, At: at.Unix() + int64(seq), Up: seq * 1000, Clock: wire.ClockValid}
	return metering.Record{Tenant: store.FirstTenant, Meter: meter, Number: fmt.Sprintf("0414000%04d", meter), ReceivedAt: at.Add(time.Hour),
		Rec: wire.Record{Kind: wire.KindReading, Head: head, Reading: &wire.Reading{Head: head, RegisterWh: int64(seq) * 10, Relay: "closed"}}}
}

// broken returns a record that cannot be stored, because its arguments cannot be encoded.
func broken(meter int64, seq uint64) metering.Record {
	r := reading(meter, seq)
	r.Rec.Kind, r.Rec.Reading = wire.KindEvent, nil
	r.Rec.Event = &wire.Event{Head: r.Rec.Head, Code: 999, Args: map[string]any{"x": func() {}}}
	return r
}

// answers collects the results of callbacks.
type answers struct {
	mu   sync.Mutex
	got  []string
	wait sync.WaitGroup
}

// send queues records and stores the answer under a name.
func (a *answers) send(t *testing.T, e store.Engine, name string, recs ...metering.Record) {
	t.Helper()
	a.wait.Add(1)
	err := e.Ingest(recs, func(outs []metering.Outcome, err error) {
		defer a.wait.Done()
		text := name
		for _, o := range outs {
			text += fmt.Sprintf(" %s@%d", o.Kind, o.Watermark)
		}
		if err != nil {
			text += " error"
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		a.got = append(a.got, text)
	})
	if err != nil {
		a.wait.Done()
		t.Fatalf("ingest %s: %v", name, err)
	}
}

// all waits for every answer and returns them sorted.
func (a *answers) all() []string {
	a.wait.Wait()
	slices.Sort(a.got)
	return a.got
}

func readings(tx *store.Tx) (n int64, err error) {
	err = tx.C.Query(`SELECT COUNT(*) FROM reading WHERE tenant_id = $1`, func(r core.Row) error { n = r.Int(0); return nil }, tx.Tenant)
	return n, err
}

func answeredAfterCommit(t *testing.T, r Rig) {
	e := r.Open(t)
	var order []string
	var wait sync.WaitGroup
	for seq := uint64(1); seq <= 5; seq++ {
		wait.Add(1)
		err := e.Ingest([]metering.Record{reading(7, seq)}, func(outs []metering.Outcome, err error) {
			defer wait.Done()
			order = append(order, fmt.Sprintf("%s@%d %v", outs[0].Kind, outs[0].Watermark, err)) // one worker per meter
			if n := look(t, e, readings); n < int64(seq) {
				t.Errorf("record %d was answered while a view sees %d readings", seq, n)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	wait.Wait()
	want := []string{"stored@1 <nil>", "stored@2 <nil>", "stored@3 <nil>", "stored@4 <nil>", "stored@5 <nil>"}
	if !slices.Equal(order, want) {
		t.Errorf("answers %v, want %v", order, want)
	}
	var a answers
	a.send(t, e, "again", reading(7, 5), reading(7, 6), reading(7, 500))
	if got, want := a.all(), []string{"again duplicate@5 stored@6 beyond@6"}; !slices.Equal(got, want) {
		t.Errorf("answers %v, want %v", got, want)
	}
}

// ingestMany sends two records of each of 1,500 meters in one call, then one more of each: more rows than one statement takes. The readings of a
// call are stored by meter.
func ingestMany(t *testing.T, r Rig) {
	const many = 1500
	e := r.Open(t)
	var recs, more []metering.Record
	for n := range int64(many) {
		meter := n*7%many + 1 // in another order than their numbers
		recs, more = append(recs, reading(meter, 1), reading(meter, 2)), append(more, reading(meter, 3))
	}
	var a answers
	a.send(t, e, "", recs...)
	a.send(t, e, "", more...)
	for _, got := range a.all() {
		if n := strings.Count(got, " stored@"); n != strings.Count(got, " ") {
			t.Errorf("of a large call %d records were stored: %.200s", n, got)
		}
	}
	type row struct{ meter, seq, register int64 }
	var stored []row
	wrong := look(t, e, func(tx *store.Tx) (n int64, err error) {
		if err = tx.C.Query(`SELECT meter, seq, register_wh FROM reading WHERE tenant_id = $1 ORDER BY id`, func(r core.Row) error {
			stored = append(stored, row{r.Int(0), r.Int(1), r.Int(2)})
			return nil
		}, tx.Tenant); err != nil {
			return 0, err
		}
		err = tx.C.Query(`SELECT COUNT(*) FROM meter_live WHERE tenant_id = $1 AND watermark = 3 AND register_wh = 30 AND reading_seq = 3`,
			func(r core.Row) error { n = many - r.Int(0); return nil }, tx.Tenant)
		return n, err
	})
	if wrong != 0 {
		t.Errorf("%d meters do not show their last reading", wrong)
	}
	for _, call := range [][]metering.Record{recs, more} {
		slices.SortStableFunc(call, func(x, y metering.Record) int { return cmp.Compare(x.Meter, y.Meter) })
	}
	sent := append(recs, more...)
	if len(stored) != len(sent) {
		t.Fatalf("%d readings are stored, want %d", len(stored), len(sent))
	}
	for i, s := range sent {
		if want := (row{s.Meter, int64(s.Rec.Head.Seq), s.Rec.Reading.RegisterWh}); stored[i] != want {
			t.Fatalf("reading %d is %v, want %v", i, stored[i], want)
		}
	}
}

func meterAlone(t *testing.T, r Rig) {
	e := r.Open(t)
	release := stalled(t, e)
	var a answers
	a.send(t, e, "m1", reading(1, 1), reading(1, 2))
	a.send(t, e, "m2", reading(2, 1), broken(2, 2))
	a.send(t, e, "m3", reading(3, 1))
	a.send(t, e, "bridge", reading(4, 1), broken(5, 1), reading(4, 2))
	neighbour := start(e, store.Sale, take("sale"))
	queued(t, r, e, 5)
	release()
	if got := <-neighbour; got.err != nil {
		t.Errorf("the sale beside the readings: %v", got.err)
	}
	want := []string{"bridge stored@1 failed@0 stored@2 error", "m1 stored@1 stored@2", "m2 failed@0 failed@0 error", "m3 stored@1"}
	if got := a.all(); !slices.Equal(got, want) {
		t.Errorf("answers\n got  %q\n want %q", got, want)
	}
	if got := look(t, e, readings); got != 5 {
		t.Errorf("%d readings are stored, want 5", got)
	}
	if err := e.Health(); err != nil {
		t.Errorf("health after one meter's trouble: %v, want nil", err)
	}
}

func ingestUnknown(t *testing.T, r Rig) {
	e := r.Open(t)
	r.FailCommit(e, Undone, 0)
	done := make(chan error, 1)
	err := e.Ingest([]metering.Record{reading(1, 1)}, func(outs []metering.Outcome, err error) {
		if len(outs) != 0 {
			t.Errorf("outcomes %v came with an unknown outcome", outs)
		}
		done <- err
	})
	if err != nil {
		t.Fatal(err)
	}
	wantErr(t, "the callback", <-done, store.ErrOutcomeUnknown)
	if r.Alone { // the engine goes on with a new connection
		if err := e.Ingest([]metering.Record{reading(1, 1)}, func(outs []metering.Outcome, err error) {
			if err == nil && (len(outs) != 1 || outs[0].Kind != metering.Stored) {
				err = fmt.Errorf("outcomes %v, want it stored", outs)
			}
			done <- err
		}); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Errorf("the same reading again: %v", err)
		}
		return
	}
	err = e.Ingest([]metering.Record{reading(1, 1)}, func([]metering.Outcome, error) { t.Error("called back after a refusal") })
	wantErr(t, "the next call", err, store.ErrReadOnly)
}

func ingestBounded(t *testing.T, r Rig) {
	e := r.Open(t)
	release := stalled(t, e)
	var wait sync.WaitGroup
	taken := 0
	var refused error
	for n := range int64(100_000) {
		wait.Add(1)
		if refused = e.Ingest([]metering.Record{reading(n%100, uint64(n/100+1))}, func([]metering.Outcome, error) { wait.Done() }); refused != nil {
			wait.Done()
			break
		}
		taken++
	}
	wantErr(t, "one call too many", refused, store.ErrBusy)
	release()
	wait.Wait()
	if got := look(t, e, readings); got == 0 || got > int64(taken) {
		t.Errorf("%d readings of %d calls are stored", got, taken)
	}
	var a answers
	a.send(t, e, "later", reading(500, 1))
	if got := a.all(); !slices.Equal(got, []string{"later stored@1"}) {
		t.Errorf("after the rush: %v", got)
	}
}

func ingestNonsense(t *testing.T, r Rig) {
	e := r.Open(t)
	never := func([]metering.Outcome, error) { t.Error("called back after a refusal") }
	if err := e.Ingest(nil, never); err == nil {
		t.Error("no records were accepted")
	}
	other := reading(1, 1)
	other.Tenant++
	if err := e.Ingest([]metering.Record{reading(1, 1), other}, never); err == nil {
		t.Error("records of two tenants in one call were accepted")
	}
}

func ingestClose(t *testing.T, r Rig) {
	e := r.Open(t)
	var a answers
	for m := int64(1); m <= 20; m++ {
		a.send(t, e, fmt.Sprintf("m%02d", m), reading(m, 1))
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if got := a.all(); len(got) != 20 || got[0] != "m01 stored@1" {
		t.Errorf("answers %v, want 20 stored", got)
	}
	if err := e.Ingest([]metering.Record{reading(1, 2)}, nil); !errors.Is(err, store.ErrClosed) {
		t.Errorf("after Close: %v, want %v", err, store.ErrClosed)
	}
}
