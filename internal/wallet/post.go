package wallet

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/unit"
)

// Span is the use that a journal charges for. It is written in the journal's memo, and so in the sealed log. The spans of a meter are
// numbered without a gap and follow each other in time, and their energy sums to all energy that was rated and posted.
type Span struct {
	Units    unit.Energy
	Register unit.Energy // register at its end
	From, To time.Time   // times by the meter's clock
	Test     bool        // the meter is simulated
}

// testMark ends the memo of a journal for a simulated meter.
const testMark = " TEST"

// String returns the memo: "1000 Wh to 121433 from 2026-11-20T08:00:00Z to 2026-11-20T09:00:00Z".
func (s Span) String() string {
	text := fmt.Sprintf("%d Wh to %d from %s to %s", s.Units, s.Register, s.From.UTC().Format(time.RFC3339), s.To.UTC().Format(time.RFC3339))
	if s.Test {
		text += testMark
	}
	return text
}

// ParseSpan reads the memo of a journal of use. It returns false for any other text.
func ParseSpan(memo string) (s Span, ok bool) {
	memo, s.Test = strings.CutSuffix(memo, testMark)
	f := strings.Fields(memo)
	if len(f) != 8 || f[1] != "Wh" || f[2] != "to" || f[4] != "from" || f[6] != "to" {
		return Span{}, false
	}
	units, err1 := strconv.ParseInt(f[0], 10, 64)
	register, err2 := strconv.ParseInt(f[3], 10, 64)
	var err3, err4 error
	s.From, err3 = time.Parse(time.RFC3339, f[5])
	s.To, err4 = time.Parse(time.RFC3339, f[7])
	s.Units, s.Register = unit.Energy(units), unit.Energy(register)
	return s, err1 == nil && err2 == nil && err3 == nil && err4 == nil
}

// UseRef returns the reference of a meter's nth journal of use. No two journals have the same reference, so nothing is posted twice.
func UseRef(meter id.ID, n int64) string {
	return meter.Text(id.Meter) + "/" + strconv.FormatInt(n, 10)
}

// ParseUseRef reads a reference that UseRef wrote.
func ParseUseRef(ref string) (meter id.ID, n int64, ok bool) {
	name, number, found := strings.Cut(ref, "/")
	meter, err := id.Parse(id.Meter, name)
	n, wrong := strconv.ParseInt(number, 10, 64)
	return meter, n, found && err == nil && wrong == nil
}

// Entry returns the journal of a meter's accrued use (P16 of docs/reference/postings.md), and the state after it. [tariff.Body.SplitUse]
// splits each version's part, with tax rounded half up once per journal. If nothing is accrued, there is no journal.
func Entry(s State, m MeterFacts, version func(id.ID) (tariff.Version, error), now time.Time) (State, ledger.Journal, error) {
	s.SettledAt = now
	if s.Accrued == 0 {
		return s, ledger.Journal{}, nil
	}
	var net, vat money.Minor
	var levies []ledger.Posting
	for _, p := range s.Parts {
		v, err := version(p.Version)
		if err != nil {
			return s, ledger.Journal{}, err
		}
		split, err := v.Body.SplitUse(p.Debit, p.Parts)
		if err != nil {
			return s, ledger.Journal{}, err
		}
		net, vat = net+split.Net, vat+split.VAT
		for _, l := range split.Levies {
			levies = addTo(levies, ledger.AccountRef{Code: ledger.LevyPayable, Subject: l.Levy.Name}, -l.Amount)
		}
	}
	j := ledger.Journal{Kind: ledger.Usage, Ref: UseRef(m.ID, s.Posted+1), PostedAt: now,
		Memo:     Span{Units: s.Total() - s.PostedWh, Register: s.Register, From: s.PostedTo, To: s.At, Test: m.Simulated}.String(),
		Postings: ledger.WalletUsed(m.Account.Text(id.Account), net, vat, false, levies...)}
	s.Posted, s.PostedWh, s.PostedTo = s.Posted+1, s.Total(), s.At
	s.Accrued, s.Parts = 0, nil
	return s, j, nil
}

func addTo(lines []ledger.Posting, a ledger.AccountRef, amount money.Minor) []ledger.Posting {
	if amount == 0 {
		return lines
	}
	if i := slices.IndexFunc(lines, func(p ledger.Posting) bool { return p.Account == a }); i >= 0 {
		lines[i].Amount += amount
		return lines
	}
	return append(lines, ledger.Posting{Account: a, Amount: amount})
}
