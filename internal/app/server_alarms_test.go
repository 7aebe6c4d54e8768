package app

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/vending"
)

// crew are two servers of one database, each with its watches.
type crew struct {
	t     *testing.T
	app   *App
	began time.Time
	now   time.Time // the clock of the watches
}

// openCrew opens a database.
func openCrew(t *testing.T) *crew {
	t.Helper()
	a, err := New(Config{Data: t.TempDir(), HTTP: "127.0.0.1:0", MQTT: "127.0.0.1:0", Passphrase: []byte("a long passphrase"),
		Reserve: -1, Test: true,
		KeyCost: keystore.Params{Time: 1, MemoryKiB: 8, Threads: 1}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.close(); err != nil {
			t.Error(err)
		}
	})
	a.engine.runUnreplicated = runOn(a.engine)
	now := time.Now()
	return &crew{t: t, app: a, began: now, now: now}
}

// start starts a server with this name. It knows nothing of an earlier run.
func (c *crew) start(server string) *certificateWatch {
	return &certificateWatch{App: &App{log: slog.New(slog.DiscardHandler), engine: c.app.engine, vending: c.app.vending, name: server}}
}

// checkCertificate lets a server look at a certificate that ends soon or does not, and at files that can be used or cannot.
func (c *crew) checkCertificate(w *certificateWatch, soon bool, problem error) {
	c.t.Helper()
	end := CertificateEnd{Of: w.name + ".pem", At: c.began.AddDate(1, 0, 0), lasts: 2 * 365 * 24 * time.Hour}
	if soon {
		end.At = c.began.AddDate(0, 0, 5)
	}
	w.raise(c.t.Context(), certificateAlarmsOf(w.name, []CertificateEnd{end}, problem, c.now), c.now)
}

// do runs a transaction.
func (c *crew) do(fn func(*store.Tx) error) {
	c.t.Helper()
	if err := c.app.engine.Run(c.t.Context(), tenant, store.Job, func(tx *store.Tx) (bool, error) { return false, fn(tx) }); err != nil {
		c.t.Fatal(err)
	}
}

// age makes a server one that was last alive some time ago.
func (c *crew) age(server string, by time.Duration) {
	c.t.Helper()
	c.do(func(tx *store.Tx) error {
		_, err := tx.C.Exec(`UPDATE alarm SET seen_at = $1 WHERE server = $2`, tx.Now.Add(-by), server)
		return err
	})
}

// want compares the open alarms: code and server of each.
func (c *crew) want(when string, want ...string) {
	c.t.Helper()
	var open []string
	c.do(func(tx *store.Tx) error {
		open = nil
		all, err := tx.Alarms(0, true, metering.After{}, 50)
		for _, a := range all {
			open = append(open, strings.TrimSpace(fmt.Sprint(a.Alarm.Code, " ", a.Alarm.Server)))
		}
		return err
	})
	if slices.Sort(open); !slices.Equal(open, want) {
		c.t.Errorf("%s: %q are open, want %q", when, open, want)
	}
}

// TestAServerEndsOnlyItsOwnAlarms: whatever one server finds out about its own files, and however often it starts, the alarms of the other one stay.
func TestAServerEndsOnlyItsOwnAlarms(t *testing.T) {
	c := openCrew(t)
	broken := errors.New("half a file")
	a, b := c.start("srv-a"), c.start("srv-b")
	c.checkCertificate(a, true, broken)
	c.want("the first", "certificate-ends srv-a", "certificate-unusable srv-a")
	c.checkCertificate(b, true, nil)
	c.want("the second starts, with files that can be used", "certificate-ends srv-a", "certificate-ends srv-b", "certificate-unusable srv-a")
	c.checkCertificate(c.start("srv-b"), false, nil)
	c.want("the second starts again, with a new certificate", "certificate-ends srv-a", "certificate-unusable srv-a")
	c.checkCertificate(a, true, nil)
	c.want("the files of the first can be used", "certificate-ends srv-a")
	c.checkCertificate(c.start("srv-a"), true, nil)
	c.want("the first starts again", "certificate-ends srv-a")
	c.checkCertificate(c.start("srv-a"), false, nil)
	c.want("the first starts with a new certificate")
}

// TestAnAlarmOfAnOlderVersionEnds: an older version stored the alarms of all servers without a name. The first look of any server ends them.
func TestAnAlarmOfAnOlderVersionEnds(t *testing.T) {
	c := openCrew(t)
	c.checkCertificate(c.start(""), true, errors.New("half a file"))
	c.want("an older version, or the only server", "certificate-ends", "certificate-unusable")
	c.checkCertificate(c.start("srv-b"), true, nil)
	c.want("a server with a name", "certificate-ends srv-b")
	c.checkCertificate(c.start(""), true, nil)
	c.checkCertificate(c.start(""), false, nil)
	c.want("the only server ends what has no name", "certificate-ends srv-b")
}

// TestAnAlarmThatOthersEndedOpensAgain: a person, or a server with the same name, ends an alarm whose cause is there. It opens again.
func TestAnAlarmThatOthersEndedOpensAgain(t *testing.T) {
	c := openCrew(t)
	w := c.start("srv-a")
	c.checkCertificate(w, true, nil)
	c.do(func(tx *store.Tx) error { return tx.ClearServerAlarm("srv-a", alarmCertificateEnds) })
	c.now = c.now.Add(alarmEvery - time.Second)
	c.checkCertificate(w, true, nil)
	c.want("before that time")
	c.now = c.now.Add(time.Second)
	c.checkCertificate(w, true, nil)
	c.want("at that time", "certificate-ends srv-a")
	c.checkCertificate(c.start("srv-a"), false, nil)
	c.now = c.now.Add(alarmEvery)
	c.checkCertificate(w, true, nil)
	c.want("after a server with the same name has started", "certificate-ends srv-a")
}

// TestTheAlarmsOfALostServerEnd: a server that says nothing for lostAfter is gone, and the others end its alarms.
func TestTheAlarmsOfALostServerEnd(t *testing.T) {
	c := openCrew(t)
	a, b := c.start("srv-a"), c.start("srv-b")
	c.checkCertificate(a, true, nil)
	c.checkCertificate(b, true, nil)
	watch := nameWatch{App: b.App}
	c.age("srv-a", lostAfter-time.Hour)
	c.age("srv-b", lostAfter+time.Hour)
	watch.checkName(t.Context())
	c.want("the second is alive", "certificate-ends srv-a", "certificate-ends srv-b")
	c.age("srv-a", lostAfter+time.Hour)
	watch.checkName(t.Context())
	c.want("the first is gone", "certificate-ends srv-b")
}

// TestAServerIsAliveWhileItsClockIsInDoubt: it says so, and its alarms stay. It ends no alarms of others: by a clock that is far ahead, all of them
// have said nothing for long.
func TestAServerIsAliveWhileItsClockIsInDoubt(t *testing.T) {
	c := openCrew(t)
	for _, server := range []string{"srv-a", "srv-b"} {
		c.checkCertificate(c.start(server), true, nil)
		c.age(server, lostAfter+time.Hour)
	}
	a := c.start("srv-a").App
	a.stopping = t.Context()
	a.vending = vending.New(vending.Config{Door: restedTx{known: c.began.AddDate(-1, 0, 0)},
		Now: time.Now, Rand: rand.Reader, Synced: func() bool { return false }})
	if err := a.startClock(); err != nil || !a.clockDoubted() {
		t.Fatalf("the clock is in doubt: %t, %v", a.clockDoubted(), err)
	}
	watch := nameWatch{App: a}
	watch.checkName(t.Context())
	c.want("the clock is in doubt", "certificate-ends srv-a", "certificate-ends srv-b")
	watch = nameWatch{App: c.start("srv-c").App}
	watch.checkName(t.Context())
	c.want("a server whose clock is trusted has looked", "certificate-ends srv-a")
}

// TestTwoServersWithOneNameSaySo: both open one alarm, but not about an earlier run that still counts as alive. The one that is left ends it.
func TestTwoServersWithOneNameSaySo(t *testing.T) {
	c := openCrew(t)
	live := func(instance, server string, until time.Duration) {
		t.Helper()
		c.do(func(tx *store.Tx) error { return tx.ServerSeen(instance, server, tx.Now.Add(until)) })
	}
	live("1", "srv-a", time.Hour)
	live("2", "srv-a", time.Hour)
	live("3", "srv-b", time.Hour)
	a, b, other := nameWatch{App: c.start("srv-a").App}, nameWatch{App: c.start("srv-a").App}, nameWatch{App: c.start("srv-b").App}
	for _, s := range []struct {
		when  string
		watch *nameWatch
		want  []string
	}{
		{"the first has just started", &a, nil},
		{"a server with another name has started", &other, nil},
		{"it looks again", &other, nil},
		{"the first looks again", &a, []string{"server-name-shared srv-a"}},
		{"the second has just started", &b, []string{"server-name-shared srv-a"}},
		{"the second looks again", &b, []string{"server-name-shared srv-a"}},
	} {
		s.watch.checkName(t.Context())
		c.want(s.when, s.want...)
	}
	live("2", "srv-a", -time.Second)
	a.checkName(t.Context())
	c.want("the second is gone")
}

// TestAPersonEndsTheAlarmsOfALostServer: the command ends the alarms of a server that is gone, none of one that is alive, and records it.
func TestAPersonEndsTheAlarmsOfALostServer(t *testing.T) {
	c := openCrew(t)
	c.checkCertificate(c.start("srv-a"), true, nil)
	c.checkCertificate(c.start("srv-b"), true, errors.New("half a file"))
	f, err := OpenFolder(t.Context(), c.app.c.Data, "", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	end := func(server string, ended int64, left ...string) {
		t.Helper()
		out, err := f.EndServerAlarms(t.Context(), server)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, s := range out.Left {
			names = append(names, s.Name)
		}
		if out.Ended != ended || !slices.Equal(names, left) {
			t.Errorf("%s: %d ended, and %q have open alarms; want %d and %q", server, out.Ended, names, ended, left)
		}
	}
	end("srv-b", 0, "srv-a", "srv-b")
	c.age("srv-b", aliveFor+time.Minute)
	end("srv-b", 2)
	c.want("the second is gone", "certificate-ends srv-a")
	end("srv-c", 0, "srv-a")
	c.do(func(tx *store.Tx) error {
		n, err := tx.Number(`SELECT COUNT(*) FROM audit WHERE action = 'alarm.end' AND object = 'srv-b'`)
		if err == nil && n != 1 {
			t.Errorf("the audit log has %d rows about it, want one", n)
		}
		return err
	})
}

// TestTheMetricsNameTheServer: whoever reads the metrics of several servers finds the name that their alarms have.
func TestTheMetricsNameTheServer(t *testing.T) {
	c := openCrew(t)
	c.app.name, c.app.gauges = "srv-a", prometheus.NewRegistry()
	if err := c.app.count(); err != nil {
		t.Fatal(err)
	}
	all, err := c.app.gauges.Gather()
	if err != nil {
		t.Fatal(err)
	}
	named := false
	for _, m := range all {
		if m.GetName() == "paywatt_server_info" {
			named = m.GetMetric()[0].GetLabel()[0].GetValue() == "srv-a"
		}
	}
	if !named {
		t.Error("no metric has the name of the server")
	}
}

// TestServersAgreeOnTheAlarmAboutStandbys: the alarm is about the database, so it is open once for two servers, and whichever sees all standbys ends
// it. Where one of them is set to expect fewer, the other opens it again.
func TestServersAgreeOnTheAlarmAboutStandbys(t *testing.T) {
	c := openCrew(t)
	start := func(server string, following, expected int) *standbyWatch {
		s := store.JudgeStandbys(c.now, true, []store.Follower{{State: "streaming", Sync: "sync"}, {State: "streaming"}}[:following], expected, 0)
		e := *c.app.engine
		e.standbys = func() store.Standbys { s.At = c.now; return s }
		return &standbyWatch{App: &App{log: slog.New(slog.DiscardHandler), engine: &e, name: server}}
	}
	a, b := start("srv-a", 1, 2), start("srv-b", 1, 2)
	a.storeAlarm(t.Context())
	b.storeAlarm(t.Context())
	c.want("both see one of two", "standby-missing")
	start("srv-b", 2, 2).storeAlarm(t.Context())
	c.want("one sees both")
	a.storeAlarm(t.Context())
	c.want("the other one stores nothing before its time")
	c.now = c.now.Add(alarmEvery)
	a.storeAlarm(t.Context())
	start("srv-b", 1, 1).storeAlarm(t.Context())
	c.want("a server that expects one starts")
	c.now = c.now.Add(alarmEvery)
	a.storeAlarm(t.Context())
	c.want("the server that expects two stores it again", "standby-missing")
}

// TestThePageOfAClusterSaysWhenAlarmsEnd: the page says after which times alarms open again and end.
func TestThePageOfAClusterSaysWhenAlarmsEnd(t *testing.T) {
	text, err := os.ReadFile("../../docs/operate/cluster.md")
	if err != nil {
		t.Fatal(err)
	}
	page := strings.Join(strings.Fields(string(text)), " ")
	for says, is := range map[string]bool{
		"opens the alarm again within ten minutes":                             alarmEvery == 10*time.Minute,
		"A server gives this sign every ten minutes.":                          alarmEvery == 10*time.Minute,
		"the others end its alarms after seven days without a sign of it":      lostAfter == 7*24*time.Hour,
		"To end them sooner, stop the server, wait half an hour, and run this": aliveFor == 30*time.Minute,
	} {
		if !is || !strings.Contains(page, says) {
			t.Errorf("the page does not say %q, or it is not so", says)
		}
	}
}

// TestAServerKeepsItsName: the name is that of the setting, or of the host. The only server of a database has none.
func TestAServerKeepsItsName(t *testing.T) {
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ setting, store, want string }{
		{"srv-a", "postgres://db/x", "srv-a"}, {"", "postgres://db/x", host}, {"srv-a", "", ""}, {"", "", ""},
	} {
		if got := ServerName(c.setting, c.store); got != c.want {
			t.Errorf("setting %q, store %q: %q, want %q", c.setting, c.store, got, c.want)
		}
	}
}
