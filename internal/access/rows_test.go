package access_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/store/storetest"
)

// errStore is the error of a failing call.
var errStore = errors.New("the store failed")

// rows is a store in memory. It records the calls of its transactions. The call whose number is in the field broken returns an error. The
// failing call still has its effect and returns its values, so that code that ignores the error continues.
type rows struct {
	t      *testing.T
	calls  []string
	broken int           // number of the failing call, counted from 1; 0 for none
	most   int           // number of rows that the last list asked for
	tenant access.Tenant // tenant of the last transaction
	now    time.Time
	ids    int

	bind      *bool
	bound     []access.Right
	gone      bool // the maker of every approval may no longer act
	raced     bool // another person decides about an approval, or uses it, first
	between   func()
	approvals []access.Approval
	keys      map[[32]byte]access.Key
	people    map[string]access.PersonRow
	logins    map[[32]byte]access.Login
	dropped   []time.Time // the times passed to DropLoginsOf
	kept      int
	devices   map[[32]byte]access.CounterDevice
	times     access.SessionTimes
	log       []access.Entry
	ceilings  map[access.Ceiling]int64
	totals    map[string]int64
	means     []int64
	dayMeans  []access.DayMean
	currency  string
	sold      []soldRow // sales to the only meter
	acts      int64
	raised    access.Unusual
	alarms    []string
}

const (
	goodPassword = "a few unrelated words"
	aminaEmail   = "amina@example.org"
)

// shop is the only vendor of these rows.
func shop() id.ID { return id.ID{15: 9} }

// newRows is a store with one owner, Amina.
func newRows(t *testing.T) *rows {
	t.Helper()
	hash, err := access.HashPassword(goodPassword, cheap(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	r := &rows{t: t, tenant: 1, now: time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC), keys: map[[32]byte]access.Key{}, logins: map[[32]byte]access.Login{}, devices: map[[32]byte]access.CounterDevice{}}
	r.people = map[string]access.PersonRow{aminaEmail: {ID: id.ID{7}, Email: aminaEmail, Role: access.Owner, Password: hash}}
	return r
}

// access makes the use cases over these rows, with a source of random bytes.
func (r *rows) access(rnd io.Reader) *access.Access {
	r.t.Helper()
	a, err := access.New(access.Config{Hasher: storetest.Hasher{}, FactorOptional: true, Door: r, Now: func() time.Time { return r.now }, Rand: rnd, Argon: cheap()})
	if err != nil {
		r.t.Fatal(err)
	}
	return a
}

// amina is the owner, signed in.
func (r *rows) amina() access.Actor {
	return access.Actor{Tenant: 1, Kind: access.Person, ID: id.ID{7}, Name: aminaEmail, Role: access.Owner}
}

// second adds another person, who can sign in.
func (r *rows) second(email string, role access.Role) access.PersonRow {
	p := access.PersonRow{ID: id.ID{9}, Email: email, Role: role, Password: "x"}
	r.people[email] = p
	return p
}

// becomes gives Amina a role other than the role with which she requested her approvals.
func (r *rows) becomes(role access.Role) {
	p := r.people[aminaEmail]
	p.Role = role
	r.people[aminaEmail] = p
}

// finance is a second owner, by a key.
func finance() access.Actor {
	return access.Actor{Tenant: 1, Kind: access.APIKey, ID: id.ID{8}, Name: "finance", Role: access.Owner, Answers: id.ID{6}}
}

// waits adds an approval that Amina requested, in a state.
func (r *rows) waits(state access.ApprovalState) string {
	r.ids++
	i := id.ID{14: byte(r.ids >> 8), 15: byte(r.ids)}
	a := access.Approval{ID: i, Act: access.ActTariff, Right: access.WriteTariffs, Body: []byte(`{}`), Maker: r.amina(), State: state, CreatedAt: r.now}
	if state != access.ApprovalWaiting {
		a.Checker = finance()
	}
	r.approvals = append(r.approvals, a)
	return i.Text(id.Approval)
}

func (r *rows) fails(call string) error {
	if r.calls = append(r.calls, call); len(r.calls) == r.broken {
		return errStore
	}
	return nil
}

func (r *rows) Do(_ context.Context, t access.Tenant, fn func(access.Tx) (bool, error)) error {
	r.tenant = t
	if r.between != nil {
		r.between()
	}
	if _, err := fn(r); err != nil {
		return err
	}
	return r.fails("commit")
}

func (r *rows) View(_ context.Context, t access.Tenant, fn func(access.Tx) error) error {
	r.tenant = t
	if err := fn(r); err != nil {
		return err
	}
	return r.fails("view")
}

// soldRow is a stored sale.
type soldRow struct {
	amount int64
	at     time.Time
}

// The transaction.

func (r *rows) NewID() (id.ID, error) {
	r.ids++
	return id.ID{14: byte(r.ids >> 8), 15: byte(r.ids)}, r.fails("NewID")
}

func (r *rows) AuditLog(e access.Entry) error {
	r.log = append(r.log, e)
	return r.fails("AuditLog")
}

func (r *rows) Ceilings() access.CeilingTx { return r }

func (r *rows) CeilingRules() (access.CeilingRules, error) {
	return access.CeilingRules{TZ: "Africa/Nairobi", Currency: r.currency, Set: r.ceilings}, r.fails("CeilingRules")
}

func (r *rows) SoldToMeter(_ string, from, _ time.Time) (int64, error) {
	var sum int64
	for _, s := range r.sold {
		if !s.at.Before(from) {
			sum += s.amount
		}
	}
	return sum, r.fails("SoldToMeter")
}

func (r *rows) UsualTaken(access.Ceiling, string, time.Time, time.Time) ([]int64, error) {
	return r.means, r.fails("UsualTaken")
}

func (r *rows) DayMeans(access.Ceiling, time.Time, time.Time) ([]access.DayMean, error) {
	return r.dayMeans, r.fails("DayMeans")
}

func (r *rows) DoneEffects(act access.Act, since time.Time, max int) (out []string, err error) {
	for _, a := range slices.Backward(r.approvals) {
		if a.Act == act && a.State == access.ApprovalUsed && !a.CreatedAt.Before(since) && len(out) < max {
			out = append(out, a.Effect)
		}
	}
	return out, r.fails("DoneEffects")
}

func (r *rows) DayRaised(_ access.DayTotal, raised access.Unusual) error {
	r.raised = raised
	return r.fails("DayRaised")
}

func (r *rows) RaisePersonAlarm(text string) error {
	r.alarms = append(r.alarms, text)
	return r.fails("RaisePersonAlarm")
}

func (r *rows) AddDayTotal(d access.DayTotal) (access.Taken, error) {
	if r.totals == nil {
		r.totals = map[string]int64{}
	}
	key := fmt.Sprint(d.Ceiling, d.Subject, d.From.Unix())
	r.totals[key] += d.Amount
	r.acts++
	return access.Taken{Amount: r.totals[key], Window: r.totals[key], WindowActs: r.acts, Raised: r.raised}, r.fails("AddDayTotal")
}

func (r *rows) HadPeople() (bool, error) { return len(r.people) > 0, r.fails("HadPeople") }

func (r *rows) FourEyes() (access.FourEyesRule, error) {
	return access.FourEyesRule{Set: r.bind, Bound: r.bound}, r.fails("FourEyes")
}

func (r *rows) People() access.PeopleTx { return r }

func (r *rows) ReleaseFourEyes() error { return r.fails("ReleaseFourEyes") }

func (r *rows) BindFourEyes(bound []access.Right) error {
	r.bound = bound
	return r.fails("BindFourEyes")
}

func (r *rows) PutPerson(p access.PersonRow) error {
	r.people[p.Email] = p
	return r.fails("PutPerson")
}

func (r *rows) LockPerson(person id.ID) (access.PersonRow, bool, error) {
	if err := r.fails("LockPerson"); err != nil {
		return access.PersonRow{}, false, err
	}
	return r.PersonByID(person)
}

func (r *rows) PersonByLink(hash [32]byte) (access.PersonRow, bool, error) {
	for _, p := range r.people {
		if p.Link == hash {
			return p, true, r.fails("PersonByLink")
		}
	}
	return access.PersonRow{}, false, r.fails("PersonByLink")
}

func (r *rows) PersonPage(after id.ID, max int) (out []access.PersonRow, err error) {
	r.most = max
	for _, p := range r.people {
		if bytes.Compare(p.ID[:], after[:]) > 0 {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b access.PersonRow) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	return out[:min(max, len(out))], r.fails("PersonPage")
}

func (r *rows) ActivePeople(roles ...access.Role) (int, error) {
	n := 0
	for _, p := range r.people {
		if !p.Blocked && slices.Contains(roles, p.Role) {
			n++
		}
	}
	return n, r.fails("ActivePeople")
}

func (r *rows) AddApproval(a access.Approval) error {
	r.approvals = append(r.approvals, a)
	return r.fails("AddApproval")
}

func (r *rows) ApprovalByID(i id.ID) (access.Approval, bool, error) {
	n := slices.IndexFunc(r.approvals, func(a access.Approval) bool { return a.ID == i })
	if n < 0 {
		return access.Approval{}, false, r.fails("ApprovalByID")
	}
	return r.approvals[n], true, r.fails("ApprovalByID")
}

func (r *rows) KeyByID(key id.ID) (access.Key, bool, error) {
	for _, k := range r.keys {
		if k.ID == key {
			return k, true, r.fails("KeyByID")
		}
	}
	return access.Key{}, false, r.fails("KeyByID")
}

func (r *rows) KeysAnsweredBy(self id.ID) (out []access.Key, err error) {
	for _, k := range r.keys {
		if k.ID == self || k.Answers == self {
			out = append(out, k)
		}
	}
	return out, r.fails("KeysAnsweredBy")
}

func (r *rows) PersonByID(person id.ID) (access.PersonRow, bool, error) {
	if person == finance().Answers {
		return access.PersonRow{ID: person, Role: access.Owner}, true, r.fails("PersonByID")
	}
	for _, p := range r.people {
		if p.ID == person {
			p.Blocked = p.Blocked || r.gone
			return p, true, r.fails("PersonByID")
		}
	}
	return access.PersonRow{}, false, r.fails("PersonByID")
}

func (r *rows) PutApproval(a access.Approval, from access.ApprovalState) (bool, error) {
	n := slices.IndexFunc(r.approvals, func(b access.Approval) bool { return a.ID == b.ID && b.State == from })
	if n >= 0 && !r.raced {
		r.approvals[n] = a
	}
	return n >= 0 && !r.raced, r.fails("PutApproval")
}

func (r *rows) ApprovalPage(state access.ApprovalState, before id.ID, max int) (out []access.Approval, err error) {
	r.most = max
	for _, a := range slices.Backward(r.approvals) {
		if (state == "" || a.State == state) && (before.IsZero() || bytes.Compare(a.ID[:], before[:]) < 0) && len(out) < max {
			out = append(out, a)
		}
	}
	return out, r.fails("ApprovalPage")
}

func (r *rows) AddKey(k access.Key, hash [32]byte) error {
	r.keys[hash] = k
	return r.fails("AddKey")
}

func (r *rows) KeyByHash(hash [32]byte) (access.Key, bool, error) {
	k, found := r.keys[hash]
	return k, found, r.fails("KeyByHash")
}

func (r *rows) KeyPage(after id.ID, max int) (out []access.Key, err error) {
	r.most = max
	for _, k := range r.keys {
		if bytes.Compare(k.ID[:], after[:]) > 0 {
			out = append(out, k)
		}
	}
	slices.SortFunc(out, func(a, b access.Key) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	return out, r.fails("KeyPage")
}

func (r *rows) GiveKey(key, person id.ID) error {
	for hash, k := range r.keys {
		if k.ID == key {
			k.Answers = person
			r.keys[hash] = k
		}
	}
	return r.fails("GiveKey")
}

func (r *rows) RevokeKey(key id.ID, at time.Time) (bool, error) {
	for hash, k := range r.keys {
		if k.ID == key && k.RevokedAt.IsZero() {
			k.RevokedAt = at
			r.keys[hash] = k
			return true, r.fails("RevokeKey")
		}
	}
	return false, r.fails("RevokeKey")
}

func (r *rows) Keys() access.KeyTx { return r }

func (r *rows) EndKey(key id.ID, at time.Time) error {
	for hash, k := range r.keys {
		if k.ID == key {
			k.ExpiresAt = at
			r.keys[hash] = k
		}
	}
	return r.fails("EndKey")
}

func (r *rows) SeeKey(key id.ID, at time.Time) error {
	for hash, k := range r.keys {
		if k.ID == key {
			k.UsedAt = at
			r.keys[hash] = k
		}
	}
	return r.fails("SeeKey")
}

func (r *rows) VendorExists(vendor id.ID) (bool, error) {
	return vendor == shop(), r.fails("VendorExists")
}

func (r *rows) AddPersonRow(p access.PersonRow) error {
	r.people[p.Email] = p
	return r.fails("AddPersonRow")
}

func (r *rows) PersonByEmail(email string) (access.PersonRow, bool, error) {
	p, found := r.people[email]
	return p, found, r.fails("PersonByEmail")
}

func (r *rows) AddLogin(l access.Login, hash [32]byte) error {
	r.logins[hash] = l
	return r.fails("AddLogin")
}

func (r *rows) LoginByHash(hash [32]byte) (access.Login, access.PersonRow, bool, error) {
	l, found := r.logins[hash]
	return l, r.people[aminaEmail], found, r.fails("LoginByHash")
}

func (r *rows) LoginsOf(person id.ID) (out []access.Login, err error) {
	for hash, l := range r.logins {
		if l.Person == person {
			l.ID = access.SessionID(hash[:])
			out = append(out, l)
		}
	}
	return out, r.fails("LoginsOf")
}

func (r *rows) SessionTimes() (access.SessionTimes, error) { return r.times, r.fails("SessionTimes") }

func (r *rows) SeeLogin(hash [32]byte, at time.Time) error {
	l := r.logins[hash]
	l.SeenAt = at
	r.logins[hash] = l
	return r.fails("SeeLogin")
}

func (r *rows) DropLogin(hash [32]byte) (bool, error) {
	_, found := r.logins[hash]
	delete(r.logins, hash)
	return found, r.fails("DropLogin")
}

func (r *rows) DropLoginsOf(_ id.ID, now, idle time.Time, keep int) error {
	r.dropped, r.kept = []time.Time{now, idle}, keep
	return r.fails("DropLoginsOf")
}

func (r *rows) Devices() access.DeviceTx { return r }

func (r *rows) AddDevice(d access.CounterDevice, hash [32]byte) error {
	r.devices[hash] = d
	return r.fails("AddDevice")
}

func (r *rows) DeviceByHash(hash [32]byte) (access.CounterDevice, bool, error) {
	d, found := r.devices[hash]
	return d, found, r.fails("DeviceByHash")
}

func (r *rows) LockDevice(hash [32]byte) (access.CounterDevice, bool, error) {
	d, found := r.devices[hash]
	return d, found, r.fails("LockDevice")
}

func (r *rows) DeviceByID(device id.ID) (access.CounterDevice, bool, error) {
	for _, d := range r.devices {
		if d.ID == device {
			return d, true, r.fails("DeviceByID")
		}
	}
	return access.CounterDevice{}, false, r.fails("DeviceByID")
}

func (r *rows) DevicesOf(person id.ID) (out []access.CounterDevice, err error) {
	for _, d := range r.devices {
		if d.Person == person && d.RevokedAt.IsZero() {
			out = append(out, d)
		}
	}
	return out, r.fails("DevicesOf")
}

func (r *rows) CountPIN(d access.CounterDevice) error {
	for hash, was := range r.devices {
		if was.ID == d.ID {
			r.devices[hash] = d
		}
	}
	return r.fails("CountPIN")
}

func (r *rows) RevokeDevice(device id.ID, at time.Time) error {
	for hash, d := range r.devices {
		if d.ID == device {
			d.RevokedAt = at
			r.devices[hash] = d
		}
	}
	return r.fails("RevokeDevice")
}

// linkForm, keyForm and sessionForm are the stored forms of a one-time link, an API key and a session.
func linkForm(s access.Secret) [32]byte   { return access.StoredForm(storetest.Hasher{}, "link", s) }
func keyForm(s access.Secret) [32]byte    { return access.StoredForm(storetest.Hasher{}, "key", s) }
func deviceForm(s access.Secret) [32]byte { return access.StoredForm(storetest.Hasher{}, "device", s) }
func sessionForm(s access.Secret) [32]byte {
	return access.StoredForm(storetest.Hasher{}, "session", s)
}

func (r *rows) Owns() access.OwnTx { return r }

func (r *rows) AddOwn(access.Own) error { return r.fails("AddOwn") }

func (r *rows) EndOwn(access.Own) error { return r.fails("EndOwn") }

func (r *rows) OwnsOf(id.ID) ([]access.Own, error) { return nil, r.fails("OwnsOf") }

func (r *rows) OwnsByKey(access.OwnKind, []string) ([]access.Own, error) {
	return nil, r.fails("OwnsByKey")
}
