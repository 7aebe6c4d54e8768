package app

import (
	"context"
	"strconv"

	"github.com/paywatt/paywatt/internal/alarmtext"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/overview"
	"github.com/paywatt/paywatt/internal/store"
)

// alarmStandby: fewer standbys follow the database than should. It is open at most once, and ends when all follow again.
const alarmStandby metering.AlarmCode = "standby-missing"

// standbys returns what the store knows about its standbys.
func (a *App) standbys() store.Standbys {
	if a.engine.standbys == nil {
		return store.Standbys{}
	}
	return a.engine.standbys()
}

// shownStandbys is the same for pages and answers; nil if the database stands alone, as it should.
func (a *App) shownStandbys() *overview.Standbys {
	s := a.standbys()
	if s.Safety() == store.SafetyAlone {
		return nil
	}
	return &overview.Standbys{At: s.At, Expected: s.Expected, Following: s.Following, Synchronous: s.Synchronous,
		Lag: s.Lag, Timeline: s.Timeline, Hidden: s.Hidden, Safety: string(s.Safety())}
}

// standbyAlarm returns the text of the alarm that should be open; empty for none.
func standbyAlarm(s store.Standbys) string {
	switch s.Safety() {
	case store.SafetyReduced:
		return alarmtext.StandbyMissing(strconv.Itoa(s.Following), strconv.Itoa(s.Expected))
	case store.SafetyStopped:
		return alarmtext.StandbyNone()
	}
	return ""
}

// missStandbys raises the alarm about standbys, and ends it.
func (a *App) missStandbys(ctx context.Context) error {
	if a.engine.standbys == nil {
		return nil
	}
	watch := &standbyWatch{App: a}
	return every(ctx, store.StandbyEvery, nil, func() { watch.storeAlarm(ctx) })
}

// standbyWatch stores the alarm about standbys.
type standbyWatch struct {
	*App
	stored storedAlarms
}

// storeAlarm stores the alarm that should be open if it must be stored. All servers see the same standbys, so it is an alarm about the database,
// which any of them opens and ends. The commit waits for no standby, so the alarm is there also when no sale can be stored. While none follows it is
// stored with each look: the primary may be lost with it, and the next one has no standby either.
func (w *standbyWatch) storeAlarm(ctx context.Context) {
	s := w.standbys()
	want := []metering.Alarm{{Code: alarmStandby, Text: standbyAlarm(s)}}
	if s.At.IsZero() || !w.stored.mustStore(want, s.At) && s.Safety() != store.SafetyStopped {
		return
	}
	err := w.engine.runUnreplicated(ctx, tenant, func(tx *store.Tx) error { return putAlarms(tx, want) })
	w.warn(ctx, "alarm about standbys not stored", err)
	if err == nil {
		w.stored = storedAlarms{want, s.At}
	}
}
