package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/sts"
)

func jobTests() []test {
	return []test{
		{"a job comes back with its tokens, and its units are counted", jobsStored},
		{"a job that failed gave nothing away", jobsFail},
		{"a job's request is unique, and its TIDs rise", jobsUnique},
		{"a key change is confirmed by the last of its tokens", keyConfirmed},
		{"an approval is decided and used once", approvalsDecided},
		{"approvals are listed by state and page", approvalPages},
		{"what approved acts did is read by act, state and time", approvalsDid},
		{"who may still act is known of keys and people", rolesNow},
	}
}

// key gives a household's meter a key with the given state.
func (h household) key(t *testing.T, e store.Engine, krn uint8, state string) registry.Key {
	t.Helper()
	k := registry.Key{Meter: h.meter.N, SGC: "123456", KRN: krn, KT: sts.DUTK, TI: "01", KEN: 255, EA: sts.EA07, DKGA: sts.DKGA02, BaseDate: sts.Base2014,
		State: state, From: base()}
	must(t, e, func(tx *store.Tx) (err error) {
		if k.ID, err = tx.NewID(); err != nil {
			return err
		}
		return tx.AddMeterKey(k)
	})
	return k
}

// job stores a job of a household with one token for each TID.
func (h household) job(e store.Engine, ref string, kind sale.JobKind, k registry.Key, tids ...sts.TID) (sale.Job, error) {
	j := sale.Job{Ref: ref, Kind: kind, Meter: sale.MeterRef{ID: h.meter.ID, N: h.meter.N, Number: h.meter.Number}, Account: h.account, Key: k.ID,
		ReasonCode: "meter_swap", Reason: "test", By: "tester", State: sale.Held, CreatedAt: base()}
	_, err := do(e, func(tx *store.Tx) (value, error) {
		var err error
		if j.ID, err = tx.NewID(); err != nil {
			return value{}, err
		}
		j.Tokens, j.Units = nil, 0
		for i, tid := range tids {
			tok := sale.Token{Meter: h.meter.N, TID: tid, BaseDate: sts.Base2014, State: sale.TokenReserved, IssuedAt: base(), RND: 5}
			if kind == sale.KeyChange {
				tok.Class, tok.SubClass = 2, []uint8{3, 4}[i]
			} else {
				tok.Units = 1000
				j.Units += 1000
			}
			if tok.ID, err = tx.NewID(); err != nil {
				return value{}, err
			}
			j.Tokens = append(j.Tokens, tok)
		}
		return value{}, tx.AddJob(j)
	})
	return j, err
}

func jobByID(t *testing.T, e store.Engine, i id.ID) sale.Job {
	t.Helper()
	return look(t, e, func(tx *store.Tx) (sale.Job, error) { j, _, err := tx.JobByID(i); return j, err })
}

func unitsGiven(t *testing.T, e store.Engine) string {
	t.Helper()
	return look(t, e, func(tx *store.Tx) (string, error) {
		all, err := tx.UnitsSince([]string{"nobody", "tester"}, base())
		later, e2 := tx.UnitsSince([]string{"nobody", "tester"}, base().Add(time.Microsecond))
		another, e3 := tx.UnitsSince([]string{"another"}, base())
		return fmt.Sprint(int64(all), int64(later), int64(another)), firstError(err, e2, e3)
	})
}

func jobsStored(t *testing.T, r Rig) {
	e := r.Open(t)
	h := addHousehold(t, e, 1)
	j, err := h.job(e, "till/key-1", sale.Replacement, h.key(t, e, 1, "current"), 100, 101)
	if err != nil {
		t.Fatal(err)
	}
	held := func(before time.Time) int {
		return len(look(t, e, func(tx *store.Tx) ([]id.ID, error) { return tx.JobsHeld(before, id.ID{}, 10) }))
	}
	if a, b := held(base()), held(base().Add(time.Microsecond)); a != 0 || b != 1 {
		t.Errorf("%d and %d jobs are held, want none before it was made and one after", a, b)
	}
	j.State, j.CompletedAt = sale.Completed, base().Add(time.Second)
	for i := range j.Tokens {
		j.Tokens[i].State, j.Tokens[i].Sealed = sale.TokenIssued, sale.Sealed(fmt.Sprintf("sealed %d", i))
	}
	must(t, e, func(tx *store.Tx) error { return tx.JobMade(j) })
	_, err = do(e, func(tx *store.Tx) (value, error) { return value{}, tx.JobMade(j) })
	wantErr(t, "ending a job twice", err, store.ErrInvariant)
	got := jobByID(t, e, j.ID)
	if got.State != sale.Completed || got.Units != 2000 || got.Reason != "test" || !got.CompletedAt.Equal(j.CompletedAt) || len(got.Tokens) != 2 ||
		got.Tokens[0].TID != 100 || string(got.Tokens[1].Sealed) != "sealed 1" || got.Tokens[1].State != sale.TokenIssued {
		t.Errorf("the job came back as %+v", got)
	}
	byRef := look(t, e, func(tx *store.Tx) (sale.Job, error) { j, _, err := tx.JobByRef("till/key-1"); return j, err })
	if byRef.ID != j.ID {
		t.Errorf("by its request: %v, want %v", byRef.ID, j.ID)
	}
	if got := unitsGiven(t, e); got != "2000 0 0" || held(base().Add(time.Hour)) != 0 {
		t.Errorf("units given %s, want 2000 0 0", got)
	}
}

func jobsFail(t *testing.T, r Rig) {
	e := r.Open(t)
	h := addHousehold(t, e, 1)
	j, err := h.job(e, "till/key-1", sale.FreeIssue, h.key(t, e, 1, "current"), 100)
	if err != nil {
		t.Fatal(err)
	}
	j.State, j.Failure, j.CompletedAt = sale.Failed, "issuer-refused", base()
	must(t, e, func(tx *store.Tx) error { return tx.JobFailed(j) })
	if got := jobByID(t, e, j.ID); got.State != sale.Failed || got.Failure != "issuer-refused" || got.Tokens[0].State != "failed" {
		t.Errorf("the job came back as %+v", got)
	}
	if got := unitsGiven(t, e); got != "0 0 0" {
		t.Errorf("units given %s, want none", got)
	}
}

func jobsUnique(t *testing.T, r Rig) {
	e := r.Open(t)
	h := addHousehold(t, e, 1)
	k := h.key(t, e, 1, "current")
	if _, err := h.job(e, "till/key-1", sale.FreeIssue, k, 100); err != nil {
		t.Fatal(err)
	}
	_, err := h.job(e, "till/key-1", sale.FreeIssue, k, 101)
	wantErr(t, "a second job of one request", err, store.ErrConflict)
	_, err = h.job(e, "till/key-2", sale.FreeIssue, k, 100)
	wantErr(t, "a TID that was taken", err, store.ErrConflict)
	_, err = h.job(e, "till/key-3", sale.FreeIssue, k, 99)
	wantErr(t, "a TID below the last one", err, store.ErrInvariant)
	if got := unitsGiven(t, e); got != "1000 0 0" {
		t.Errorf("units given %s, want those of the first", got)
	}
}

func keyConfirmed(t *testing.T, r Rig) {
	e := r.Open(t)
	h := addHousehold(t, e, 1)
	old, next := h.key(t, e, 1, "current"), h.key(t, e, 2, "issued")
	j, err := h.job(e, "till/key-1", sale.KeyChange, old, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	must(t, e, func(tx *store.Tx) error {
		_, err := tx.C.Exec(`UPDATE token_job SET new_key_id = $1 WHERE tenant_id = $2 AND id = $3`, next.ID, tx.Tenant, j.ID)
		return err
	})
	set := func() id.ID {
		return look(t, e, func(tx *store.Tx) (id.ID, error) { j, _, err := tx.JobOfKey(next.ID); return j.ID, err })
	}
	if got := set(); !got.IsZero() {
		t.Error("a set that is not made yet is repeated")
	}
	j.NewKey, j.State, j.CompletedAt = next.ID, sale.Completed, base()
	for i := range j.Tokens {
		j.Tokens[i].State, j.Tokens[i].Sealed = sale.TokenIssued, sale.Sealed("sealed")
	}
	must(t, e, func(tx *store.Tx) error { return tx.JobMade(j) })
	if got := set(); got != j.ID {
		t.Errorf("the set of the new key is %v, want %v", got, j.ID)
	}
	m := mtr{h.meter, memory}
	outcomes(t, e, m.boot(1, 1))
	for n, want := range []string{"current issued", "past current"} {
		answer := m.token(uint64(n+1), 0, j.Tokens[n].ID.Text(id.Token), []string{"kct_1st", "accept"}[n])
		outcomes(t, e, answer)
		states := look(t, e, func(tx *store.Tx) (string, error) {
			a, _, err := tx.VendKey(old.ID)
			b, _, e2 := tx.VendKey(next.ID)
			return a.State + " " + b.State, firstError(err, e2)
		})
		if states != want {
			t.Errorf("after section %d the keys are %s, want %s", n+1, states, want)
		}
	}
}

// wish stores an approval that an actor asks for.
func wish(t *testing.T, e store.Engine, maker access.Actor) access.Approval {
	t.Helper()
	a := access.Approval{Act: access.ActTariff, Right: access.WriteTariffs, Object: "x", Summary: "publish x", Body: []byte(`{"a":1}`), Maker: maker,
		State: access.ApprovalWaiting, CreatedAt: base()}
	must(t, e, func(tx *store.Tx) (err error) {
		if a.ID, err = tx.NewID(); err != nil {
			return err
		}
		return tx.AddApproval(a)
	})
	return a
}

func approvalsDecided(t *testing.T, r Rig) {
	e := r.Open(t)
	maker := access.Actor{Tenant: store.FirstTenant, Kind: access.APIKey, ID: id.ID{1}, Name: "till", Role: access.Owner, Answers: id.ID{2}, Vendor: id.ID{3}}
	a := wish(t, e, maker)
	turn := func(to, from access.ApprovalState) (ok bool) {
		t.Helper()
		must(t, e, func(tx *store.Tx) (err error) {
			next := a
			next.State, next.Checker, next.Reason, next.DecidedAt = to, access.Actor{Kind: access.Person, ID: id.ID{9}, Name: "second"}, "seen", base().Add(time.Minute)
			ok, err = tx.PutApproval(next, from)
			return err
		})
		return ok
	}
	for _, c := range []struct {
		to, from access.ApprovalState
		want     bool
	}{
		{access.ApprovalUsed, access.ApprovalGiven, false},
		{access.ApprovalGiven, access.ApprovalWaiting, true},
		{access.ApprovalRejected, access.ApprovalWaiting, false},
		{access.ApprovalUsed, access.ApprovalGiven, true},
		{access.ApprovalUsed, access.ApprovalGiven, false},
	} {
		if got := turn(c.to, c.from); got != c.want {
			t.Errorf("from %s to %s: %t, want %t", c.from, c.to, got, c.want)
		}
	}
	must(t, e, func(tx *store.Tx) error {
		got, found, err := tx.ApprovalByID(a.ID)
		if err == nil && (!found || got.State != access.ApprovalUsed || got.Maker != maker || got.Checker.Name != "second" || string(got.Body) != `{"a":1}` ||
			got.Right != access.WriteTariffs || got.Reason != "seen" || !got.DecidedAt.Equal(base().Add(time.Minute))) {
			t.Errorf("the approval came back as %+v", got)
		}
		return err
	})
}

func approvalPages(t *testing.T, r Rig) {
	e := r.Open(t)
	var all []access.Approval
	for range 5 {
		all = append(all, wish(t, e, access.Actor{Kind: access.Person, Name: "maker"}))
		later()
	}
	must(t, e, func(tx *store.Tx) error {
		a := all[2]
		a.State = access.ApprovalRejected
		_, err := tx.PutApproval(a, access.ApprovalWaiting)
		return err
	})
	page := func(state access.ApprovalState, before id.ID, max int) (out string) {
		rows := look(t, e, func(tx *store.Tx) ([]access.Approval, error) { return tx.ApprovalPage(state, before, max) })
		for _, row := range rows {
			for i, a := range all {
				if a.ID == row.ID {
					out += fmt.Sprint(i)
				}
			}
		}
		return out
	}
	for got, want := range map[string]string{page("", id.ID{}, 10): "43210", page(access.ApprovalWaiting, id.ID{}, 2): "43",
		page(access.ApprovalWaiting, all[3].ID, 2): "10", page(access.ApprovalRejected, id.ID{}, 5): "2", page("", all[0].ID, 5): ""} {
		if got != want {
			t.Errorf("a page is %q, want %q", got, want)
		}
	}
}

func approvalsDid(t *testing.T, r Rig) {
	e := r.Open(t)
	for effect, decided := range map[string]struct {
		act   access.Act
		state access.ApprovalState
	}{"": {access.ActDeposit, access.ApprovalUsed}, "done": {access.ActDeposit, access.ApprovalUsed}, "approved": {access.ActDeposit, access.ApprovalGiven},
		"another act": {access.ActRefund, access.ApprovalUsed}} {
		must(t, e, func(tx *store.Tx) (err error) {
			a := access.Approval{Act: decided.act, Right: access.DepositFloat, Body: []byte(`{}`), Effect: effect, State: access.ApprovalWaiting, CreatedAt: base()}
			if a.ID, err = tx.NewID(); err != nil {
				return err
			}
			if err := tx.AddApproval(a); err != nil {
				return err
			}
			a.State = decided.state
			if a.Effect != "" { // what it did is not what it would have done
				a.Effect += " now"
			}
			_, err = tx.PutApproval(a, access.ApprovalWaiting)
			return err
		})
	}
	since := func(at time.Time) []string {
		return look(t, e, func(tx *store.Tx) ([]string, error) { return tx.DoneEffects(access.ActDeposit, at, 10) })
	}
	if got := since(time.Time{}); !slices.Equal(got, []string{"done now"}) {
		t.Errorf("approved deposits did %q, want the one that is done", got)
	}
	if got := since(time.Now().Add(time.Hour)); len(got) > 0 {
		t.Errorf("in an hour approved deposits did %q", got)
	}
}

func rolesNow(t *testing.T, r Rig) {
	e := r.Open(t)
	amina := access.PersonRow{Email: "amina@example.org", Role: access.TariffManager, CreatedAt: base()}
	key := access.Key{Name: "hers", Role: access.Finance, CreatedAt: base()}
	now := time.Now()
	must(t, e, func(tx *store.Tx) (err error) {
		if amina.ID, err = tx.NewID(); err != nil {
			return err
		}
		if key.ID, err = tx.NewID(); err != nil {
			return err
		}
		key.Answers, key.ExpiresAt = amina.ID, now.Add(time.Hour)
		return firstError(tx.AddPersonRow(amina), tx.AddKey(key, [32]byte{1}))
	})
	want := func(what, person, hers string) {
		t.Helper()
		must(t, e, func(tx *store.Tx) error {
			p, found, err := tx.PersonByID(amina.ID)
			if got := fmt.Sprintf("%s blocked=%t", p.Role, p.Blocked); err != nil || !found || got != person {
				t.Errorf("%s: the person is %s (found: %t, %v), want %s", what, got, found, err, person)
			}
			k, found, err := tx.KeyByID(key.ID)
			if got := fmt.Sprintf("%s blocked=%t revoked=%t", k.Role, k.Blocked, !k.RevokedAt.IsZero()); err != nil || !found || got != hers {
				t.Errorf("%s: the key is %s (found: %t, %v), want %s", what, got, found, err, hers)
			}
			if k.ID != key.ID || k.Answers != amina.ID || !k.ExpiresAt.Equal(access.Stored(key.ExpiresAt)) {
				t.Errorf("%s: the key is %+v, want %+v", what, k, key)
			}
			_, nobody, err := tx.PersonByID(key.ID)
			_, none, err2 := tx.KeyByID(amina.ID)
			if nobody || none {
				t.Errorf("%s: a person by a key's identity: %t, a key by a person's: %t", what, nobody, none)
			}
			return firstError(err, err2)
		})
	}
	change := func(sql string, args ...any) {
		t.Helper()
		must(t, e, func(tx *store.Tx) error { _, err := tx.C.Exec(sql, args...); return err })
	}
	want("at first", "tariff_manager blocked=false", "finance blocked=false revoked=false")
	change(`UPDATE role_binding SET role = 'support' WHERE person_id = $1`, amina.ID)
	want("of another role", "support blocked=false", "finance blocked=false revoked=false")
	change(`UPDATE person SET status = 'blocked' WHERE id = $1`, amina.ID)
	want("blocked", "support blocked=true", "finance blocked=true revoked=false")
	change(`UPDATE person SET status = 'active' WHERE id = $1`, amina.ID)
	must(t, e, func(tx *store.Tx) error { _, err := tx.RevokeKey(key.ID, now); return err })
	want("revoked", "support blocked=false", "finance blocked=false revoked=true")
}
