package voucher

import (
	"context"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/voucherpin"
)

// Issue is one issue of the codes of a range: by its sale, or again because they were lost. The codes are stored nowhere. They are a keyed hash of the
// issue and the voucher, so the server can compute them again, and whoever reads the database without the data key learns nothing about them.
type Issue struct {
	ID      id.ID
	Batch   id.ID
	Number  int64 // counts the issues of the batch
	Range   Range
	At      time.Time
	By      string       // who sold the vouchers, or asked for new codes
	ShownTo access.Trace // who saw the codes
	Reason  string       // why codes were issued again; empty for a sale
	Proof   []byte       // tells which data key made the codes
}

// Coded is a voucher with its code.
type Coded struct {
	Serial string
	Code   access.Secret
}

const (
	codeContext  = "voucher-code"
	proofContext = "voucher-code-proof"
)

// codeOf computes the code that an issue gave a voucher of its batch.
func (vs *Vouchers) codeOf(i Issue, n int64) (string, error) {
	key := slices.IndexFunc(sale.KeyedHashes(vs.c.Sealer, proofContext, i.ID[:]), func(h []byte) bool { return subtle.ConstantTimeCompare(h, i.Proof) == 1 })
	if key < 0 {
		return "", fmt.Errorf("no data key has made the codes of issue %d of batch %s", i.Number, i.Batch.Text(id.VoucherBatch))
	}
	hashes := sale.KeyedHashes(vs.c.Sealer, codeContext, binary.BigEndian.AppendUint64(i.ID[:], uint64(n)))
	return voucherpin.Code(binary.BigEndian.Uint64(hashes[key]) % voucherpin.Codes), nil
}

// hasCode reports whether somebody wrote the code of a voucher. A voucher whose batch requires no code has every code.
func (vs *Vouchers) hasCode(tx Tx, b Batch, v Voucher, written string) (bool, error) {
	if !b.RequiresCode {
		return true, nil
	}
	i, found, err := tx.Vouchers().IssueByNumber(b.ID, v.Issue)
	if err != nil || !found {
		return false, err
	}
	code, err := vs.codeOf(i, v.N)
	return subtle.ConstantTimeCompare([]byte(code), []byte(written)) == 1, err
}

// codesOf returns the codes that issues gave vouchers.
func (vs *Vouchers) codesOf(b Batch, of []Voucher, issues []Issue) (out []Coded, err error) {
	for _, v := range of {
		at := slices.IndexFunc(issues, func(i Issue) bool { return i.Number == v.Issue })
		if at < 0 {
			return nil, fmt.Errorf("voucher %s has a code of issue %d, which is missing", b.Serial(v.N), v.Issue)
		}
		code, err := vs.codeOf(issues[at], v.N)
		if err != nil {
			return nil, err
		}
		out = append(out, Coded{b.Serial(v.N), access.SecretOf(voucherpin.GroupedCode(code))})
	}
	return out, nil
}

// issuesOf reads the issues of the codes that vouchers have now, each once.
func issuesOf(tx Tx, b Batch, of []Voucher) (out []Issue, err error) {
	for _, v := range of {
		if v.Issue == 0 || slices.ContainsFunc(out, func(i Issue) bool { return i.Number == v.Issue }) {
			continue
		}
		i, found, err := tx.Vouchers().IssueByNumber(b.ID, v.Issue)
		if err == nil && !found {
			err = fmt.Errorf("issue %d of the codes of batch %s is missing", v.Issue, b.Name())
		}
		if err != nil {
			return nil, err
		}
		out = append(out, i)
	}
	return out, nil
}

// issueTo issues the codes of a range whose vouchers were sold, and returns those of the active ones for the one who may see them. Codes that they had
// before end.
func (vs *Vouchers) issueTo(tx Tx, b Batch, i Issue, shownTo access.Actor) ([]Coded, error) {
	var err error
	if i.ID, err = tx.NewID(); err != nil {
		return nil, err
	}
	i.Batch, i.At, i.ShownTo = b.ID, tx.Moment(), access.TraceOf(shownTo)
	i.Proof = vs.c.Sealer.Hash(proofContext, i.ID[:])
	if err := tx.Vouchers().AddIssue(&i); err != nil {
		return nil, err
	}
	all, err := tx.Vouchers().VouchersOf(b.ID, i.Range)
	if err != nil {
		return nil, err
	}
	return vs.codesOf(b, active(all), []Issue{i})
}

// active returns the vouchers that can be redeemed.
func active(all []Voucher) []Voucher {
	return slices.DeleteFunc(slices.Clone(all), func(v Voucher) bool { return v.State != Active })
}

// mayKnowCodes refuses everybody who may know the PINs of a batch, where four eyes apply: with the codes too, one person could redeem what others have
// paid for.
func mayKnowCodes(tx Tx, by access.Actor, b Batch) (refusal.Refusal, error) {
	bound, err := access.FourEyesBind(tx.Eyes(), access.DecidePayments)
	if err != nil || !bound {
		return refusal.Refusal{}, err
	}
	apart, err := access.Trace{Name: b.TakenBy, Self: b.TakenSelf}.Apart(tx.Eyes(), by)
	if err != nil || apart {
		return refusal.Refusal{}, err
	}
	return refuse.VoucherCodesOfPinTaker(access.PlainName(b.TakenBy), b.Name(), access.PlainName(by.String())), nil
}

// mayTakePINs refuses to show the PINs of a batch with codes to somebody whom nobody knows, where four eyes apply: nobody could sell its vouchers,
// because the seller may be the same person.
func mayTakePINs(tx Tx, by access.Actor, b Batch) (refusal.Refusal, error) {
	if !b.RequiresCode {
		return refusal.Refusal{}, nil
	}
	bound, err := access.FourEyesBind(tx.Eyes(), access.DecidePayments)
	if err != nil || !bound {
		return refusal.Refusal{}, err
	}
	anybody, err := access.AnybodyBehind(tx.Eyes(), by)
	if err != nil || !anybody {
		return refusal.Refusal{}, err
	}
	return refuse.VoucherPinsByNobody(access.PlainName(by.String())), nil
}

// CodeList has the codes of vouchers that were sold and not redeemed.
type CodeList struct {
	refusal.Refusal
	Batch Batch
	Range Range
	Codes []Coded
}

// Codes shows the codes of a range again to the one who has seen them, for the receipt of the sale (right: vend.sell). The audit log names who saw
// them again. A batch that requires no codes has none to show.
func (vs *Vouchers) Codes(ctx context.Context, by access.Actor, o OnRange) (CodeList, error) {
	if no := by.Needs(access.Sell); no.Refused() {
		return CodeList{Refusal: no}, nil
	}
	out, err := access.Through(ctx, vs.c.Door, by.Tenant, func(tx Tx) (CodeList, error) {
		b, no, err := o.open(tx)
		if err != nil || no.Refused() {
			return CodeList{Refusal: no}, err
		}
		if !b.RequiresCode {
			return CodeList{Batch: b, Range: o.Range}, nil
		}
		all, issues, no, err := coded(tx, b, o.Range)
		if err != nil || no.Refused() {
			return CodeList{Refusal: no}, err
		}
		for _, i := range issues {
			if !i.ShownTo.Left(by) {
				return CodeList{Refusal: refuse.VoucherCodesOfOther(o.Range.in(b), access.PlainName(i.ShownTo.Name))}, nil
			}
		}
		if no, err := mayKnowCodes(tx, by, b); err != nil || no.Refused() {
			return CodeList{Refusal: no}, err
		}
		codes, err := vs.codesOf(b, active(all), issues)
		if err != nil {
			return CodeList{}, err
		}
		e := by.Entry("voucher.codes", b.Name())
		e.At, e.After = tx.Moment(), fmt.Sprintf("from=%d to=%d", o.Range.From, o.Range.To)
		return CodeList{Batch: b, Range: o.Range, Codes: codes}, tx.AuditLog(e)
	})
	return out, fault.Wrap(err, "show the codes of vouchers of batch %s", refusal.Echo(o.Batch))
}

// coded reads the vouchers of a range with the issues of their codes. It refuses a range in which one was not sold, or in which none can be redeemed.
func coded(tx Tx, b Batch, r Range) ([]Voucher, []Issue, refusal.Refusal, error) {
	if !b.RequiresCode {
		return nil, nil, refuse.VoucherWithoutCodes(b.Name()), nil
	}
	all, err := tx.Vouchers().VouchersOf(b.ID, r)
	if err != nil {
		return nil, nil, refusal.Refusal{}, err
	}
	sold := slices.DeleteFunc(slices.Clone(all), func(v Voucher) bool { return v.SoldAt.IsZero() })
	live := active(all)
	if int64(len(sold)) != r.count() || len(live) == 0 {
		return nil, nil, refuse.VoucherRangeNotSold(r.in(b), strconv.Itoa(len(sold)), strconv.FormatInt(r.count(), 10), strconv.Itoa(len(live))), nil
	}
	issues, err := issuesOf(tx, b, all)
	return all, issues, refusal.Refusal{}, err
}

// Reissue gives sold vouchers new codes because the receipt with the old ones is lost (right: payment.decide). The old codes end. Where four eyes
// apply, the second person sees the new codes and gives them to the buyer, and the one who asks does not see them. Neither may be the one who took
// the PINs.
func (vs *Vouchers) Reissue(ctx context.Context, by access.Actor, o OnRange) (once.Done[View], error) {
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
		all, issues, no, err := coded(tx, b, o.Range)
		if err != nil || no.Refused() {
			return View{}, no, err
		}
		if no, err := mayKnowCodes(tx, by, b); err != nil || no.Refused() {
			return View{}, no, err
		}
		count := len(active(all))
		eyes, err := access.SecondPerson(tx.Eyes(), by, access.ActRequest{Act: access.ActReissueCodes, Object: b.Name(),
			Summary: fmt.Sprintf("issue the codes of %d vouchers %s again: %s", count, o.Range.in(b), o.Reason), Body: o.body(b),
			NotBy: func(checker access.Actor) (refusal.Refusal, error) { return mayKnowCodes(tx, checker, b) },
			Effect: access.Telling(func(e *access.Effect) {
				e.Fact("vouchers", o.Range.in(b))
				e.Fact("new-codes", strconv.Itoa(count))
				e.Sum("each", b.Face)
				e.Sum("together", money.Amount{Minor: b.Face.Minor * money.Minor(count), Currency: b.Face.Currency})
				for _, i := range issues {
					e.Fact(i.fact(), access.PlainName(i.ShownTo.Name)+", "+i.At.UTC().Format(time.RFC3339)+", "+i.Range.in(b))
				}
				e.Fact("pins-taken-by", access.PlainName(b.TakenBy))
			})}, tx.Moment())
		if err != nil || eyes.Refused() || eyes.Waits != nil {
			return View{Waits: eyes.Waits}, eyes.Refusal, err
		}
		return vs.reissue(tx, by, b, o, eyes)
	})
	return out, fault.Wrap(err, "issue the codes of vouchers of batch %s again", refusal.Echo(o.Batch))
}

// fact is the name of the figure that tells an approver who has seen codes.
func (i Issue) fact() string {
	if i.Reason == "" {
		return "sold-by"
	}
	return "issued-again-to"
}

// reissue issues codes again, after the decision about the second person.
func (vs *Vouchers) reissue(tx Tx, by access.Actor, b Batch, o OnRange, eyes access.FourEyes) (View, refusal.Refusal, error) {
	shownTo := by
	if eyes.Checker != "" {
		shownTo = eyes.Allowed
	}
	codes, err := vs.issueTo(tx, b, Issue{Range: o.Range, By: by.String(), Reason: o.Reason}, shownTo)
	if err != nil {
		return View{}, refusal.Refusal{}, err
	}
	e := by.Entry("voucher.reissue", b.Name())
	e.At, e.Reason, e.After = tx.Moment(), o.Reason, fmt.Sprintf("from=%d to=%d codes=%d", o.Range.From, o.Range.To, len(codes))
	if err := tx.AuditLog(eyes.Mark(e)); err != nil {
		return View{}, refusal.Refusal{}, err
	}
	v, no, err := shown(tx, b)
	v.Codes, v.Issued = codes, o.Range
	return v, no, err
}
