package storetest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
)

func sessions() []test {
	return []test{
		{"links to customers' pages are found by both hashes, and revoked", pageLinksKept},
		{"a session is taken over, and its old holder cannot drop it", sessionTakenOver},
		{"a server sees who is connected elsewhere, and whether that server lives", sessionsElsewhere},
		{"a name that two servers have is found while both live", sharedNames},
		{"who is alone takes over what the dead have claimed, and nothing of its own", takenOver},
		{"work for a meter is claimed where the meter is connected", hostedWork},
	}
}

// took takes over the session of a meter for a server.
func took(t *testing.T, e store.Engine, m mtr, server string) (epoch int64) {
	t.Helper()
	must(t, e, func(tx *store.Tx) (err error) { epoch, err = tx.SessionTake(m.N, server); return err })
	return epoch
}

// elsewhere lists the meters that a server sees on other servers: "number", or "number?" if that server may be dead.
func elsewhere(t *testing.T, e store.Engine, server string, after time.Duration) (out string) {
	t.Helper()
	look(t, e, func(tx *store.Tx) (int, error) {
		tx.Now = tx.Now.Add(after)
		return 0, tx.SessionsElsewhere(server, func(number string, live bool) {
			out += number
			if !live {
				out += "?"
			}
		})
	})
	return out
}

// takenOver tests a dead server that holds work, a session, a lead and a request. The only live server also holds one of each.
func takenOver(t *testing.T, r Rig) {
	e := r.Open(t)
	letThrough(e)
	began := time.Time{}
	own, gone := access.Once{Principal: "p", Key: "own-request", Hash: [32]byte{1}}, access.Once{Principal: "p", Key: "dead-request", Hash: [32]byte{2}}
	sale := access.Once{Principal: "p", Key: "sale-without-token", Hash: [32]byte{3}}
	meters := map[string]mtr{"dead": addMeter(t, e, 1, false), "alive": addMeter(t, e, 2, false)}
	for _, server := range []string{"dead", "alive"} {
		must(t, e, func(tx *store.Tx) error {
			began = tx.Now
			_, err := tx.Enqueue(job.Item{Lane: "mqtt", Key: server, Kind: "k", NextAt: tx.Now.Add(-time.Second)})
			if err != nil {
				return err
			}
			if claims, err := tx.OutboxClaim("mqtt", "", server, tx.Now.Add(time.Hour), 10); err != nil || len(claims) != 1 {
				t.Errorf("%s claimed %d, %v", server, len(claims), err)
			}
			once := map[string]access.Once{"dead": gone, "alive": own}[server]
			_, _, leads := tx.LeaderTake(server, server, tx.Now.Add(time.Minute))
			_, leased := tx.OnceLease(once)
			_, session := tx.SessionTake(meters[server].N, server)
			return errors.Join(leads, leased, session)
		})
		if server == "dead" {
			must(t, e, func(tx *store.Tx) error { _, err := tx.OnceTake(sale); return err })
		}
	}
	must(t, e, func(tx *store.Tx) error { return tx.TakeOver("alive", began) })
	must(t, e, func(tx *store.Tx) error {
		claims, err := tx.OutboxClaim("mqtt", "", "next", tx.Now.Add(time.Hour), 10)
		if err != nil || len(claims) != 1 || claims[0].Key != "dead" {
			t.Errorf("free after the take-over: %v, %v; want what the dead one had", claims, err)
		}
		for name, want := range map[string]bool{"dead": true, "alive": false} {
			if epoch, ok, err := tx.LeaderTake(name, "next", tx.Now.Add(time.Minute)); err != nil || ok != want || ok && epoch != 2 {
				t.Errorf("the lead of the %s one: taken %t in epoch %d, %v; want %t in 2", name, ok, epoch, err, want)
			}
		}
		for _, c := range []struct {
			o    access.Once
			free bool
		}{{gone, true}, {own, false}, {sale, false}} {
			if kept, err := tx.OnceLease(c.o); err != nil || (kept == nil) != c.free {
				t.Errorf("%s: free %t, %v; want %t", c.o.Key, kept == nil, err, c.free)
			}
		}
		return nil
	})
	if got, want := elsewhere(t, e, "next", 0), meters["alive"].Number+"?"; got != want {
		t.Errorf("sessions %q, want %q", got, want)
	}
}

func sessionTakenOver(t *testing.T, r Rig) {
	e := r.Open(t)
	m := addMeter(t, e, 1, false)
	first := took(t, e, m, "a")
	second := took(t, e, m, "b")
	if first != 1 || second != 2 {
		t.Errorf("epochs %d and %d, want 1 and 2", first, second)
	}
	must(t, e, func(tx *store.Tx) error { return tx.SessionDrop(m.N, "a", first) })
	if got := elsewhere(t, e, "a", 0); got != m.Number+"?" {
		t.Errorf("after its old holder dropped it the session is %q, want the new one's", got)
	}
	third := took(t, e, m, "b") // the meter connected to the same server again
	must(t, e, func(tx *store.Tx) error { return tx.SessionDrop(m.N, "b", second) })
	if got := elsewhere(t, e, "a", 0); got != m.Number+"?" {
		t.Errorf("the end of an old connection dropped the new one: %q", got)
	}
	must(t, e, func(tx *store.Tx) error { return tx.SessionDrop(m.N, "b", third) })
	if got := elsewhere(t, e, "a", 0); got != "" {
		t.Errorf("a dropped session is seen: %q", got)
	}
}

func sessionsElsewhere(t *testing.T, r Rig) {
	e := r.Open(t)
	m, own := addMeter(t, e, 1, false), addMeter(t, e, 2, false)
	took(t, e, m, "b")
	took(t, e, own, "a")
	must(t, e, func(tx *store.Tx) error { return tx.ServerSeen("b", "srv-b", tx.Now.Add(time.Minute)) })
	for after, want := range map[time.Duration]string{0: m.Number, 2 * time.Minute: m.Number + "?"} {
		if got := elsewhere(t, e, "a", after); got != want {
			t.Errorf("%v after the server was seen: %q, want %q", after, got, want)
		}
	}
	must(t, e, func(tx *store.Tx) error {
		tx.Now = tx.Now.Add(48 * time.Hour)
		return tx.ServerSeen("c", "srv-c", tx.Now.Add(time.Minute))
	})
	known := look(t, e, func(tx *store.Tx) (names string, err error) {
		err = tx.C.Query(`SELECT name FROM leader ORDER BY name`, func(w core.Row) error { names += w.Text(0) + " "; return nil })
		return names, err
	})
	if known != "server:c " {
		t.Errorf("two days later %q are known, want only the one that lives", known)
	}
	must(t, e, func(tx *store.Tx) error { return tx.SessionsForget("b") })
	if got := elsewhere(t, e, "a", 0); got != "" {
		t.Errorf("the sessions of a server that has gone are seen: %q", got)
	}
}

// sharedNames lets two servers have one name, until one of them is dead.
func sharedNames(t *testing.T, r Rig) {
	e := r.Open(t)
	must(t, e, func(tx *store.Tx) error {
		return firstOf(tx.ServerSeen("a", "srv-a", tx.Now.Add(time.Minute)), tx.ServerSeen("b", "srv-b", tx.Now.Add(time.Hour)),
			tx.ServerSeen("c", "srv-a", tx.Now.Add(time.Hour)), tx.ServerSeen("c", "srv-a", tx.Now.Add(time.Hour)))
	})
	for after, want := range map[time.Duration]string{0: "srv-a", 2 * time.Minute: ""} {
		names := look(t, e, func(tx *store.Tx) ([]string, error) {
			tx.Now = tx.Now.Add(after)
			return tx.SharedNames()
		})
		if got := strings.Join(names, " "); got != want {
			t.Errorf("after %v several servers have the names %q, want %q", after, got, want)
		}
	}
}

func hostedWork(t *testing.T, r Rig) {
	e := r.Open(t)
	m, away := addMeter(t, e, 1, false), addMeter(t, e, 2, false)
	took(t, e, m, "a")
	for _, key := range append(job.KeysOf(m.Number), away.Number) {
		enqueue(t, e, key, key)
	}
	at := func(host string, after time.Duration) (out string) {
		must(t, e, func(tx *store.Tx) error {
			tx.Now = tx.Now.Add(after)
			_, waits, err := tx.OutboxNext("mqtt", host)
			if err != nil {
				return err
			}
			claims, err := tx.OutboxClaim("mqtt", host, "w", tx.Now, 10)
			if err == nil && waits != (len(claims) > 0) {
				t.Errorf("at %s something waits: %t, and %d items could be claimed", host, waits, len(claims))
			}
			out = fmt.Sprint(len(claims))
			return err
		})
		return out
	}
	if got := at("b", time.Second); got != "0" {
		t.Errorf("a server without the meter claimed %s items, want 0", got)
	}
	if got := at("a", time.Second); got != "4" {
		t.Errorf("the server with the meter claimed %s items, want its token and its orders of three kinds", got)
	}
	if got := at("b", 2*time.Hour); got != "5" {
		t.Errorf("after their time another server claimed %s items, want all 5 to give them up", got)
	}
}
