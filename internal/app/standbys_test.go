package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/postgres"
)

// followed is a store whose report about its standbys a test sets. It refuses what a PostgreSQL store refuses while none follows.
type followed struct {
	store.Engine
	report atomic.Value // store.Standbys
}

// follow sets the report: so many of two standbys follow, the first of them the synchronous one.
func (f *followed) follow(n int) {
	all := []store.Follower{{State: "streaming", Sync: "sync", Lag: 100}, {State: "streaming", Sync: "async", Lag: 4096}}
	s := store.JudgeStandbys(time.Now(), true, all[:n], 2, 0)
	s.Timeline = 7
	f.report.Store(s)
}

func (f *followed) Standbys() store.Standbys { return f.report.Load().(store.Standbys) }

// lack is the error of a store whose commits find no standby.
func (f *followed) lack() error {
	if f.Standbys().Safety() == store.SafetyStopped {
		return errors.Join(store.ErrBusy, postgres.ErrNoFollower)
	}
	return nil
}

func (f *followed) Health() error { return errors.Join(f.Engine.Health(), f.lack()) }

func (f *followed) Run(ctx context.Context, t access.Tenant, lane store.Lane, fn func(*store.Tx) (bool, error)) error {
	if err := f.lack(); err != nil {
		return err
	}
	return f.Engine.Run(ctx, t, lane, fn)
}

// TestEverySurfaceSaysWhichStandbysFollow: with two of two standbys, one, and none, /readyz, the metrics, the overview of the API and of the
// console, and the alarm say the same. Those for programs also say how far the slowest is behind, and the timeline. Losing both at once is told as
// well as losing one after the other. See TestDoctorSaysWhichStandbysFollow for doctor.
func TestEverySurfaceSaysWhichStandbysFollow(t *testing.T) {
	a, err := New(Config{Data: t.TempDir(), HTTP: "127.0.0.1:0", MQTT: "127.0.0.1:0", Passphrase: []byte("a long passphrase"), Reserve: -1, Test: true,
		KeyCost: keystore.Params{Time: 1, MemoryKiB: 8, Threads: 1}, PasswordCost: access.Argon{Time: 1, MemoryKiB: 8, Threads: 1}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.close(); err != nil {
			t.Error(err)
		}
	}()
	f := &followed{Engine: a.engine.Engine}
	f.follow(2)
	a.engine.Engine, a.engine.standbys = f, f.Standbys
	a.engine.runUnreplicated = runOn(f.Engine)
	w := &walk{t: t, a: a, p: &planned{}, asked: map[string]int{}}
	w.signIn()
	watch := &standbyWatch{App: a}
	const one, none, ready = "1 of 2 standbys of the database follow", "No standby of the database follows", `"ready":true`
	for _, c := range []struct {
		following                                        int
		status                                           int
		readyz, metric, overview, page, absent, openText string
	}{
		{2, 200, ready, "paywatt_standbys_following 2", `"safety":"full"`, "", "standby", ""},
		{1, 200, `"safety":"reduced"`, "paywatt_standbys_following 1", `"safety":"reduced"`, one, none, one},
		{0, 503, "No synchronous standby follows", "paywatt_standbys_following 0", `"safety":"stopped"`, none, one, none},
		{2, 200, ready, "paywatt_standbys_following 2", `"safety":"full"`, "", "standby", ""},
		{0, 503, "No synchronous standby follows", "paywatt_standbys_following 0", `"safety":"stopped"`, none, one, none},
		{1, 200, `"safety":"reduced"`, "paywatt_standbys_following 1", `"safety":"reduced"`, one, none, one},
	} {
		f.follow(c.following)
		watch.storeAlarm(t.Context())
		if got := w.ask("/readyz"); got.Code != c.status || !strings.Contains(got.Body.String(), c.readyz) {
			t.Errorf("%d of 2 follow: /readyz says %d %s", c.following, got.Code, got.Body)
		}
		lag := []int{0, 100, 4096}[c.following] // of the slowest of those that follow
		got := w.ask("/metrics")
		for _, line := range []string{c.metric, "paywatt_standbys_expected 2", fmt.Sprintf("paywatt_standby_lag_bytes %d", lag), "paywatt_database_timeline 7"} {
			if !strings.Contains(got.Body.String(), "\n"+line+"\n") {
				t.Errorf("%d of 2 follow: the metrics have no line %q: %d", c.following, line, got.Code)
			}
		}
		behind := fmt.Sprintf(`"lag_bytes":%d,"timeline":7`, lag)
		asked := []string{"/v1/overview"}
		if c.status == 200 { // otherwise /readyz answers with a problem
			asked = append(asked, "/readyz")
		}
		for _, path := range asked {
			if got := w.ask(path); !strings.Contains(got.Body.String(), behind) {
				t.Errorf("%d of 2 follow: %s does not say %s: %s", c.following, path, behind, got.Body)
			}
		}
		if got := w.ask("/v1/overview"); got.Code != 200 || !strings.Contains(got.Body.String(), c.overview) {
			t.Errorf("%d of 2 follow: the overview says %d %s", c.following, got.Code, got.Body)
		}
		if got := w.ask("/overview"); got.Code != 200 || !strings.Contains(got.Body.String(), c.page) || strings.Contains(got.Body.String(), c.absent) {
			t.Errorf("%d of 2 follow: the page says %d %s", c.following, got.Code, got.Body)
		}
		alarms := w.ask("/v1/alarms?open=true").Body.String()
		if open := strings.Count(alarms, string(alarmStandby)); open != min(len(c.openText), 1) || !strings.Contains(alarms, c.openText) {
			t.Errorf("%d of 2 follow: %d alarms are open, want one with %q or none: %s", c.following, open, c.openText, alarms)
		}
	}
}

// runOn runs what needs no standby on an engine.
func runOn(e store.Engine) func(context.Context, access.Tenant, func(*store.Tx) error) error {
	return func(ctx context.Context, by access.Tenant, fn func(*store.Tx) error) error {
		return e.Run(ctx, by, store.Job, func(tx *store.Tx) (bool, error) { return false, fn(tx) })
	}
}

// ask asks for a path as somebody who is signed in, and with a key.
func (w *walk) ask(path string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(w.t.Context(), http.MethodGet, path, nil)
	r.RemoteAddr = "127.0.0.1:1"
	if strings.HasPrefix(path, "/v1/") || path == "/metrics" {
		r.Header.Set("Authorization", "Bearer "+w.key)
	}
	for _, c := range w.cookies {
		r.AddCookie(c)
	}
	a := httptest.NewRecorder()
	w.a.handler.ServeHTTP(a, r)
	return a
}

// alarmConn is a database that notes the text of the alarm that is open.
type alarmConn struct {
	core.Conn
	open *atomic.Value
}

func (c alarmConn) Exec(_ string, args ...any) (int64, error) {
	text, _ := args[0].(string) // ClearAlarm begins with the time
	c.open.Store(text)
	return 1, nil
}

// TestTheAlarmAboutStandbysComesWithTheNextLook: whenever a standby is lost or comes back, the alarm says so within [store.StandbyEvery]. An alarm
// that cannot be stored is tried again with the next look.
func TestTheAlarmAboutStandbysComesWithTheNextLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, open, away := &followed{}, &atomic.Value{}, &atomic.Bool{}
		open.Store("")
		f.follow(2)
		a := &App{log: slog.New(slog.DiscardHandler), engine: &database{Engine: f, standbys: f.Standbys}}
		a.engine.runUnreplicated = func(_ context.Context, by access.Tenant, fn func(*store.Tx) error) error {
			if away.Load() {
				return store.ErrBusy
			}
			return fn(store.NewTx(alarmConn{open: open}, by, time.Now(), nil, 0, nil))
		}
		ctx, end := context.WithCancel(t.Context())
		var ended error
		done := make(chan struct{})
		go func() { defer close(done); ended = a.missStandbys(ctx) }()
		for i, n := range []int{2, 1, 0, 2, 0, 1, 2} {
			away.Store(i%2 == 1)
			f.follow(n)
			time.Sleep(store.StandbyEvery)
			away.Store(false)
			if i%2 == 1 {
				time.Sleep(store.StandbyEvery)
			}
			synctest.Wait()
			if got, want := open.Load(), standbyAlarm(f.Standbys()); got != want {
				t.Errorf("%d of 2 follow: the alarm is %q, want %q", n, got, want)
			}
			if n == 0 { // the primary is lost with the alarm, and the next one has no standby either
				open.Store("")
				time.Sleep(store.StandbyEvery)
				synctest.Wait()
				if got := open.Load(); got != standbyAlarm(f.Standbys()) {
					t.Errorf("after the loss of the primary the alarm is %q", got)
				}
			}
			time.Sleep(store.StandbyEvery / 3) // so that the next change is not at the moment of a look
		}
		end()
		<-done
		if ended != nil {
			t.Error(ended)
		}
	})
}

// TestThePageOfAClusterAddsUpItsTenSeconds: the page says within which time each server tells of a lost standby. That is the sum of the time in
// which PostgreSQL notices it, as the page sets it, and of the two looks of the server, as the page names them.
func TestThePageOfAClusterAddsUpItsTenSeconds(t *testing.T) {
	text, err := os.ReadFile("../../docs/operate/cluster.md")
	if err != nil {
		t.Fatal(err)
	}
	page := strings.Join(strings.Fields(string(text)), " ")
	setting := regexp.MustCompile(`wal_sender_timeout: (\d+s)`).FindStringSubmatch(page)
	promise := regexp.MustCompile(`Within (\d+) s each server says so`).FindStringSubmatch(page)
	if setting == nil || promise == nil {
		t.Fatalf("the page sets %v and promises %v", setting, promise)
	}
	notices, err := time.ParseDuration(setting[1])
	within, more := time.ParseDuration(promise[1] + "s")
	if err != nil || more != nil || notices+2*store.StandbyEvery > within {
		t.Errorf("PostgreSQL notices a lost standby within %v, and the server looks twice, each time after %v: the page promises %v", notices, store.StandbyEvery, within)
	}
	seconds := func(d time.Duration) string { return fmt.Sprintf("%d s", int(d.Seconds())) }
	for _, says := range []string{"notices a lost standby within `wal_sender_timeout` (" + seconds(notices) + ")",
		"asks it every " + seconds(store.StandbyEvery) + ", and looks every " + seconds(store.StandbyEvery)} {
		if !strings.Contains(page, says) {
			t.Errorf("the page does not say %q", says)
		}
	}
}
