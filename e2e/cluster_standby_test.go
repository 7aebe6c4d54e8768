package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/e2e/cluster"
	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/tier"
)

// TestAClusterSaysWhatItLost takes one standby away, then the other, and later both at once. Two servers say so everywhere, before the loss that
// ends the sales. A sale without a standby is answered, and repeated with its key when a standby is back. A primary that has written more
// than its log keeps between two checkpoints, was cut off and comes back, follows again. One that cannot be rewound is copied anew.
func TestAClusterSaysWhatItLost(t *testing.T) {
	tier.Long(t)
	w := newWitnesses(t)
	c, a := w.c, w.servers[0]
	a.tariff(t)
	m := a.meter(t, number(8101))
	a.mustVend(t, m.number, 1000, "before-000001")
	w.awaitSurfaces(full, 2)

	sync, standbys := c.Standby(), c.Standbys()
	for _, n := range standbys {
		if n != sync {
			n.Kill()
		}
	}
	w.awaitSurfaces(reduced, 1)
	a.mustVend(t, m.number, 1000, "with-one-standby")

	sync.Kill()
	began := time.Now()
	got, err := a.vend(m.number, 1000, "without-a-standby")
	took := time.Since(began)
	if err != nil || got.status != 503 || got.text(t, "code") != "outcome-unknown" || got.text(t, "money_moved") != "unknown" {
		t.Errorf("a sale without a standby: %v, %d %s after %v; want 503 outcome-unknown", err, got.status, got.body, took)
	}
	t.Logf("figures: cluster: a sale without a standby is answered after %v", took.Round(100*time.Millisecond))
	w.awaitSurfaces(stopped, 0)
	w.startMachines(standbys)
	await.True(t, "the sale is answered under its key", func() bool {
		got, err = a.vend(m.number, 1000, "without-a-standby")
		return err == nil && got.status == 201
	})

	standbys = c.Standbys()
	for _, n := range standbys { // nothing tells PostgreSQL that a cable is cut
		n.Isolate(true)
	}
	w.awaitSurfaces(stopped, 0)
	for _, n := range standbys {
		n.Isolate(false)
	}
	c.AwaitWhole()
	w.awaitSurfaces(full, 2)

	was := c.Primary()
	c.Admin("CREATE TABLE ballast AS SELECT n, repeat(md5(n::text), 30) FROM generate_series(1, 200000) n")
	was.Isolate(true)
	w.awaitReturn(was, m.number, "after-the-promotion", false)

	was = c.Primary()
	c.ForgetCommonLog(was)
	w.awaitReturn(was, m.number, "after-the-second-promotion", true)
}

// witnesses are two servers over a cluster that a test asks which standbys follow.
type witnesses struct {
	*testing.T
	c       *cluster.Cluster
	p       *place // of the first server
	servers []*api
}

// newWitnesses sets the servers up as the page says: each has a folder of its own with the page's settings, and finds the password of the
// database in a password file. The first one makes the keys, which the other gets as files.
func newWitnesses(t *testing.T) *witnesses {
	t.Helper()
	w := &witnesses{T: t, c: cluster.Start(t), p: newPlace(t, paywatt(t))}
	w.setUp(w.p, w.p.pass, "srv-a")
	w.p.serve(t, anyPort, anyPort).stop()
	w.p.run(t, "", w.c.Command("paywatt store standby")...)
	other := barePlace(t, w.p.bin, filepath.Join(t.TempDir(), "paywatt-data"))
	if err := os.Mkdir(other.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"keystore", "data.key", "seal.key"} {
		b, err := os.ReadFile(filepath.Join(w.p.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(other.dir, name), string(b), 0o600)
	}
	w.setUp(other, w.p.pass, "srv-b")
	key := w.p.run(t, "", "apikey", "create", "--role", "owner", "--data", w.p.dir)
	for _, p := range []*place{w.p, other} {
		w.servers = append(w.servers, newAPI(p.serve(t, anyPort, anyPort).http, key))
	}
	return w
}

// setUp writes the settings and the password file of one server. Both run on one host, so they need names.
func (w *witnesses) setUp(p *place, passphrase, name string) {
	w.Helper()
	p.expect(databaseIsAway...)
	p.expect(standbyIsAway...)
	passwords := filepath.Join(w.TempDir(), "pgpass")
	write(w.T, passwords, w.c.PasswordLine(), 0o600)
	write(w.T, filepath.Join(p.dir, "paywatt.toml"), w.c.Settings(passphrase)+"server_name = \""+name+"\"\n", 0o600)
	p.env = append(os.Environ(), "PGPASSFILE="+passwords)
}

// standing is what every surface says about the standbys.
type standing struct {
	safety string // in /v1/overview
	status int    // of /readyz
	readyz string // a part of its answer
	alarm  string // the text of the open alarm; empty for none
	doctor string // a part of its report
}

var (
	full    = standing{"full", 200, `"safety":"full"`, "", "2 of 2 follow the database"}
	reduced = standing{"reduced", 200, `"safety":"reduced"`, "1 of 2 standbys of the database follow", "1 of 2 follow the database"}
	stopped = standing{"stopped", 503, "No synchronous standby", "No standby of the database follows", "none follows"}
)

// awaitSurfaces waits until both servers say on every surface which standbys follow, and doctor too. It logs how long each surface took.
func (w *witnesses) awaitSurfaces(want standing, following int) {
	w.Helper()
	began := time.Now()
	surfaces := []struct {
		name string
		says func(a *api) bool
	}{
		{"/readyz", func(a *api) bool { got := a.get("/readyz"); return got.status == want.status && got.says(want.readyz) }},
		{"metrics", func(a *api) bool {
			got := a.get("/metrics")
			return got.says(fmt.Sprintf("paywatt_standbys_following %d\n", following)) && got.says("paywatt_standbys_expected 2\n")
		}},
		{"overview", func(a *api) bool { return a.get("/v1/overview").says(`"safety":"` + want.safety + `"`) }},
		{"alarm", func(a *api) bool {
			return a.openAlarms() == min(len(want.alarm), 1) && a.get("/v1/alarms?open=true").says(want.alarm)
		}},
	}
	took := map[string]time.Duration{}
	await.True(w, "every surface says "+want.safety, func() bool {
		for _, s := range surfaces {
			if _, said := took[s.name]; !said && s.says(w.servers[0]) && s.says(w.servers[1]) {
				took[s.name] = time.Since(began)
			}
		}
		return len(took) == len(surfaces)
	})
	var all []string
	for _, s := range surfaces {
		all = append(all, fmt.Sprintf("%s after %v", s.name, took[s.name].Round(100*time.Millisecond)))
	}
	w.Logf("figures: cluster: %d of 2 standbys follow: %s", following, strings.Join(all, ", "))
	if out, _, code := w.p.try("", "doctor", "--data", w.p.dir); !strings.Contains(out, want.doctor) || want == stopped && code != 1 {
		w.Errorf("doctor with %d of 2 standbys: exit %d: %s", following, code, out)
	}
}

// get returns the answer to a request; no answer is an answer without a status.
func (c *api) get(path string) answer {
	got, err := c.do("GET", path, nil)
	if err != nil {
		return answer{body: []byte(err.Error())}
	}
	return got
}

// openAlarms counts the open alarms about standbys.
func (c *api) openAlarms() int {
	return strings.Count(string(c.get("/v1/alarms?open=true").body), "standby-missing")
}

// startMachines starts machines again, and waits until the cluster is whole and every surface says so.
func (w *witnesses) startMachines(all []*cluster.Node) {
	w.Helper()
	for _, n := range all {
		n.Start(w)
	}
	w.c.AwaitWhole()
	w.awaitSurfaces(full, 2)
}

// awaitReturn sells once another node is the primary, heals the cables of the former primary, and waits until it follows again. Its data is copied
// anew if it cannot be rewound.
func (w *witnesses) awaitReturn(was *cluster.Node, meter, key string, anew bool) {
	w.Helper()
	data, err := was.OpenData()
	if err != nil {
		w.Fatal(err)
	}
	defer data.Close()
	await.True(w, "another node is the primary", func() bool { n := w.c.Primary(); return n != nil && n != was })
	w.servers[0].until(w.T, meter, key)
	was.Isolate(false)
	healed := time.Now()
	w.c.AwaitWhole()
	took := time.Since(healed)
	w.awaitSurfaces(full, 2)
	switch kept, err := was.HasData(data); {
	case err != nil:
		w.Error(err)
	case kept == anew:
		w.Errorf("the former primary has its own folder: %t; want %t", kept, !anew)
	}
	size := w.c.Admin("SELECT pg_size_pretty(pg_database_size(current_database()))")
	if anew {
		w.Logf("figures: cluster: a former primary that cannot be rewound is copied anew (%s) and follows again after %v", size, took.Round(time.Second))
		return
	}
	w.Logf("figures: cluster: a former primary with 200 MB since its checkpoint is rewound (%s) and follows again after %v", size, took.Round(time.Second))
}

// until sells with one key until the sale is answered.
func (c *api) until(t *testing.T, meter, key string) {
	t.Helper()
	began := time.Now()
	await.True(t, "a sale is answered", func() bool {
		got, err := c.vend(meter, 1000, key)
		return err == nil && got.status == 201
	})
	t.Logf("figures: cluster: sales go on %v after the promotion", time.Since(began).Round(100*time.Millisecond))
}
