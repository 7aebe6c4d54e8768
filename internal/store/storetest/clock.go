package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
)

func clockTests() []test {
	return []test{
		{"what is noted of the clock is known at once and later", clockNoted},
		{"a restore skips the TIDs that may have been given, and those of the restore before", clockRestored},
		{"verification names each restore", restoresNamed},
	}
}

// times returns the times that the store knows. It checks that they are the same in the transaction that wrote them and after its commit.
func times(t *testing.T, e store.Engine, note func(*store.Tx) error) (sale.Times, time.Time) {
	t.Helper()
	var within sale.Times
	var now time.Time
	must(t, e, func(tx *store.Tx) (err error) {
		now = tx.Now
		if _, err = tx.VendClock(); err != nil { // reads the clock's times from the database again
			return err
		}
		if err = note(tx); err == nil {
			within, err = tx.VendClock()
		}
		return err
	})
	if after := look(t, e, (*store.Tx).VendClock); after != within {
		t.Errorf("within the transaction %+v, after it %+v", within, after)
	}
	return within, now
}

func clockNoted(t *testing.T, r Rig) {
	e := r.Open(t)
	none := func(tx *store.Tx) error { _, err := tx.ClockBegin(); return err }
	if got, _ := times(t, e, none); got != (sale.Times{}) {
		t.Errorf("a fresh store knows of %+v", got)
	}
	if got, now := times(t, e, (*store.Tx).ClockNote); got != (sale.Times{LastTrusted: now}) {
		t.Errorf("noted at %s: %+v", now, got)
	}
	trusted, now := times(t, e, (*store.Tx).ClockTrust)
	if trusted != (sale.Times{LastTrusted: now, Trusted: now}) {
		t.Errorf("trusted at %s: %+v", now, trusted)
	}
	if got, now := times(t, e, (*store.Tx).ClockNote); got != (sale.Times{LastTrusted: now, Trusted: trusted.Trusted}) {
		t.Errorf("noted at %s after it was trusted: %+v", now, got)
	}
	record := sale.ClockRecord{At: now, Boot: "b", Up: time.Hour, Steps: []sale.ClockStep{{HoursAgo: 3, By: 50 * time.Minute}}}
	put := func(r sale.ClockRecord) {
		t.Helper()
		must(t, e, func(tx *store.Tx) error { return tx.PutClockRecord(r) })
		if got := look(t, e, (*store.Tx).ClockRecord); !got.At.Equal(r.At) || got.Boot != r.Boot || got.Up != r.Up || got.Off != r.Off || !slices.Equal(got.Steps, r.Steps) {
			t.Errorf("recorded %+v, want %+v", got, r)
		}
	}
	put(record)
	record.Off, record.Steps = 2*time.Hour, nil
	put(record)
	trusted, _ = times(t, e, (*store.Tx).ClockTrust)
	if got := look(t, e, (*store.Tx).ClockRecord); !got.At.IsZero() || got.Off != 0 {
		t.Errorf("the clock was trusted, and it is recorded that it was moved: %+v", got)
	}
	undone := errors.New("undone")
	if _, err := do(e, func(tx *store.Tx) (value, error) { return value{}, errors.Join(tx.ClockTrust(), undone) }); !errors.Is(err, undone) {
		t.Fatal(err)
	}
	if got := look(t, e, (*store.Tx).VendClock); got.Trusted != trusted.Trusted {
		t.Errorf("a word that was undone counts: %+v", got)
	}
}

func clockRestored(t *testing.T, r Rig) {
	e := r.Open(t)
	for n := range 3 {
		got, now := times(t, e, func(tx *store.Tx) error {
			_, err := tx.BeginEpoch(tx.Now, store.Branch{})
			return errors.Join(err, tx.ClockNote())
		})
		minute := now.Truncate(time.Minute)
		want := sale.Times{LastTrusted: now, Restored: minute, Lost: minute.Add(time.Duration(n+1) * core.TIDMargin)}
		if got.Restored != want.Restored || got.LastTrusted != want.LastTrusted || got.Lost.Before(want.Lost) || got.Lost.After(want.Lost.Add(time.Minute)) {
			t.Errorf("restore %d: %+v, want %+v", n+1, got, want)
		}
	}
}

// restoresNamed begins epochs. Verification names each of them, also one of which nothing is recorded, so that nobody hides a restore by deleting
// what was recorded about it.
func restoresNamed(t *testing.T, r Rig) {
	e := r.Open(t)
	epochs := make([]int64, 3)
	for n, with := range []string{core.WithoutHead, "the heads of heads.log", ""} {
		must(t, e, func(tx *store.Tx) (err error) {
			if epochs[n], err = tx.BeginEpoch(tx.Now, store.Branch{}); err != nil {
				return err
			}
			return tx.PutCompared(epochs[n], with)
		})
	}
	remarks := func() (out []string) {
		t.Helper()
		report := look(t, e, func(tx *store.Tx) (store.Report, error) {
			var report store.Report
			return report, store.Verify(tx, store.Trust{}, &report)
		})
		for _, r := range report.Remarks {
			if r.Rule == "restore" {
				out = append(out, r.What)
			}
		}
		return out
	}
	want := []string{
		fmt.Sprintf("Store epoch %d began with a backup that was not compared with a head kept elsewhere. Nothing proves who made that backup.", epochs[0]),
		fmt.Sprintf("Store epoch %d began with a backup that was compared with the heads of heads.log.", epochs[1]),
		fmt.Sprintf("Store epoch %d began with a restored copy or a promoted standby, and nothing says with what it was compared. Nothing proves who made it.", epochs[2]),
	}
	if got := remarks(); !slices.Equal(got, want) {
		t.Errorf("verification says %q, want %q", got, want)
	}
	must(t, e, func(tx *store.Tx) error {
		_, err := tx.C.Exec(`DELETE FROM meta WHERE key LIKE 'compared:%'`)
		return err
	})
	if got := remarks(); len(got) != 3 || strings.Count(strings.Join(got, ""), "nothing says with what") != 3 {
		t.Errorf("after the records were deleted verification says %q, want that nothing says with what", got)
	}
}
