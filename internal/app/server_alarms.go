package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/alarmtext"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/logkey"
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

// alarmNameShared: several running servers have the same name.
const alarmNameShared metering.AlarmCode = "server-name-shared"

// confirmAlarms says again and again that this server is alive, ends the alarms of servers that have said nothing for long, and looks whether another
// server has its name.
func (a *App) confirmAlarms(ctx context.Context) error {
	if a.name == "" {
		return nil
	}
	watch := &nameWatch{App: a}
	return every(ctx, alarmEvery, nil, func() { watch.checkName(ctx) })
}

// nameWatch tells the other servers that this one is alive, and looks whether another one has its name.
type nameWatch struct {
	*App
	started bool // an earlier run of this server no longer counts as alive
}

// checkName does one round of the watch. While the clock is in doubt it ends no alarms of others: it may be far ahead.
func (w *nameWatch) checkName(ctx context.Context) {
	shared := false
	err := w.engine.Run(ctx, tenant, store.Job, func(tx *store.Tx) (bool, error) {
		names, err := tx.SharedNames()
		if err != nil {
			return false, err
		}
		shared = w.started && slices.Contains(names, w.name)
		if w.started {
			err = putAlarms(tx, []metering.Alarm{decideNameAlarm(w.name, shared)})
		}
		err = errors.Join(err, tx.ConfirmServerAlarms(w.name))
		if w.clockDoubted() {
			return false, err
		}
		return false, errors.Join(err, tx.EndLostAlarms(tx.Now.Add(-lostAfter)))
	})
	w.warn(ctx, "alarms about servers not confirmed", err)
	if shared {
		w.log.Error("another running server has the same name", logkey.Reason, decideNameAlarm(w.name, true).Text)
	}
	w.started = true
}

// decideNameAlarm decides whether the alarm about the name of a server should be open; without a text it should not.
func decideNameAlarm(name string, shared bool) metering.Alarm {
	alarm := metering.Alarm{Code: alarmNameShared, Server: name}
	if shared {
		alarm.Text = alarmtext.ServerNameShared(name)
	}
	return alarm
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
		if ended == 0 {
			return false, tx.AlarmedServers(maxAlarmed, func(name string, seen time.Time) { out.Left = append(out.Left, AlarmedServer{name, seen}) })
		}
		out.Ended = ended
		e := Clerk().Entry("alarm.end", server)
		e.After = fmt.Sprintf("alarms=%d", ended)
		return false, tx.AuditLog(e)
	})
	return out, fault.Wrap(err, "end the alarms of server %s", server)
}
