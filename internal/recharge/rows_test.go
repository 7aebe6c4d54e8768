package recharge_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/diagnosis"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/recharge"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/rowstest"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/sts"
)

const (
	number = "06000001229" // number of meter 1
	digits = "71340092551033782064"
)

// noon is the time of all requests.
func noon() time.Time { return time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC) }

// after returns the time some minutes after noon.
func after(minutes int) time.Time { return noon().Add(time.Duration(minutes) * time.Minute) }

// rows are one meter and its tokens in memory. They are also the door and the doctor.
type rows struct {
	recharge.Tx
	t *testing.T
	rowstest.Calls
	tenant access.Tenant // tenant of the last transaction
	kicks  int

	status   registry.Status
	token    sale.Token
	number   string // number of the token's meter
	sale     sale.Sale
	waiting  *recharge.Waiting
	sent     time.Time // when the token was sent over the meter's connection
	answered time.Time
	given    map[string]id.ID // external tokens, by their hash
	gave     []recharge.ExternalToken
	reports  []metering.StoredToken
	sim      string
	routes   bool
	crowd    int // number of pending messages
	messages []notify.Message
	answers  map[id.ID][]notify.Message
	queued   []notify.Message
	audit    []access.Entry
	asked    []diagnosis.Question
	doctor   diagnosis.Diagnosis
	plain    []byte // the caller's slice that was sealed
}

// newRows returns rows with meter 1 and a token that was issued and never sent. The doctor's verdict is that the token would load.
func newRows(t *testing.T) *rows {
	t.Helper()
	held, res := sts.ParseToken(digits)
	if res != sts.Accept {
		t.Fatalf("the token is %v", res)
	}
	return &rows{t: t, status: registry.Active, number: number, given: map[string]id.ID{}, sim: "+254700000001", routes: true, answers: map[id.ID][]notify.Message{},
		token:  sale.Token{ID: id.ID{15: 1}, Sale: id.ID{15: 2}, Meter: 1, State: sale.TokenIssued, Units: 5000, IssuedAt: after(-60)},
		sale:   sale.Sale{ID: id.ID{15: 2}, State: sale.Completed},
		doctor: diagnosis.Diagnosis{Findings: []diagnosis.Finding{{Code: diagnosis.Ready}}, Token: held, Sold: &diagnosis.Sold{Token: id.ID{15: 1}}}}
}

// elsewhere returns rows with an external token whose digits the doctor could read.
func elsewhere(t *testing.T) *rows {
	t.Helper()
	r := newRows(t)
	r.token.ID = id.ID{}
	r.doctor.Sold, r.doctor.Findings[0].Code = nil, diagnosis.NotSold
	r.doctor.Contents = &diagnosis.Contents{Class: 1, SubClass: 2, HasTID: true, TID: 77, BaseDate: 2014, Units: 5000}
	return r
}

// cases returns the use cases over these rows.
func (r *rows) cases() *recharge.Deliverer {
	return recharge.New(recharge.Config{Door: r, Doctor: r, Sealer: r, Now: noon, Kick: func() { r.kicks++ }, Texts: func() bool { return r.routes }})
}

// owner has every right.
func owner() access.Actor {
	return access.Actor{Tenant: 1, Kind: access.Person, ID: id.ID{7}, Name: "amina", Role: access.Owner, IP: "10.0.0.1"}
}

// name returns the identity of the n-th token.
func name(n byte) string { return id.ID{15: n}.Text(id.Token) }

// sends sends a request that must not fail.
func (r *rows) sends(o recharge.Request) recharge.Tracked {
	r.t.Helper()
	if o.Meter == "" {
		o.Meter = number
	}
	out, err := r.cases().Send(r.t.Context(), owner(), o)
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

// tracks returns the progress of token 1.
func (r *rows) tracks() recharge.Tracked {
	r.t.Helper()
	out, err := r.cases().Track(r.t.Context(), owner(), number, name(1))
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

func (r *rows) Diagnose(_ context.Context, _ access.Actor, q diagnosis.Question) (diagnosis.Diagnosis, error) {
	r.asked = append(r.asked, q)
	return r.doctor, r.Fails("Diagnose")
}

func (r *rows) Seal(context string, plain []byte) []byte {
	r.plain = plain
	return []byte("sealed " + context + " " + string(plain))
}

func (r *rows) Hash(context string, data []byte) []byte {
	return []byte("hash " + context + " " + string(data))
}

// Do rolls back a refused transaction.
func (r *rows) Do(_ context.Context, t access.Tenant, fn func(recharge.Tx) (bool, error)) error {
	r.tenant = t
	refused, err := fn(r)
	if refused {
		r.Wrote, r.audit = nil, nil
	}
	if err != nil {
		return err
	}
	return r.Fails("commit")
}

func (r *rows) View(_ context.Context, t access.Tenant, fn func(recharge.Tx) error) error {
	r.tenant = t
	if err := fn(r); err != nil {
		return err
	}
	return r.Fails("view")
}

// The following methods are those of the transaction.

func (r *rows) Meters() registry.MeterLookup { return r }

func (r *rows) Messages() notify.SaleTx { return messages{r: r} }

// messages implements the rows of messages.
type messages struct {
	notify.SaleTx
	r *rows
}

func (m messages) NewID() (id.ID, error)               { return m.r.NewID() }
func (m messages) MessageAdd(add notify.Message) error { return m.r.MessageAdd(add) }
func (m messages) SIMOf(meter int64) (string, error)   { return m.r.SIMOf(meter) }
func (m messages) MessagesWaiting(line string, most int) (int, error) {
	return m.r.MessagesWaiting(line, most)
}

func (r *rows) meter(i id.ID) registry.Meter {
	return registry.Meter{N: 1, Number: number, ID: i, Status: r.status, Simulated: true}
}

func (r *rows) MeterByNumber(n string) (registry.Meter, bool, error) {
	return r.meter(id.ID{14: 1}), n == number, r.Fails("MeterByNumber")
}

func (r *rows) MeterByID(i id.ID) (registry.Meter, bool, error) {
	return r.meter(i), i == id.ID{14: 1}, r.Fails("MeterByID")
}

func (r *rows) AuditLog(e access.Entry) error {
	r.audit = append(r.audit, e)
	return r.Fails("AuditLog")
}

func (r *rows) Enqueue(i job.Item) (id.ID, error) {
	return id.ID{15: 70}, r.Writes("%s %s by %s for %s until %s", i.Kind, i.Body, i.Lane, i.Key, i.ExpiresAt.Format("02 15:04"))
}

func (r *rows) OutboxWake(lane, key string) error { return r.Writes("wake %s %s", lane, key) }

func (r *rows) TokenForPush(token id.ID) (sale.Token, string, bool, error) {
	return r.token, r.number, !token.IsZero() && token == r.token.ID, r.Fails("TokenForPush")
}

func (r *rows) VendSale(i id.ID) (sale.Sale, bool, error) {
	return r.sale, i == r.sale.ID, r.Fails("VendSale")
}

func (r *rows) TokenTimes(id.ID) (sent, answered time.Time, given bool, err error) {
	return r.sent, r.answered, r.token.Elsewhere, r.Fails("TokenTimes")
}

func (r *rows) TokenReportsOf(meter int64, _ id.ID, most int) ([]metering.StoredToken, error) {
	return r.reports, r.Fails(fmt.Sprintf("TokenReportsOf %d at most %d", meter, most))
}

func (r *rows) DeliveryOf(string, id.ID) (recharge.Waiting, bool, error) {
	if r.waiting == nil {
		return recharge.Waiting{}, false, r.Fails("DeliveryOf")
	}
	return *r.waiting, true, r.Fails("DeliveryOf")
}

func (r *rows) ExternalTokenByHash(meter int64, hash []byte) (id.ID, bool, error) {
	i, found := r.given[string(hash)]
	return i, found && meter == 1, r.Fails("ExternalTokenByHash")
}

func (r *rows) AddExternalToken(g recharge.ExternalToken) error {
	r.gave = append(r.gave, g)
	r.token = g.Token
	r.token.Elsewhere = true
	return r.Writes("given %d", g.ID[15])
}

func (r *rows) NewID() (id.ID, error) { return id.ID{15: 9}, r.Fails("NewID") }

func (r *rows) SIMOf(int64) (string, error) { return r.sim, r.Fails("SIMOf") }

func (r *rows) NoticeTo(string) (notify.Addressee, bool, error) {
	to := notify.Addressee{Phone: "+254711111111"}
	to.Customer, to.Lang = id.ID{15: 3}, "sw"
	return to, true, r.Fails("NoticeTo")
}

func (r *rows) MessageAdd(m notify.Message) error {
	r.queued = append(r.queued, m)
	return r.Writes("message %s to %s by %s", m.State, m.Phone, m.By)
}

func (r *rows) MessagesWaiting(string, int) (int, error) { return r.crowd, r.Fails("MessagesWaiting") }

func (r *rows) MessagesOfToken(_ int64, _ id.ID, most int) ([]notify.Message, error) {
	return r.messages[:min(most, len(r.messages))], r.Fails(fmt.Sprintf("MessagesOfToken %d", most))
}

func (r *rows) MessagesAnswering(_ int64, message id.ID, most int) ([]notify.Message, error) {
	return r.answers[message][:min(most, len(r.answers[message]))], r.Fails("MessagesAnswering")
}
