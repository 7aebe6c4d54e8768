package storetest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
)

func tenants() []test {
	return []test{
		{"a second tenant sees nothing of the first and changes nothing", secondTenant},
		{"the currency is named once", currencyOnce},
		{"settings have an optimistic lock", settingsLock},
		{"a key is told from one whose person is blocked", blockedKey},
		{"one person is named by all keys and as a person", namesOfOne},
	}
}

func secondTenant(t *testing.T, r Rig) {
	e := r.Open(t)
	var other access.Tenant
	var journal, item, hold id.ID
	o := access.Once{Principal: "p", Key: "key-00001", Hash: [32]byte{1}}
	must(t, e, func(tx *store.Tx) (err error) {
		if other, err = NewTenant(tx, "second"); err != nil {
			return err
		}
		if err := book(tx, "a", account(ledger.Bank, "b"), account(ledger.Float, "v"), 1000); err != nil {
			return err
		}
		j, _, err := tx.JournalByRef(ledger.Vend, "a")
		if err != nil {
			return err
		}
		journal = j.ID
		if hold, _, err = tx.Hold(account(ledger.Float, "v"), 10, "h", tx.Now.Add(-time.Second)); err != nil {
			return err
		}
		if _, err := tx.OnceTake(o); err != nil {
			return err
		}
		if err := tx.OncePut(o, 201, []byte("x"), false); err != nil {
			return err
		}
		if _, err := tx.Take("a"); err != nil {
			return err
		}
		if item, err = tx.Enqueue(job.Item{Lane: "mqtt", Key: "m", Kind: "k"}); err != nil {
			return err
		}
		return tx.AuditLog(someEntry("first's"))
	})
	letThrough(e)
	err := e.View(context.Background(), other, func(tx *store.Tx) error { return seesNothing(t, tx, journal) })
	if err != nil {
		t.Error(err)
	}
	_, err = Do(context.Background(), e, other, store.Sale, func(tx *store.Tx) (value, error) {
		tx.Now = tx.Now.Add(365 * 24 * time.Hour)
		return value{}, changesNothing(t, tx, o, item, hold)
	})
	if err != nil {
		t.Error(err)
	}
	if got := look(t, e, counter("a")); got != 1 {
		t.Errorf("the first tenant's counter is at %d after the second took, want 1", got)
	}
	if got := claim(t, e, "w", time.Second, 10); len(got) != 1 {
		t.Errorf("the first tenant can claim %d items, want its one", len(got))
	}
}

// seesNothing calls every reading method as another tenant.
func seesNothing(t *testing.T, tx *store.Tx, journal id.ID) error {
	lines, err := tx.TrialBalance()
	if len(lines) != 0 || err != nil {
		t.Errorf("trial balance of the second tenant: %v, %v", lines, err)
	}
	if b, err := tx.Balance(account(ledger.Float, "v")); b != 0 || err != nil {
		t.Errorf("balance: %d, %v", b, err)
	}
	if _, found, err := tx.Journal(journal); found || err != nil {
		t.Errorf("journal by identity: %t, %v", found, err)
	}
	if _, found, err := tx.JournalByRef(ledger.Vend, "a"); found || err != nil {
		t.Errorf("journal by reference: %t, %v", found, err)
	}
	if _, entries, err := AuditPage(tx, id.ID{}, 10); len(entries) != 0 || err != nil {
		t.Errorf("audit log: %v, %v", entries, err)
	}
	if _, waits, err := tx.OutboxNext("mqtt", ""); waits || err != nil {
		t.Errorf("outbox: %t, %v", waits, err)
	}
	if _, _, found, err := proofOf(tx, journal); found || err != nil {
		t.Errorf("proof: %t, %v", found, err)
	}
	if row, err := tx.TenantRow(); row.Name != "second" || err != nil {
		t.Errorf("tenant: %+v, %v", row, err)
	}
	r := new(store.Report)
	if err := store.VerifyBooks(tx, r); err != nil || !r.Sound() {
		t.Errorf("verify: %+v, %v", r, err)
	}
	for _, f := range r.Figures {
		if f.N != 0 {
			t.Errorf("verify counts %d %s of a tenant that has nothing", f.N, f.Name)
		}
	}
	return nil
}

// changesNothing calls every method that changes existing rows, as another tenant.
func changesNothing(t *testing.T, tx *store.Tx, o access.Once, item, hold id.ID) error {
	if n, err := tx.OnceSweep(10); n != 0 || err != nil {
		t.Errorf("swept %d, %v", n, err)
	}
	if err := tx.OnceDrop(o); err != nil {
		t.Error(err)
	}
	if kept, err := tx.OnceTake(o); kept != nil || err != nil {
		t.Errorf("request: %+v, %v", kept, err)
	}
	if n, err := tx.Take("a"); n != 1 || err != nil {
		t.Errorf("counter: %d, %v; want 1 of its own", n, err)
	}
	if got, err := tx.OutboxClaim("mqtt", "", "w", tx.Now, 10); len(got) != 0 || err != nil {
		t.Errorf("claimed %v, %v", got, err)
	}
	if gone, err := tx.OutboxDrop("mqtt", item); gone || err != nil {
		t.Errorf("dropped: %t, %v", gone, err)
	}
	if open, err := tx.HoldVoid(hold); open || err != nil {
		t.Errorf("voided: %t, %v", open, err)
	}
	n, err := tx.HoldExpire(10)
	if n != 0 {
		t.Errorf("expired %d holds", n)
	}
	return err
}

func currencyOnce(t *testing.T, r Rig) {
	e := r.Open(t)
	for _, step := range []struct {
		code string
		want bool
	}{{"KES", true}, {"KES", true}, {"UGX", false}} {
		must(t, e, func(tx *store.Tx) error {
			ok, err := tx.SetCurrency(step.code, 2)
			if err == nil && ok != step.want {
				t.Errorf("SetCurrency(%s) = %t, want %t", step.code, ok, step.want)
			}
			return err
		})
	}
	look(t, e, func(tx *store.Tx) (string, error) {
		code, exp, err := tx.Currency()
		if err == nil && (code != "KES" || exp != 2) {
			t.Errorf("currency %s with %d decimals, want KES with 2", code, exp)
		}
		return code, err
	})
}

func settingsLock(t *testing.T, r Rig) {
	e := r.Open(t)
	row := look(t, e, func(tx *store.Tx) (core.TenantRow, error) { return tx.TenantRow() })
	row.Name, row.TZ, row.VATNo, row.Settings = "Utility", "Africa/Nairobi", "V1", `{"a":1}`
	for _, want := range []bool{true, false} { // the second write has read an old version
		must(t, e, func(tx *store.Tx) error {
			ok, err := tx.PutTenant(row)
			if err == nil && ok != want {
				t.Errorf("PutTenant = %t, want %t", ok, want)
			}
			return err
		})
	}
	got := look(t, e, func(tx *store.Tx) (core.TenantRow, error) { return tx.TenantRow() })
	if row.Version++; got != row {
		t.Errorf("got %+v, want %+v", got, row)
	}
}

// blockedKey tests that an API key counts as blocked if the person who answers for it is blocked, and not otherwise.
func blockedKey(t *testing.T, r Rig) {
	e := r.Open(t)
	hash := func(n byte) [32]byte { return [32]byte{n} }
	must(t, e, func(tx *store.Tx) error {
		for n, blocked := range map[byte]bool{1: true, 2: false} {
			p := access.PersonRow{ID: id.ID{15: n}, Email: string('a'+n) + "@example.org", Role: access.Owner, Password: "x", Blocked: blocked, CreatedAt: tx.Now}
			if err := tx.AddPersonRow(p); err != nil {
				return err
			}
		}
		for n, answers := range map[byte]id.ID{1: {15: 1}, 2: {15: 2}, 3: {}, 4: {15: 4}} {
			if err := tx.AddKey(access.Key{ID: id.ID{14: 1, 15: n}, Role: access.Operator, Answers: answers, CreatedAt: tx.Now}, hash(n)); err != nil {
				return err
			}
		}
		return nil
	})
	for n, want := range map[byte]bool{1: true, 2: false, 3: false, 4: false} {
		k := look(t, e, func(tx *store.Tx) (access.Key, error) {
			k, found, err := tx.KeyByHash(hash(n))
			if err == nil && !found {
				t.Errorf("key %d was not found", n)
			}
			return k, err
		})
		if k.Blocked != want {
			t.Errorf("key %d: blocked %t, want %t", n, k.Blocked, want)
		}
	}
}

// namesOfOne tests that a person's limit counts all that person's actions: after signing in, and through every key, including revoked keys.
func namesOfOne(t *testing.T, r Rig) {
	e := r.Open(t)
	amina, hash := id.ID{15: 2}, func(n byte) [32]byte { return [32]byte{n} }
	must(t, e, func(tx *store.Tx) error {
		if err := tx.AddPersonRow(access.PersonRow{ID: amina, Email: "amina@example.org", Role: access.Owner, Password: "x", CreatedAt: tx.Now}); err != nil {
			return err
		}
		for n, k := range map[byte]access.Key{1: {Name: "till", Answers: amina}, 2: {Answers: amina}, 3: {Name: "old", Answers: amina, RevokedAt: tx.Now},
			4: {Name: "alone"}, 5: {Name: "made by alone", Answers: id.ID{14: 1, 15: 4}}} {
			k.ID, k.Role, k.CreatedAt = id.ID{14: 1, 15: n}, access.Operator, tx.Now
			if err := tx.AddKey(k, hash(n)); err != nil {
				return err
			}
		}
		return nil
	})
	hers := []string{"apikey old", "apikey till", "apikey " + id.ID{14: 1, 15: 2}.Text(id.Key), "person amina@example.org"}
	alone := []string{"apikey alone", "apikey made by alone"}
	for n, want := range map[byte][]string{1: hers, 2: hers, 3: hers, 4: alone, 5: alone} {
		names := look(t, e, func(tx *store.Tx) ([]string, error) {
			k, _, err := tx.KeyByHash(hash(n))
			if err != nil {
				return nil, err
			}
			return access.NamesOf(tx, k.Actor())
		})
		slices.Sort(names)
		if want := slices.Sorted(slices.Values(want)); !slices.Equal(names, want) {
			t.Errorf("whoever acts through key %d is named %q, want %q", n, names, want)
		}
	}
	person := access.Actor{Tenant: store.FirstTenant, Kind: access.Person, ID: amina, Name: "amina@example.org"}
	names := look(t, e, func(tx *store.Tx) ([]string, error) { return access.NamesOf(tx, person) })
	slices.Sort(names)
	if want := slices.Sorted(slices.Values(hers)); !slices.Equal(names, want) {
		t.Errorf("the person is named %q, want %q", names, want)
	}
}
