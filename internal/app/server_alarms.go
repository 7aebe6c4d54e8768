package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/store"
)

// Several servers may share a database. What a server knows of itself, such as the end of its certificate, makes an alarm with its name, and only
// this server ends it. What all of them see of the database makes one alarm without a name.

// Times of alarms that a server stores.
const (
	alarmEvery = 10 * time.Minute   // how often it stores an open alarm again, and says that it is alive
	lostAfter  = 7 * 24 * time.Hour // how long a server may say nothing before the others end its alarms
)

// ServerName returns the name that a server keeps over restarts: the setting, or else the host name. The only server of the database in a data folder
// has none.
func ServerName(setting, url string) string {
	if url == "" {
		return ""
	}
	return cmp.Or(setting, readHostName())
}

func readHostName() string {
	host, err := os.Hostname()
	if err != nil {
		return "unknown"
	}
	return host
}

// storedAlarms is what a watch last stored about its alarms.
type storedAlarms struct {
	alarms []metering.Alarm // those without a text were ended
	at     time.Time        // zero before the first time: an earlier run of the server may have left alarms open
}

// mustStore reports whether the alarms that should be open must be stored: when they have changed, and again and again while one is open. Another
// server that is set otherwise, or a person, may have ended it meanwhile.
func (s storedAlarms) mustStore(want []metering.Alarm, now time.Time) bool {
	open := slices.ContainsFunc(want, func(a metering.Alarm) bool { return a.Text != "" })
	return s.at.IsZero() || !slices.Equal(s.alarms, want) || open && now.Sub(s.at) >= alarmEvery
}

// putAlarms opens alarms, gives open ones their text, and ends those without a text.
func putAlarms(tx *store.Tx, all []metering.Alarm) error {
	for _, a := range all {
		var err error
		if a.Text == "" {
			err = tx.ClearServerAlarm(a.Server, a.Code)
		} else {
			err = tx.UpdateAlarm(0, a)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// confirmAlarms says again and again that this server is alive, and ends the alarms of servers that have said nothing for long. While the clock is
// in doubt it ends nothing.
func (a *App) confirmAlarms(ctx context.Context) error {
	if a.name == "" {
		return nil
	}
	return every(ctx, alarmEvery, nil, func() {
		if a.clockDoubted() {
			return
		}
		a.warn(ctx, "alarms about servers not confirmed", a.engine.Run(ctx, tenant, store.Job, a.confirmIn))
	})
}

// confirmIn is one round of [App.confirmAlarms].
func (a *App) confirmIn(tx *store.Tx) (refused bool, err error) {
	return false, errors.Join(tx.ConfirmServerAlarms(a.name), tx.EndLostAlarms(tx.Now.Add(-lostAfter)))
}

// aliveFor is how long after its last sign a server counts as alive: it may have missed two.
const aliveFor = 3 * alarmEvery

// maxAlarmed is how many servers are named that have open alarms.
const maxAlarmed = 20

// AlarmedServer is a server about which an alarm is open.
type AlarmedServer struct {
	Name   string
	SeenAt time.Time // when it was last alive
}

// EndedAlarms says what became of the alarms about a server.
type EndedAlarms struct {
	Ended int64
	Left  []AlarmedServer // if none was ended: the servers about which alarms are open
}

// EndServerAlarms ends the open alarms about a server that is gone for good, and records that. It ends none about a server that is alive.
func (f *Folder) EndServerAlarms(ctx context.Context, server string) (out EndedAlarms, err error) {
	err = f.Engine.Run(ctx, tenant, store.Job, func(tx *store.Tx) (bool, error) {
		out = EndedAlarms{}
		ended, err := tx.EndServerAlarms(server, tx.Now.Add(-aliveFor))
		if err != nil {
			return false, err
		}
		if out.Ended = ended; ended == 0 {
			return false, tx.AlarmedServers(maxAlarmed, func(name string, seen time.Time) { out.Left = append(out.Left, AlarmedServer{name, seen}) })
		}
		e := Clerk().Entry("alarm.end", server)
		e.After = fmt.Sprintf("alarms=%d", ended)
		return false, tx.AuditLog(e)
	})
	return out, fault.Wrap(err, "end the alarms of server %s", server)
}
