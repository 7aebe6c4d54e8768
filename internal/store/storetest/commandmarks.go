package storetest

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/wallet"
)

// markerOf returns the Marker of a data key.
func markerOf(key string) core.Marker {
	return func(context string, data []byte) []byte {
		mac := hmac.New(sha256.New, []byte(key))
		fmt.Fprintf(mac, "%d %s", len(context), context)
		mac.Write(data)
		return mac.Sum(nil)
	}
}

// keyed is a store whose server has a data key.
type keyed struct {
	t *testing.T
	e store.Engine
	m core.Marker
}

// runServer carries out work of the server.
func (k keyed) runServer(work func(*store.Tx) error) {
	k.t.Helper()
	must(k.t, k.e, func(tx *store.Tx) error {
		tx.Marker = k.m
		return work(tx)
	})
}

// queueRead gives a meter the command to send a reading.
func (k keyed) queueRead(p walletMeter, args map[string]any) (i id.ID) {
	k.t.Helper()
	k.runServer(func(tx *store.Tx) (err error) {
		i, err = tx.QueueCommand(wallet.MeterFacts{N: p.N, Number: p.Number}, wallet.Command{Type: wallet.CommandRead, By: "person of the utility", TTL: time.Hour, Args: args})
		return err
	})
	return i
}

// canSign reports whether the server signs a command.
func (k keyed) canSign(i id.ID) (signed bool) {
	k.t.Helper()
	k.runServer(func(tx *store.Tx) error {
		s, err := command.Sign(tx, i)
		signed = s.LinkKey != nil
		return err
	})
	return signed
}

// editRow changes a row as somebody does who can write to the database and has no data key.
func (k keyed) editRow(sql string, args ...any) {
	k.t.Helper()
	must(k.t, k.e, func(tx *store.Tx) error { return tx.Must(sql, args...) })
}

// countForged counts the waiting commands that verification names: those with a wrong mark, and those without one.
func (k keyed) countForged() (wrong, without int) {
	k.t.Helper()
	k.runServer(func(tx *store.Tx) error {
		wrong, without = 0, 0
		_, err := tx.ForgedCommands(func(_ command.Command, marked bool) {
			if marked {
				wrong++
			} else {
				without++
			}
		})
		return err
	})
	return wrong, without
}

// changedCommands changes a waiting command in the database, in each way that its meter would obey. The server signs none of them, and the
// audit log says so.
func changedCommands(t *testing.T, r Rig) {
	k := keyed{t, r.Open(t), markerOf("data key")}
	p, other := addWalletMeter(t, k.e, 1, 0), addWalletMeter(t, k.e, 2, 0)
	for _, c := range []struct {
		name, sql      string
		wrong, without int
	}{
		{"another type", `UPDATE command SET type = 'clear_tamper' WHERE id = $1`, 1, 0},
		{"free energy", `UPDATE command SET type = 'lease', args = '{"max_register_wh":1000000000,"ttl_s":86400}' WHERE id = $1`, 1, 0},
		{"another argument", `UPDATE command SET args = '{"force":true}' WHERE id = $1`, 1, 0},
		{"arguments that are none", `UPDATE command SET args = 'x' WHERE id = $1`, 1, 0},
		{"a fraction as an argument", `UPDATE command SET args = '{"a":1.5}' WHERE id = $1`, 1, 0},
		{"a meter that does not exist", `UPDATE command SET meter = 1000000 WHERE id = $1`, 1, 0},
		{"another end", `UPDATE command SET expires_at = expires_at + 86400000000 WHERE id = $1`, 1, 0},
		{"another moment", `UPDATE command SET created_at = created_at - 1 WHERE id = $1`, 1, 0},
		{"another person", `UPDATE command SET by_actor = 'system:wallets' WHERE id = $1`, 1, 0},
		{"another meter", `UPDATE command SET meter = ` + fmt.Sprint(other.N) + ` WHERE id = $1`, 1, 0},
		{"no mark", `UPDATE command SET mark = NULL WHERE id = $1`, 0, 1},
	} {
		i := k.queueRead(p, map[string]any{})
		k.editRow(c.sql, i)
		if wrong, without := k.countForged(); wrong != c.wrong || without != c.without {
			t.Errorf("%s: verification names %d with a wrong mark and %d without, want %d and %d", c.name, wrong, without, c.wrong, c.without)
		}
		if k.canSign(i) {
			t.Errorf("%s: the server signs the command", c.name)
		}
		ended := look(t, k.e, func(tx *store.Tx) (command.Command, error) { c, _, err := tx.CommandByID(i); return c, err })
		if ended.State != command.StateExpired {
			t.Errorf("%s: the command is %s", c.name, ended.State)
		}
		if got := lastAction(t, k.e); got != "command.refused "+i.Text(id.Command) {
			t.Errorf("%s: the audit log ends with %q", c.name, got)
		}
	}
	i := k.queueRead(p, map[string]any{})
	added := id.ID{0: 0xff, 15: 1}
	k.editRow(`INSERT INTO command (tenant_id, id, meter, type, args, counter, state, expires_at, by_actor, created_at, updated_at, mark)
		SELECT tenant_id, $1, meter, type, args, counter, state, expires_at, by_actor, created_at, updated_at, mark FROM command WHERE id = $2`, added, i)
	if k.canSign(added) {
		t.Error("the server signs a copy of a command")
	}
	for n := range 2 { // the second time as when the meter did not answer
		if !k.canSign(i) {
			t.Errorf("signature %d: the server does not sign its own command", n+1)
		}
	}
	k.editRow(`UPDATE command SET args = '{"force":true}' WHERE id = $1`, i)
	if k.canSign(i) {
		t.Error("the server signs a command again that was changed after its first signature")
	}
}

func lastAction(t *testing.T, e store.Engine) string {
	t.Helper()
	return look(t, e, func(tx *store.Tx) (string, error) {
		_, entries, err := AuditPage(tx, id.ID{}, 1)
		if len(entries) == 0 {
			return "", err
		}
		return entries[0].Action + " " + entries[0].Object, err
	})
}

// endedCommands ends a command in each way. It cannot wait again.
func endedCommands(t *testing.T, r Rig) {
	k := keyed{t, r.Open(t), markerOf("data key")}
	p := addWalletMeter(t, k.e, 1, 0)
	wantOutcomes(t, k.e, "stored@0", p.boot(1, 1))
	facts := wallet.MeterFacts{N: p.N, Number: p.Number}
	for name, ends := range map[string]func(tx *store.Tx, c command.Command) error{
		"it was too late": func(tx *store.Tx, c command.Command) error { return tx.ExpireCommand(c.ID) },
		"it was withdrawn": func(tx *store.Tx, c command.Command) error {
			return tx.Withdraw(facts, wallet.CommandRead, c.ID, "why")
		},
		"the meter has answered": func(tx *store.Tx, c command.Command) error {
			c.State = command.StateDone
			return tx.CommandAnswered(c, 1)
		},
	} {
		i := k.queueRead(p, map[string]any{})
		k.runServer(func(tx *store.Tx) error {
			c, _, err := tx.CommandByID(i)
			return firstOf(err, ends(tx, c))
		})
		k.editRow(`UPDATE command SET state = 'queued' WHERE id = $1`, i)
		if k.canSign(i) {
			t.Errorf("%s: the server signs the command when it waits again", name)
		}
	}
}

// remarkedCommands changes the data key while commands wait. What the server gave is signed under the new key, what somebody changed is not.
func remarkedCommands(t *testing.T, r Rig) {
	k := keyed{t, r.Open(t), markerOf("data key")}
	p := addWalletMeter(t, k.e, 1, 0)
	given, changed := k.queueRead(p, map[string]any{}), k.queueRead(p, map[string]any{})
	k.editRow(`UPDATE command SET args = '{"force":true}' WHERE id = $1`, changed)
	next := markerOf("next data key")
	k.runServer(func(tx *store.Tx) error {
		n, err := tx.RemarkCommands(next)
		if n != 1 {
			t.Errorf("%d commands were marked with the new key, want 1", n)
		}
		return err
	})
	k.m = next
	if wrong, without := k.countForged(); wrong != 1 || without != 0 {
		t.Errorf("under the new key %d commands have a wrong mark and %d none, want 1 and 0", wrong, without)
	}
	if !k.canSign(given) || k.canSign(changed) {
		t.Error("under the new key the server does not sign what it gave, or signs what was changed")
	}
}

// unjudgedCommands lets a server with another data key than the database's come upon a command. It can judge nothing, and ends nothing: the right
// server signs the command later.
func unjudgedCommands(t *testing.T, r Rig) {
	k := keyed{t, r.Open(t), markerOf("data key")}
	p := addWalletMeter(t, k.e, 1, 0)
	i := k.queueRead(p, map[string]any{})
	k.runServer(func(tx *store.Tx) error { _, err := tx.Known("data", k.m.KeyMark()); return err })
	_, err := do(k.e, func(tx *store.Tx) (value, error) {
		tx.Marker = markerOf("another key")
		_, err := command.Sign(tx, i)
		return value{}, err
	})
	if err == nil || !strings.Contains(err.Error(), "the data key is not that of the database") {
		t.Errorf("a server with another key: %v", err)
	}
	if !k.canSign(i) {
		t.Error("the server with the right key does not sign the command any more")
	}
}
