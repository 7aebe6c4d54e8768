package e2e

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/frozen"
	"github.com/paywatt/paywatt/internal/store/postgres/pgtest"
	"github.com/paywatt/paywatt/internal/tier"
)

// TestFrozenDataSell starts this program on the data of earlier versions. Their books are sound before and after the upgrade,
// a token and a recharge are sold, one sale is reversed, and an interrupted sale is finished.
func TestFrozenDataSell(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"sqlite", "postgres"} {
		for _, d := range frozen.Of(t, kind) {
			t.Run(d.Name, func(t *testing.T) {
				if kind == "postgres" {
					tier.Long(t) // the tests of the store upgrade these data too
				}
				old := &oldShop{T: t, facts: d.Facts, p: barePlace(t, buildOnce(t, "faultinject"), d.Dir)}
				old.p.pass = filepath.Join(d.Dir, frozen.PassFile)
				old.p.env = append(old.p.env, "PAYWATT_PASSPHRASE_FILE="+old.p.pass, "FAULT_INJECT=clock="+time.Until(d.Facts.Now).String())
				if kind == "postgres" {
					url := pgtest.New(t)
					d.Load(t, url)
					old.p.env = append(old.p.env, "PAYWATT_STORE="+url)
				}
				old.beforeTheUpgrade(kind == "sqlite")
				old.serve()
				old.sell()
				if kind == "sqlite" {
					old.finished()
				}
				old.srv.stop()
				old.sound(3)
			})
		}
	}
}

// oldShop is a shop with the data of an earlier version.
type oldShop struct {
	*testing.T
	facts         frozen.Facts
	p             *place
	srv           *server
	owner, second *api
}

// beforeTheUpgrade looks at the data as they are. Only a server upgrades them, and commands that need the upgrade say so.
func (s *oldShop) beforeTheUpgrade(folder bool) {
	steps, err := store.Migrations()
	if err != nil {
		s.Fatal(err)
	}
	older := s.facts.Schema < len(steps)
	for look := range 2 { // the first command changes nothing
		if look == 0 || !folder { // of a folder, the command itself says the second time that it was not upgraded
			_, errOut, code := s.p.try("", "verify", "--data", s.p.dir, "-o", "json")
			if folder && strings.Contains(errOut, "older than this program") != older || !folder && (code == 4) != older {
				s.Errorf("verifying schema %d with schema %d: exit %d\n%s", s.facts.Schema, len(steps), code, errOut)
			}
		}
		_, errOut, code := s.p.try("", "apikey", "list", "--data", s.p.dir)
		if older && (code != 4 || !strings.Contains(errOut, "paywatt serve, which upgrades the database")) || !older && code != 0 {
			s.Errorf("a command before the upgrade: exit %d\n%s", code, errOut)
		}
	}
	if !folder {
		return
	}
	s.sound(0)
	backup := filepath.Join(s.TempDir(), "backup")
	s.p.run(s, "", "backup", "create", backup, "--data", s.p.dir)
	if out, errOut, _ := s.p.try("", "backup", "verify", backup, "-o", "json"); (answer{body: []byte(out)}).text(s, "sound") != "true" {
		s.Errorf("a backup from before the upgrade: %s\n%s", out, errOut)
	}
	url := pgtest.New(s)
	s.p.run(s, "", "store", "copy", "sqlite:"+s.p.dir, url, "--keep")
	if out, errOut, _ := s.p.try("", "verify", "--data", s.p.dir, "--store", url, "-o", "json"); (answer{body: []byte(out)}).text(s, "sound") != "true" {
		s.Errorf("a copy from before the upgrade: %s\n%s", out, errOut)
	}
}

// sound verifies the books: they hold the frozen sales and the given number of newer sales. It ignores the exit
// code, which is 1 if there are notes about meters' events.
func (s *oldShop) sound(more int64) {
	s.Helper()
	awaitProgram(s, "everything is sealed", func() bool {
		out, errOut, _ := s.p.try("", "verify", "--data", s.p.dir, "-o", "json")
		r := answer{body: []byte(out)}
		if r.text(s, "sound") != "true" || r.num(s, "figures", "sales") != s.facts.Tables["vend"].Rows+more {
			s.Fatalf("want %d sales and %d more: %s\n%s", s.facts.Tables["vend"].Rows, more, out, errOut)
		}
		if more > 0 && (r.num(s, "figures", "telephone_numbers") != s.facts.Tables["customer"].Rows || strings.Contains(out, "could not be checked")) {
			s.Errorf("the telephone numbers of the older version were not marked:\n%s", out)
		}
		return r.num(s, "figures", "rows_waiting_for_their_seal") == 0
	})
}

func (s *oldShop) serve() {
	s.srv = s.p.serve(s.T, "127.0.0.1:0", "127.0.0.1:0")
	key := func(name string) *api {
		return newAPI(s.srv.http, s.p.personKey(s, name, "owner"))
	}
	s.owner, s.second = key("upgrade"), key("allows")
}

// must sends a request and, if a second person has to approve it, approves it.
func (s *oldShop) must(path string, body any, key string) answer {
	s.Helper()
	a, err := s.owner.do("POST", path, body, "Idempotency-Key", key)
	if err != nil || a.status/100 != 2 {
		s.Fatalf("POST %s: %d %v\n%s", path, a.status, err, a.body)
	}
	if a.status == 202 && strings.HasPrefix(a.text(s, "id"), "apr_") {
		s.second.must(s, 200, "POST", "/v1/approvals/"+a.text(s, "id")+"/approve", map[string]any{"reason": "looked at it"}, "Idempotency-Key", key+"-allowed")
	}
	return a
}

func (s *oldShop) sell() {
	token := s.must("/v1/vends", map[string]any{"meter": s.facts.TokenMeter, "tender": kes(10_000)}, "upgrade-token-1")
	if digits := token.text(s, "tokens", 0, "digits"); len(strings.ReplaceAll(digits, " ", "")) != 20 {
		s.Errorf("the token is %q", digits)
	}
	recharge := s.must("/v1/vends", map[string]any{"meter": s.facts.WalletMeter, "tender": kes(20_000)}, "upgrade-recharge-1")
	undo := s.must("/v1/vends", map[string]any{"meter": s.facts.TokenMeter, "tender": kes(5_000)}, "upgrade-token-2")
	s.must("/v1/vends/"+undo.text(s, "id")+"/reversal", map[string]any{"reason": "wrong meter"}, "upgrade-undone-1")
	for _, sale := range []answer{token, recharge} {
		if e := s.owner.must(s, 200, "GET", "/v1/vends/"+sale.text(s, "id")+"/explain", nil); e.text(s, "agrees") != "true" {
			s.Errorf("a sale after the upgrade is not explained: %s", e.body)
		}
	}
}

// finished waits for the interrupted sale.
func (s *oldShop) finished() {
	db := openDatabase(s.T, s.p.dir)
	defer db.Close()
	await.True(s, "the sale that was cut off is finished", func() bool {
		return number64(s.T, db, "SELECT COUNT(*) FROM vend WHERE state = 'held' OR state = 'priced'") == 0
	})
}
