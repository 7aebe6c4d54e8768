package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/silence"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/webhook"
)

func alarmTests() []test {
	return []test{
		{"the same alarm is open once, also if two transactions open it at one moment", alarmsMeet},
		{"the same alarm about two servers is open for each, also at one moment", serversMeet},
		{"an alarm that an older version opened is not opened again", olderAlarms},
		{"a server ends its own alarms, and no other ones", ownAlarms},
		{"the alarms of a server that is gone end with time, or by a person", lostServers},
	}
}

// listOpenAlarms writes down the open alarms that belong to no meter, sorted: code, server and text of each.
func listOpenAlarms(t *testing.T, e store.Engine) string {
	t.Helper()
	var out []string
	for _, a := range look(t, e, func(tx *store.Tx) ([]metering.RaisedAlarm, error) { return tx.Alarms(0, true, metering.After{}, 200) }) {
		if a.Number == "" {
			out = append(out, strings.Join(strings.Fields(fmt.Sprint(a.Alarm.Code, " ", a.Alarm.Server, " ", a.Alarm.Text)), " "))
		}
	}
	slices.Sort(out)
	return strings.Join(out, "; ")
}

// wantOpen compares the open alarms that belong to no meter.
func wantOpen(t *testing.T, e store.Engine, when, want string) {
	t.Helper()
	if got := listOpenAlarms(t, e); got != want {
		t.Errorf("%s: %q is open, want %q", when, got, want)
	}
}

// hearAlarms adds a webhook that wants alarms, so that each alarm that is opened makes an event.
func hearAlarms(tx *store.Tx) error {
	i, err := tx.NewID()
	e := webhook.Endpoint{ID: i, URL: "https://a.example", Events: webhook.Choice(webhook.AlarmRaised), Secret: []byte("sealed"),
		AddedBy: "test", AddedAt: base()}
	return firstOf(err, tx.AddWebhook(e))
}

// countEvents counts the events about alarms.
func countEvents(tx *store.Tx) (int64, error) {
	return tx.Number(`SELECT COUNT(*) FROM outbox WHERE tenant_id = $1 AND lane = 'webhook'`, tx.Tenant)
}

// alarmsMeet opens an alarm in each way while another transaction opens the same one. Its text is longer than an entry of an index may be.
func alarmsMeet(t *testing.T, r Rig) {
	long := strings.Repeat("0123456789abcdef", 500)
	for _, way := range []struct {
		name string
		open func(*store.Tx) error
	}{
		{"raised", func(tx *store.Tx) error {
			return tx.RaiseAlarm(0, metering.Alarm{Code: "sms-memory-full", Text: long})
		}},
		{"raised by a server", func(tx *store.Tx) error {
			return tx.RaiseAlarm(0, metering.Alarm{Code: "sms-route-down", Text: "a", Server: "srv-a"})
		}},
		{"about a payment", func(tx *store.Tx) error {
			return tx.RaiseOwnAlarm(0, metering.Alarm{Code: metering.AlarmPaymentOwn, Text: long})
		}},
		{"brought up to date", func(tx *store.Tx) error {
			return tx.UpdateAlarm(0, metering.Alarm{Code: "payments-parked", Text: long})
		}},
		{"of a feeder", func(tx *store.Tx) error {
			return tx.RaiseFeeder("North 3", metering.Alarm{Code: silence.AlarmFeeder, Text: long})
		}},
	} {
		e := r.several(t)
		letThrough(e)
		must(t, e, hearAlarms)
		r.meets(t, e, func(tx *store.Tx, meet func()) error {
			err := way.open(tx)
			if err == nil {
				meet()
			}
			return err
		}, way.open)
		if open := strings.Count(listOpenAlarms(t, e), ";") + 1; open != 1 {
			t.Errorf("%s: %d alarms are open, want one", way.name, open)
		}
		if events := look(t, e, countEvents); events != 1 {
			t.Errorf("%s: %d events, want one", way.name, events)
		}
	}
}

// serversMeet lets two servers open the alarm with the same text at one moment. Each has its own.
func serversMeet(t *testing.T, r Rig) {
	e := r.several(t)
	letThrough(e)
	must(t, e, hearAlarms)
	of := func(server string) func(*store.Tx) error {
		return func(tx *store.Tx) error {
			return firstOf(tx.UpdateAlarm(0, metering.Alarm{Code: "certificate-ends", Text: "soon", Server: server}),
				tx.RaiseAlarm(0, metering.Alarm{Code: "sms-route-down", Text: "a", Server: server}))
		}
	}
	r.meets(t, e, func(tx *store.Tx, meet func()) error {
		err := of("srv-a")(tx)
		if err == nil {
			meet()
		}
		return err
	}, of("srv-b"))
	wantOpen(t, e, "two servers", "certificate-ends srv-a soon; certificate-ends srv-b soon; sms-route-down srv-a a; sms-route-down srv-b a")
	named := look(t, e, func(tx *store.Tx) (int64, error) {
		return tx.Number(`SELECT COUNT(*) FROM outbox WHERE tenant_id = $1 AND lane = 'webhook' AND body LIKE '%"server":"srv-a"%'`, tx.Tenant)
	})
	if named != 2 {
		t.Errorf("%d events name the first server, want two", named)
	}
}

// olderAlarms raises alarms that are open without a digest.
func olderAlarms(t *testing.T, r Rig) {
	e := r.Open(t)
	raise := func(tx *store.Tx) error {
		return firstOf(tx.RaiseAlarm(0, metering.Alarm{Code: "sms-route-down", Text: "a"}),
			tx.UpdateAlarm(0, metering.Alarm{Code: "payments-parked", Text: "b"}),
			tx.RaiseFeeder("North 3", metering.Alarm{Code: silence.AlarmFeeder, Text: "c"}))
	}
	must(t, e, raise)
	must(t, e, func(tx *store.Tx) error {
		_, err := tx.C.Exec(`UPDATE alarm SET open_once = ''`)
		return err
	})
	must(t, e, raise)
	wantOpen(t, e, "raised again", "feeder-silent c; payments-parked b; sms-route-down a")
}

// ownAlarms ends alarms with the same code: that of one server, of the shared database, and one that an older version stored without a server.
func ownAlarms(t *testing.T, r Rig) {
	e := r.Open(t)
	const ends, route = metering.AlarmCode("certificate-ends"), metering.AlarmCode("sms-route-down")
	must(t, e, func(tx *store.Tx) error {
		for _, server := range []string{"", "srv-a", "srv-b"} {
			if err := firstOf(tx.UpdateAlarm(0, metering.Alarm{Code: ends, Text: "soon", Server: server}),
				tx.RaiseAlarm(0, metering.Alarm{Code: route, Text: "a", Server: server})); err != nil {
				return err
			}
		}
		return nil
	})
	must(t, e, func(tx *store.Tx) error {
		return firstOf(tx.UpdateAlarm(0, metering.Alarm{Code: ends, Text: "over", Server: "srv-b"}),
			tx.RaiseAlarm(0, metering.Alarm{Code: route, Text: "a", Server: "srv-b"}))
	})
	const routes = "; sms-route-down a; sms-route-down srv-a a; sms-route-down srv-b a"
	wantOpen(t, e, "raised again", "certificate-ends soon; certificate-ends srv-a soon; certificate-ends srv-b over"+routes)
	for _, end := range []struct {
		when string
		do   func(*store.Tx) error
		want string
	}{
		{"the first server has ended its own", func(tx *store.Tx) error { return tx.ClearServerAlarm("srv-a", ends) },
			"certificate-ends soon; certificate-ends srv-b over" + routes},
		{"and that without a server", func(tx *store.Tx) error { return tx.ClearAlarm(0, ends) }, "certificate-ends srv-b over" + routes},
		{"the route of the first server works", func(tx *store.Tx) error { return tx.ClearAlarmText("srv-a", route, "a") },
			"certificate-ends srv-b over; sms-route-down srv-b a"},
		{"the only server ends nothing of the second one", func(tx *store.Tx) error {
			return firstOf(tx.ClearServerAlarm("", ends), tx.ClearAlarmText("", route, "a"))
		}, "certificate-ends srv-b over; sms-route-down srv-b a"},
		{"the second server has the route", func(tx *store.Tx) error {
			return firstOf(tx.EndGoneAlarms("srv-b", route, []string{"b", "a"}), tx.EndGoneAlarms("srv-a", route, nil),
				tx.EndGoneAlarms("", route, nil))
		}, "certificate-ends srv-b over; sms-route-down srv-b a"},
		{"it has another route, and full memories of routes that are gone", func(tx *store.Tx) error {
			return firstOf(tx.RaiseAlarm(0, metering.Alarm{Code: route, Text: "b", Server: "srv-b"}),
				tx.EndGoneAlarms("srv-b", "sms-memory-full", nil),
				tx.EndGoneAlarms("srv-b", route, []string{"b"}))
		}, "certificate-ends srv-b over; sms-route-down srv-b b"},
		{"it has no route", func(tx *store.Tx) error { return tx.EndGoneAlarms("srv-b", route, nil) }, "certificate-ends srv-b over"},
	} {
		must(t, e, end.do)
		wantOpen(t, e, end.when, end.want)
	}
}

// lostServers ends the alarms of servers that say nothing any more.
func lostServers(t *testing.T, r Rig) {
	e := r.Open(t)
	raise := func(tx *store.Tx) error {
		for _, server := range []string{"", "srv-a", "srv-b"} {
			if err := tx.UpdateAlarm(0, metering.Alarm{Code: "certificate-ends", Text: "soon", Server: server}); err != nil {
				return err
			}
		}
		return nil
	}
	lose := func(tx *store.Tx) error { // both were last alive an hour ago
		_, err := tx.C.Exec(`UPDATE alarm SET seen_at = $1 WHERE server <> ''`, tx.Now.Add(-time.Hour))
		return err
	}
	endLost := func(tx *store.Tx) error { return tx.EndLostAlarms(tx.Now.Add(-time.Minute)) }
	must(t, e, raise)
	must(t, e, endLost)
	wantOpen(t, e, "both are alive", "certificate-ends soon; certificate-ends srv-a soon; certificate-ends srv-b soon")
	must(t, e, lose)
	must(t, e, func(tx *store.Tx) error { return firstOf(tx.ConfirmServerAlarms("srv-a"), endLost(tx)) })
	wantOpen(t, e, "the second is gone", "certificate-ends soon; certificate-ends srv-a soon")
	must(t, e, lose)
	must(t, e, func(tx *store.Tx) error { return firstOf(raise(tx), endLost(tx)) })
	wantOpen(t, e, "both raise theirs again", "certificate-ends soon; certificate-ends srv-a soon; certificate-ends srv-b soon")
	must(t, e, lose)
	must(t, e, func(tx *store.Tx) error { return tx.ConfirmServerAlarms("srv-a") })
	alive := look(t, e, func(tx *store.Tx) (names string, err error) {
		err = tx.AlarmedServers(5, func(name string, seen time.Time) {
			names += fmt.Sprint(name, " ", tx.Now.Sub(seen) < time.Minute, "; ")
		})
		return names, err
	})
	if alive != "srv-a true; srv-b false; " {
		t.Errorf("alive with open alarms: %s, want the first server", alive)
	}
	for _, c := range []struct {
		server string
		want   int64
	}{{"srv-a", 0}, {"srv-b", 1}, {"srv-c", 0}, {"", 0}} {
		var ended int64
		must(t, e, func(tx *store.Tx) (err error) {
			ended, err = tx.EndServerAlarms(c.server, tx.Now.Add(-time.Minute))
			return err
		})
		if ended != c.want {
			t.Errorf("a person ended %d alarms of %q, want %d", ended, c.server, c.want)
		}
	}
	wantOpen(t, e, "a person ended those of the second", "certificate-ends soon; certificate-ends srv-a soon")
}
