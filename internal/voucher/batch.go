package voucher

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/voucherpin"
)

// View is a batch as people see it.
type View struct {
	refusal.Refusal
	Waits  *access.Approval // the approval that the act waits for; nothing was done
	Batch  Batch
	Counts Counts
	Codes  []Coded // of the vouchers that the act has just given codes; nobody else sees them
	Issued Range   // whose codes they are
}

// Act is what every act on vouchers has: the request, and how its answer is written.
type Act struct {
	once.Request

	// Render makes the answer that is stored under Once.Key, and RenderWaits that of an act which waits for a second person.
	Render      func(View) (status int, body []byte)
	RenderWaits func(access.Approval) (status int, body []byte)
}

// render returns the function that writes the answer.
func (a Act) render() func(View) (int, []byte) {
	if a.Render == nil || a.RenderWaits == nil {
		return a.Render
	}
	return func(v View) (int, []byte) {
		if v.Waits != nil {
			return a.RenderWaits(*v.Waits)
		}
		return a.Render(v)
	}
}

// NewBatch is a batch to make.
type NewBatch struct {
	Act
	Count   int64
	Face    money.Minor // value of each voucher
	Expires string      // last local day on which a voucher can be redeemed, such as 2027-12-31
	Note    string
	// RequiresCode makes vouchers that are redeemed with their PIN and with a code, which comes into being with their sale.
	RequiresCode bool
}

// newBatch is a batch as its approval stores it.
type newBatch struct {
	Count   int64       `json:"count"`
	Face    money.Minor `json:"face_minor"`
	Expires string      `json:"expires"`
	Note    string      `json:"note,omitempty"`
	// RequiresCode is not written for a batch without codes, so that requests of older versions are what they were.
	RequiresCode bool `json:"requires_code,omitempty"`
}

// Make makes a batch of vouchers (right: payment.decide). It has no PINs and no money before somebody takes the PINs and sells the vouchers.
func (vs *Vouchers) Make(ctx context.Context, by access.Actor, n NewBatch) (once.Done[View], error) {
	n.Note = strings.TrimSpace(n.Note)
	out, err := once.Do(ctx, vs.answers, by, access.DecidePayments, n.Request, n.render(), func(tx Tx) (View, refusal.Refusal, error) {
		if no := ofUtility(by); no.Refused() {
			return View{}, no, nil
		}
		b, no, err := n.batch(tx, by)
		if err != nil || no.Refused() {
			return View{}, no, err
		}
		eyes, err := access.SecondPerson(tx.Eyes(), by, access.ActRequest{Act: access.ActMakeVouchers, Object: b.Name(),
			Summary: fmt.Sprintf("make %d vouchers of %s, to be redeemed by %s %s", b.Count, b.Face, n.Expires, b.Note) + withCodes(b),
			Body:    newBatch{n.Count, n.Face, n.Expires, n.Note, n.RequiresCode}, Effect: access.Telling(func(e *access.Effect) {
				e.Fact("vouchers", strconv.FormatInt(b.Count, 10))
				e.Sum("each", b.Face)
				e.Sum("together", money.Amount{Minor: b.Face.Minor * money.Minor(b.Count), Currency: b.Face.Currency})
				e.Fact("until", n.Expires)
				e.Fact("note", b.Note)
				e.Fact("redeemed-with", redeemedWith(b))
			})}, tx.Moment())
		if err != nil || eyes.Refused() || eyes.Waits != nil {
			return View{Waits: eyes.Waits}, eyes.Refusal, err
		}
		if b.Number, err = tx.Vouchers().NextBatch(); err != nil {
			return View{}, refusal.Refusal{}, err
		}
		if err := tx.Vouchers().AddBatch(b); err != nil {
			return View{}, refusal.Refusal{}, err
		}
		e := by.Entry("voucher.make", b.Name())
		e.At, e.After = tx.Moment(), fmt.Sprintf("number=%d count=%d amount=%d expires=%s%s", b.Number, b.Count, b.Face.Minor, n.Expires, withCodes(b))
		return View{Batch: b}, refusal.Refusal{}, tx.AuditLog(eyes.Mark(e))
	})
	return out, fault.Wrap(err, "make vouchers")
}

// redeemedWith says what redeems a voucher of a batch, for whoever approves the batch.
func redeemedWith(b Batch) string {
	if b.RequiresCode {
		return "PIN + code"
	}
	return "PIN"
}

// withCodes is what summaries and the audit log add for a batch whose vouchers require a code.
func withCodes(b Batch) string {
	if b.RequiresCode {
		return " requires_code"
	}
	return ""
}

// batch checks a new batch.
func (n NewBatch) batch(tx Tx, by access.Actor) (Batch, refusal.Refusal, error) {
	code, _, err := tx.Books().Currency()
	if err != nil {
		return Batch{}, refusal.Refusal{}, err
	}
	b := Batch{Count: n.Count, Face: money.Amount{Minor: n.Face, Currency: code}, Note: n.Note, MadeBy: by.String(), MadeAt: tx.Moment(), Version: 1, RequiresCode: n.RequiresCode}
	switch {
	case n.Count < 1 || n.Count > MaxCount:
		return b, refuse.VoucherCountWrong(MaxCount), nil
	case code == "" || n.Face < 1 || n.Face > money.MaxMinor/MaxCount:
		return b, refuse.VoucherFaceWrong(int64(money.MaxMinor / MaxCount)), nil
	case len(n.Note) > MaxNote || !utf8.ValidString(n.Note):
		return b, refuse.VoucherNoteTooLong(MaxNote), nil
	}
	name, err := tx.Shifts().TenantZone()
	if err != nil {
		return b, refusal.Refusal{}, err
	}
	zone, err := localday.LoadZone(name)
	if err != nil {
		return b, refusal.Refusal{}, fmt.Errorf("load the time zone %q: %w", name, err)
	}
	day, err := localday.Parse(n.Expires, zone)
	if err != nil || !day.After(tx.Moment()) || day.After(tx.Moment().AddDate(MaxYears, 0, 0)) {
		return b, refuse.VoucherExpiryWrong(refusal.Echo(n.Expires), strconv.Itoa(MaxYears)), nil
	}
	b.EndsAt = access.Stored(localday.Next(day))
	b.ID, err = tx.NewID()
	return b, refusal.Refusal{}, err
}

// Printed is a voucher with its PIN.
type Printed struct {
	Serial string
	PIN    access.Secret
}

// Sheet has the PINs of a batch.
type Sheet struct {
	refusal.Refusal
	Batch    Batch
	Vouchers []Printed
}

// Print makes the PINs of a batch and returns them (right: payment.decide). It does so once: the PINs are stored nowhere, so if the answer is
// lost, the batch must be cancelled and another made. No PIN buys anything before its voucher is sold.
func (vs *Vouchers) Print(ctx context.Context, by access.Actor, batch string) (Sheet, error) {
	if no := by.Needs(access.DecidePayments); no.Refused() {
		return Sheet{Refusal: no}, nil
	}
	if no := ofUtility(by); no.Refused() {
		return Sheet{Refusal: no}, nil
	}
	out, err := access.Through(ctx, vs.c.Door, by.Tenant, func(tx Tx) (Sheet, error) {
		b, no, err := named(tx, batch)
		if err != nil || no.Refused() {
			return Sheet{Refusal: no}, err
		}
		if b.Taken() {
			return Sheet{Refusal: refuse.VoucherPinsTaken(access.PlainName(b.TakenBy), b.Name())}, nil
		}
		if no, err := mayTakePINs(tx, by, b); err != nil || no.Refused() {
			return Sheet{Refusal: no}, err
		}
		eyes, err := access.SecondPerson(tx.Eyes(), by, access.ActRequest{Act: access.ActPrintVouchers, Object: b.Name()}, tx.Moment())
		if err != nil || eyes.Refused() {
			return Sheet{Refusal: eyes.Refusal}, err
		}
		return vs.print(tx, by, b)
	})
	return out, fault.Wrap(err, "make the PINs of batch %s", refusal.Echo(batch))
}

func (vs *Vouchers) print(tx Tx, by access.Actor, b Batch) (Sheet, error) {
	out := Sheet{Vouchers: make([]Printed, 0, b.Count)}
	all, digest := make([]Voucher, 0, b.Count), sha256.New()
	for n := int64(1); n <= b.Count; n++ {
		pin, err := newPIN(vs.c.Rand)
		if err != nil {
			return Sheet{}, err
		}
		v := Voucher{Batch: b.ID, N: n, PIN: vs.c.Sealer.Hash(pinContext, []byte(pin)), State: Made}
		if v.ID, err = tx.NewID(); err != nil {
			return Sheet{}, err
		}
		_, _ = digest.Write(v.PIN) // a hash never returns an error
		all, out.Vouchers = append(all, v), append(out.Vouchers, Printed{b.Serial(n), access.SecretOf(voucherpin.GroupedPIN(pin))})
	}
	b.TakenBy, b.TakenAt, b.Digest, b.TakenSelf = by.String(), tx.Moment(), digest.Sum(nil), access.Self(by)
	if err := tx.Vouchers().TakeBatch(b, all); err != nil {
		return Sheet{}, err
	}
	e := by.Entry("voucher.print", b.Name())
	e.At, e.After = tx.Moment(), fmt.Sprintf("count=%d", b.Count)
	out.Batch = b
	return out, tx.AuditLog(e)
}

// List is one page of batches, newest first.
type List struct {
	refusal.Refusal
	Batches []View
	Next    string
}

// listBatches is the list that a cursor of List belongs to.
const listBatches = "voucher-batches"

// List lists batches with the number of their vouchers in each state (right: payment.read).
func (vs *Vouchers) List(ctx context.Context, by access.Actor, page registry.Page) (List, error) {
	if no := by.Needs(access.ReadPayments); no.Refused() {
		return List{Refusal: no}, nil
	}
	before, max, no := page.Read(vs.c.Sealer, by.Tenant, listBatches)
	if no.Refused() {
		return List{Refusal: no}, nil
	}
	out, err := access.Look(ctx, vs.c.Door, by.Tenant, func(tx Tx) (List, error) {
		rows, err := tx.Vouchers().BatchPage(before, max+1)
		if err != nil {
			return List{}, err
		}
		rows, next := registry.Cut(rows, max, vs.c.Sealer, by.Tenant, listBatches, func(b Batch) id.ID { return b.ID })
		l := List{Next: next}
		for _, b := range rows {
			counts, err := tx.Vouchers().BatchCounts(b.ID, Range{1, b.Count})
			if err != nil {
				return List{}, err
			}
			l.Batches = append(l.Batches, View{Batch: b, Counts: counts})
		}
		return l, nil
	})
	return out, fault.Wrap(err, "list vouchers")
}

// Offered reports whether the utility has ever made vouchers.
func (vs *Vouchers) Offered(ctx context.Context, t access.Tenant) (bool, error) {
	all, err := access.Look(ctx, vs.c.Door, t, func(tx Tx) ([]Batch, error) { return tx.Vouchers().BatchPage(id.ID{}, 1) })
	return len(all) > 0, fault.Wrap(err, "look for vouchers")
}

// Show returns a batch (right: payment.read).
func (vs *Vouchers) Show(ctx context.Context, by access.Actor, batch string) (View, error) {
	if no := by.Needs(access.ReadPayments); no.Refused() {
		return View{Refusal: no}, nil
	}
	out, err := access.Look(ctx, vs.c.Door, by.Tenant, func(tx Tx) (View, error) {
		b, no, err := named(tx, batch)
		if err != nil || no.Refused() {
			return View{Refusal: no}, err
		}
		counts, err := tx.Vouchers().BatchCounts(b.ID, Range{1, b.Count})
		return View{Batch: b, Counts: counts}, err
	})
	return out, fault.Wrap(err, "show batch %s", refusal.Echo(batch))
}

// named finds a batch by its identity, and locks it.
func named(tx Tx, batch string) (Batch, refusal.Refusal, error) {
	i, broken := id.Parse(id.VoucherBatch, batch)
	if broken != nil {
		return Batch{}, refuse.VoucherBatchNotFound(refusal.Echo(batch)), nil
	}
	b, found, err := tx.Vouchers().BatchByID(i)
	if err == nil && !found {
		return Batch{}, refuse.VoucherBatchNotFound(refusal.Echo(batch)), nil
	}
	return b, refusal.Refusal{}, err
}

// ofUtility refuses what only people of the utility may do.
func ofUtility(by access.Actor) refusal.Refusal {
	if !by.OfUtility() {
		return refuse.VoucherByUtility()
	}
	return refusal.Refusal{}
}

// Executors returns the executors of the actions that a second person can approve.
func (vs *Vouchers) Executors() access.Executors {
	return access.Executors{
		access.ActMakeVouchers: func(ctx context.Context, maker access.Actor, body []byte) (access.Done, error) {
			var n newBatch
			if err := json.Unmarshal(body, &n); err != nil {
				return access.Done{}, fmt.Errorf("read an approved batch of vouchers: %w", err)
			}
			out, err := vs.Make(ctx, maker, NewBatch{Count: n.Count, Face: n.Face, Expires: n.Expires, Note: n.Note, RequiresCode: n.RequiresCode})
			return access.Done{Refusal: out.Refusal, Object: out.Value.Batch.Name()}, err
		},
		access.ActEndVouchers:  vs.approved(vs.End),
		access.ActReissueCodes: vs.approved(vs.Reissue),
	}
}

// approved returns the executor of an act on a range.
func (vs *Vouchers) approved(do func(context.Context, access.Actor, OnRange) (once.Done[View], error)) access.Executor {
	return func(ctx context.Context, maker access.Actor, body []byte) (access.Done, error) {
		var r rangeBody
		if err := json.Unmarshal(body, &r); err != nil {
			return access.Done{}, fmt.Errorf("read an approved act on vouchers: %w", err)
		}
		out, err := do(ctx, maker, OnRange{Batch: r.Batch, Range: Range{r.From, r.To}, Reason: r.Reason})
		done := access.Done{Refusal: out.Refusal, Object: r.Batch}
		if len(out.Value.Codes) > 0 {
			done.Shown = out.Value.Codes
		}
		return done, err
	}
}
