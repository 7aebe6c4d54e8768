package voucher

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/till"
	"github.com/paywatt/paywatt/internal/vendor"
)

// OnRange is an act on vouchers of a batch.
type OnRange struct {
	Act
	Batch  string // identity
	Range  Range  // zero: the whole batch
	Reason string // for End and Reissue
}

// rangeBody is the part of an act that an approval stores.
type rangeBody struct {
	Batch  string `json:"batch"`
	From   int64  `json:"from"`
	To     int64  `json:"to"`
	Reason string `json:"reason,omitempty"`
}

// Sell activates vouchers and takes the money for them (right: vend.sell; P28 of docs/reference/postings.md): into the till of the person, or
// from the float of the vendor. All vouchers of the range must be unsold. If the batch requires codes, the sale issues them and shows them to the
// seller, who must not be the one who took the PINs.
func (vs *Vouchers) Sell(ctx context.Context, by access.Actor, o OnRange) (once.Done[View], error) {
	out, err := once.Do(ctx, vs.answers, by, access.Sell, o.Request, o.render(), func(tx Tx) (View, refusal.Refusal, error) {
		if no := vs.c.Sound(); no.Refused() {
			return View{}, no, nil
		}
		b, no, err := o.open(tx)
		if err != nil || no.Refused() {
			return View{}, no, err
		}
		if !b.EndsAt.After(tx.Moment()) {
			return View{}, refuse.VoucherBatchExpired(b.Name()), nil
		}
		counts, err := tx.Vouchers().BatchCounts(b.ID, o.Range)
		if err != nil || counts.Made != o.Range.count() {
			return View{}, refuse.VoucherRangeNotUnsold(o.Range.in(b), strconv.FormatInt(counts.Made, 10), strconv.FormatInt(o.Range.count(), 10)), err
		}
		if b.RequiresCode {
			if no, err := mayKnowCodes(tx, by, b); err != nil || no.Refused() {
				return View{}, no, err
			}
		}
		paid := money.Amount{Minor: b.Face.Minor * money.Minor(o.Range.count()), Currency: b.Face.Currency}
		source, no, err := payer(tx, by, paid)
		if err != nil || no.Refused() {
			return View{}, no, err
		}
		eyes, err := o.mayTake(tx, by, b, paid)
		if err != nil || eyes.Refused() {
			return View{}, eyes.Refusal, err
		}
		if n, err := tx.Vouchers().MoveVouchers(b.ID, o.Range, Made, Active, tx.Moment()); err != nil || n != counts.Made {
			return View{}, refusal.Refusal{}, errors.Join(err, fmt.Errorf("%d of %d vouchers activated", n, counts.Made))
		}
		if no, err := post(tx, ledger.VoucherSold, b, o.Range, source, ledger.VouchersSold(source, b.Name(), paid.Minor)); err != nil || no.Refused() {
			return View{}, no, err
		}
		e := by.Entry(SoldAction, b.Name())
		e.At, e.After = tx.Moment(), sold{o.Range, paid.Minor, source.Subject}.String()
		if err := tx.AuditLog(eyes.Mark(e)); err != nil { // no sale shows what the ceiling counted, so the audit log does
			return View{}, refusal.Refusal{}, err
		}
		v, no, err := shown(tx, b)
		if err == nil && b.RequiresCode {
			v.Issued = o.Range
			v.Codes, err = vs.issueTo(tx, b, Issue{Range: o.Range, By: by.String()}, by)
		}
		return v, no, err
	})
	return out, fault.Wrap(err, "sell vouchers of batch %s", refusal.Echo(o.Batch))
}

// SoldAction is the action of a sale of vouchers in the audit log, which is the only place that says who sold them.
const SoldAction = "voucher.sell"

// EndedAction is the action of vouchers that became worthless in the audit log.
const EndedAction = "voucher.end"

// sold is what the audit log says about a sale of vouchers.
type sold struct {
	Range
	amount money.Minor
	source string // subject of the account that took the money
}

// soldForm writes and reads a sold.
const soldForm = "from=%d to=%d amount=%d source=%s"

func (s sold) String() string { return fmt.Sprintf(soldForm, s.From, s.To, s.amount, s.source) }

// CashOutsideShift reads what the audit log says about a sale of vouchers. It returns the money, if that is in the till that nobody counts.
func CashOutsideShift(logged string) (amount money.Minor, is bool, err error) {
	var s sold
	_, err = fmt.Sscanf(logged, soldForm, &s.From, &s.To, &s.amount, &s.source)
	return s.amount, s.source == ledger.MainTill, fault.Wrap(err, "read %q", refusal.Echo(logged))
}

// mayTake counts the cash of a person of the utility under the ceiling of their sales. A vendor's vouchers are limited by its float.
func (o OnRange) mayTake(tx Tx, by access.Actor, b Batch, paid money.Amount) (access.FourEyes, error) {
	if !by.OfUtility() {
		return access.FourEyes{}, nil
	}
	return access.SecondPerson(tx.Eyes(), by, access.ActRequest{Act: access.ActSellVouchers, Object: b.Name(),
		Takes: access.Takes{Amount: int64(paid.Minor)}}, tx.Moment())
}

func (o OnRange) body(b Batch) rangeBody {
	return rangeBody{b.Name(), o.Range.From, o.Range.To, o.Reason}
}

// open finds the batch of an act and fills in its range.
func (o *OnRange) open(tx Tx) (Batch, refusal.Refusal, error) {
	b, no, err := named(tx, o.Batch)
	if err != nil || no.Refused() {
		return b, no, err
	}
	if !b.Taken() {
		return b, refuse.VoucherPinsNotTaken(b.Name()), nil
	}
	r, is := o.Range.within(b)
	if !is {
		return b, refuse.VoucherRangeWrong(b.Serial(1), b.Serial(b.Count)), nil
	}
	o.Range = r
	return b, refusal.Refusal{}, nil
}

// payer finds out whose money pays for vouchers: the till of a person of the utility, or a vendor's float.
func payer(tx Tx, by access.Actor, paid money.Amount) (ledger.AccountRef, refusal.Refusal, error) {
	_, s, no, err := vendor.Selling(tx.Vendors(), by, paid, 0)
	if err != nil || no.Refused() {
		return ledger.AccountRef{}, no, err
	}
	if s.Account != 0 {
		return ledger.AccountRef{Code: s.Account, Subject: by.Vendor.Text(id.Vendor)}, refusal.Refusal{}, nil
	}
	shift, name, err := till.Selling(tx.Shifts(), by)
	return sale.TillAccount(shift, name), refusal.Refusal{}, err
}

// post writes the journal of an act. Its reference is unique, because a voucher is sold and ended at most once.
func post(tx Tx, kind ledger.Kind, b Batch, r Range, source ledger.AccountRef, lines []ledger.Posting) (refusal.Refusal, error) {
	j := ledger.Journal{Kind: kind, Ref: fmt.Sprintf("%s %d-%d", b.Name(), r.From, r.To), PostedAt: tx.Moment(), Memo: "vouchers " + r.in(b), Postings: lines}
	var err error
	if j.ID, err = tx.NewID(); err != nil {
		return refusal.Refusal{}, err
	}
	breach, err := tx.Books().Post(j)
	switch {
	case err != nil:
		return refusal.Refusal{}, err
	case breach.Refused() && breach.Account == source:
		return vendor.FloatShort(money.Amount{Minor: lines[0].Amount, Currency: b.Face.Currency}, lines[0].Amount-breach.Short()), nil
	case breach.Refused():
		return refusal.Refusal{}, breach.Err(j)
	}
	return refusal.Refusal{}, nil
}

// End ends vouchers that nobody has redeemed (right: payment.decide; P30). What was paid for them becomes income; a voucher that expired and was
// not ended stays a debt of the utility.
func (vs *Vouchers) End(ctx context.Context, by access.Actor, o OnRange) (once.Done[View], error) {
	o.Reason = strings.TrimSpace(o.Reason)
	out, err := once.Do(ctx, vs.answers, by, access.DecidePayments, o.Request, o.render(), func(tx Tx) (View, refusal.Refusal, error) {
		if no := ofUtility(by); no.Refused() {
			return View{}, no, nil
		}
		b, no, err := o.open(tx)
		if err != nil || no.Refused() {
			return View{}, no, err
		}
		if o.Reason == "" || len(o.Reason) > MaxReason || !utf8.ValidString(o.Reason) {
			return View{}, refuse.VoucherReasonMissing(MaxReason), nil
		}
		counts, err := tx.Vouchers().BatchCounts(b.ID, o.Range)
		if err != nil || counts.Made+counts.Active == 0 {
			return View{}, refuse.VoucherRangeEnded(o.Range.in(b)), err
		}
		eyes, err := access.SecondPerson(tx.Eyes(), by, access.ActRequest{Act: access.ActEndVouchers, Object: b.Name(),
			Summary: fmt.Sprintf("end %d unsold and %d sold vouchers %s: %s", counts.Made, counts.Active, o.Range.in(b), o.Reason), Body: o.body(b),
			Content: []int64{b.Count, int64(b.Face.Minor)},
			Effect: access.Telling(func(e *access.Effect) {
				e.Fact("vouchers", o.Range.in(b))
				e.Fact("unsold", strconv.FormatInt(counts.Made, 10))
				e.Fact("sold", strconv.FormatInt(counts.Active, 10))
				e.Sum("each", b.Face)
				e.Sum("to-income", money.Amount{Minor: b.Face.Minor * money.Minor(counts.Active), Currency: b.Face.Currency})
			})}, tx.Moment())
		if err != nil || eyes.Refused() || eyes.Waits != nil {
			return View{Waits: eyes.Waits}, eyes.Refusal, err
		}
		e := by.Entry(EndedAction, b.Name())
		e.Reason = o.Reason
		return o.end(tx, b, eyes.Mark(e))
	})
	return out, fault.Wrap(err, "end vouchers of batch %s", refusal.Echo(o.Batch))
}

func (o OnRange) end(tx Tx, b Batch, e access.Entry) (View, refusal.Refusal, error) {
	now := tx.Moment()
	unsold, err := tx.Vouchers().MoveVouchers(b.ID, o.Range, Made, Cancelled, time.Time{})
	if err != nil {
		return View{}, refusal.Refusal{}, err
	}
	sold, err := tx.Vouchers().MoveVouchers(b.ID, o.Range, Active, Ended, time.Time{})
	if err != nil {
		return View{}, refusal.Refusal{}, err
	}
	if sold > 0 {
		lines := ledger.VouchersEnded(b.Name(), b.Face.Minor*money.Minor(sold))
		if no, err := post(tx, ledger.VoucherEnded, b, o.Range, ledger.AccountRef{}, lines); err != nil || no.Refused() {
			return View{}, no, err
		}
	}
	e.At, e.After = now, fmt.Sprintf("from=%d to=%d unsold=%d sold=%d amount=%d", o.Range.From, o.Range.To, unsold, sold, int64(b.Face.Minor)*sold)
	if err := tx.AuditLog(e); err != nil {
		return View{}, refusal.Refusal{}, err
	}
	return shown(tx, b)
}

// shown reads the counts of a batch after an act.
func shown(tx Tx, b Batch) (View, refusal.Refusal, error) {
	counts, err := tx.Vouchers().BatchCounts(b.ID, Range{1, b.Count})
	return View{Batch: b, Counts: counts}, refusal.Refusal{}, err
}
