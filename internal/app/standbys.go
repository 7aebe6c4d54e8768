package app

import (
	"context"
	"strconv"
	"time"

	"github.com/paywatt/paywatt/internal/alarmtext"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/overview"
	"github.com/paywatt/paywatt/internal/store"
)

// alarmStandby: fewer standbys follow the database than should. It is open at most once, and ends when all follow again.
const alarmStandby metering.AlarmCode = "standby-missing"

// alarmStandbyEvery is how often the server looks whether this alarm should be open.
const alarmStandbyEvery = 2 * time.Second

// standbys returns what the store knows about its standbys.
func (a *App) standbys() store.Standbys {
	if a.engine.shared == nil {
		return store.Standbys{}
	}
	return a.engine.shared.Standbys()
}

// shownStandbys is the same for pages and answers; nil if the database stands alone, as it should.
func (a *App) shownStandbys() *overview.Standbys {
	s := a.standbys()
	if s.Safety() == store.SafetyAlone {
		return nil
	}
	return &overview.Standbys{At: s.At, Expected: s.Expected, Following: s.Following, Synchronous: s.Synchronous, Lag: s.Lag, Hidden: s.Hidden, Safety: string(s.Safety())}
}

// standbyAlarm returns the text of the alarm that should be open; empty for none.
func standbyAlarm(s store.Standbys) string {
	if s.Safety() != store.SafetyReduced {
		return ""
	}
	return alarmtext.StandbyMissing(strconv.Itoa(s.Following), strconv.Itoa(s.Expected))
}

// missStandbys raises the alarm about standbys, and ends it. While nothing can be stored, the alarm stays as it is.
func (a *App) missStandbys(ctx context.Context) error {
	if a.engine.shared == nil {
		return nil
	}
	known, was := false, ""
	return every(ctx, alarmStandbyEvery, nil, func() {
		s := a.standbys()
		text := standbyAlarm(s)
		if s.At.IsZero() || s.Safety() == store.SafetyStopped || known && text == was {
			return
		}
		err := a.engine.Run(ctx, tenant, store.Job, func(tx *store.Tx) (bool, error) {
			if text == "" {
				return false, tx.ClearAlarm(0, alarmStandby)
			}
			return false, tx.UpdateAlarm(0, metering.Alarm{Code: alarmStandby, Text: text})
		})
		a.warn(ctx, "alarm about standbys not stored", err)
		if err == nil {
			known, was = true, text
		}
	})
}
