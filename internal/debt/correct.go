package debt

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/unit"
)

// Correction is a version of a tariff that took the place of one that had begun. Its fixed charges are smaller.
type Correction struct {
	Version tariff.Version
	Earlier []tariff.Version // the versions whose place it took, newest first
}

// correctionRef is the reference of the journal that gives an account back what a version charged too much.
func correctionRef(account id.ID, v tariff.Version) string {
	return account.Text(id.Account) + " " + v.ID.Text(id.Version)
}

// sets reports whether the fixed charges that a version brought are those of the correction. Before it is published, they are those of the version
// whose place it will take.
func (c Correction) sets(v tariff.Version) bool {
	return v.ID == c.Version.ID || slices.ContainsFunc(c.Earlier, func(e tariff.Version) bool { return e.ID == v.ID })
}

// lower returns a charge as the correction makes it, and how much of what sales paid the customer gets back. What another account took over, or a
// move-out paid as a debt, counts as charged.
func (d Due) lower(gross money.Minor) (smaller Due, back money.Minor) {
	d.Gross = min(d.Gross, max(gross-d.Moved, 0))
	return d, max(d.Paid-d.Gross, 0)
}

// owedBack is what an account paid too much.
type owedBack struct {
	net, vat money.Minor
	advanced money.Minor // the part of the tax that recharges had paid
}

func (o owedBack) sum() money.Minor { return o.net + o.vat }

// dueChange is a charge that becomes smaller.
type dueChange struct {
	due  Due
	less money.Minor // by how much
	back money.Minor // how much of that was paid
}

// lowerDues returns the charges of an account that the correction makes smaller, and what was paid too much. What a move-out paid of a charge was
// raised as a debt, which stays.
func (c Correction) lowerDues(tx ChargeTx, place AccountDetails, local time.Time, policy registry.ChargePolicy) (all []dueChange, sum owedBack, err error) {
	first := monthOf(c.Version.EffectiveFrom.In(local.Location()))
	have, err := tx.ChargesOf(place.ID, first.Format(localday.MonthForm))
	if err != nil {
		return nil, owedBack{}, err
	}
	a := ChargeAccount{ID: place.ID, Tariff: place.Tariff, Later: place.Later, OpenedAt: place.OpenedAt}
	if !place.ClosedAt.IsZero() {
		a.ClosedAt = lastCharged(place.ClosedAt.In(local.Location()))
	}
	for _, d := range have {
		if !tariff.HasFixed(c.Earlier, d.Name) {
			continue
		}
		gross, sets, err := c.grossOf(tx, a, d, local, policy)
		if err != nil {
			return nil, owedBack{}, err
		}
		smaller, back := d.lower(gross)
		if !sets || smaller == d {
			continue
		}
		vat, err := money.TaxIn(back, d.VATBps)
		if err != nil {
			return nil, owedBack{}, err
		}
		all = append(all, dueChange{smaller, d.Gross - smaller.Gross, back})
		sum.net, sum.vat = sum.net+back-vat, sum.vat+vat
	}
	return all, sum, nil
}

// grossOf returns what a charge is by the correction, and false if another version sets the charges of its month. If the tariff began within the month,
// the largest charge of all its versions counts, because a charge only rises.
func (c Correction) grossOf(tx ChargeTx, a ChargeAccount, d Due, local time.Time, policy registry.ChargePolicy) (money.Minor, bool, error) {
	month, err := time.ParseInLocation(localday.MonthForm, d.Month, local.Location())
	if err != nil {
		return 0, false, fmt.Errorf("charge %s: %w", d.Ref(), err)
	}
	moments, err := a.chargedMoments(nextMonth(month, 0), local, tx.TariffVersionAt)
	var most money.Minor
	found := false
	for _, at := range moments {
		var gross money.Minor
		var sets bool
		if err == nil {
			gross, sets, err = c.grossAt(tx, a, d, month, at, policy)
		}
		most, found = max(most, gross), found || sets
	}
	return most, found, err
}

// chargedMoments returns the moments of a month at which its charges may be set: the present or its end, or each day if no version was in force when the
// month began for the account.
func (a ChargeAccount) chargedMoments(month, local time.Time, at tariff.VersionAt) ([]time.Time, error) {
	begins, end := month, nextMonth(month, 1).Add(-time.Microsecond)
	if opened := a.OpenedAt.In(month.Location()); opened.After(begins) {
		begins = opened
	}
	if local.Before(end) {
		end = local
	}
	_, found, err := a.Later.InForce(a.Tariff, begins, at)
	if err != nil || found {
		return []time.Time{end}, err
	}
	var all []time.Time
	for day := localday.Next(localday.Of(begins)); day.Before(end); day = localday.Next(day) {
		all = append(all, day.Add(-time.Microsecond))
	}
	return append(all, end), nil
}

// grossAt returns what a charge was at a moment by the versions of that moment, and whether one of them is corrected.
func (c Correction) grossAt(tx ChargeTx, a ChargeAccount, d Due, month, at time.Time, policy registry.ChargePolicy) (money.Minor, bool, error) {
	open := a
	open.ClosedAt = time.Time{}
	s, v, err := open.findSpan(nextMonth(month, 0), at, tx.TariffVersionAt)
	if err != nil || s.first == 0 {
		return 0, false, err
	}
	body, sets := v.Body, c.sets(v)
	if sets {
		body = c.Version.Body
	}
	if s, _, err = a.findSpan(nextMonth(month, 0), at, tx.TariffVersionAt); err != nil || s.first == 0 { // it ended before that
		return 0, sets, err
	}
	i := slices.IndexFunc(body.Fixed, func(f tariff.FixedCharge) bool { return f.Name == d.Name })
	if i < 0 {
		return 0, sets, nil
	}
	f := body.Fixed[i]
	last := s.lastDue(f, policy)
	if last < s.first {
		return 0, sets, nil
	}
	gross, err := body.FixedDue(f, s.year, s.month, s.first, last)
	return gross, sets, err
}

// correctDays returns what a wallet was charged too much: each day's journal is compared with the charges of the correction, and what earlier
// corrections of the same version gave back is no longer due. A day whose charge was rounded down to nothing has no journal.
func (c Correction) correctDays(tx Tx, place AccountDetails, zone *time.Location) (out owedBack, err error) {
	day := localday.Of(place.OpenedAt.In(zone))
	if begins := localday.Of(c.Version.EffectiveFrom.In(zone)); begins.After(day) {
		day = begins
	}
	posted, err := tx.Charges().DaysCharged(place.ID, day.Format(time.DateOnly), place.ChargedTo)
	if err != nil {
		return owedBack{}, err
	}
	for ; day.Format(time.DateOnly) <= place.ChargedTo; day = localday.Next(day) {
		begins := day
		if place.OpenedAt.After(begins) {
			begins = place.OpenedAt
		}
		v, found, err := place.Later.InForce(place.Tariff, begins, tx.Charges().TariffVersionAt)
		if err != nil {
			return owedBack{}, err
		}
		if !found || !c.sets(v) {
			continue
		}
		net, vat, _, err := wallet.DayCharges(c.Version.Body, day)
		if err != nil {
			return owedBack{}, err
		}
		was := paidBy(posted[day.Format(time.DateOnly)])
		out.net, out.vat, out.advanced = out.net+was.net-net, out.vat+was.vat-vat, out.advanced+was.advanced
	}
	for _, v := range c.Earlier {
		earlier, found, err := tx.Books().JournalByRef(ledger.ChargeBack, correctionRef(place.ID, v))
		if err != nil {
			return owedBack{}, err
		}
		if found { // with the opposite sign
			was := paidBy(earlier.Postings)
			out.net, out.vat, out.advanced = out.net+was.net, out.vat+was.vat, out.advanced+was.advanced
		}
	}
	out.advanced = min(out.advanced, out.vat)
	return out, nil
}

// paidBy returns the fixed charges in the postings of a journal of a wallet.
func paidBy(posted []ledger.Posting) (o owedBack) {
	for _, p := range posted {
		switch p.Account.Code {
		case ledger.RevenueFixed:
			o.net -= p.Amount
		case ledger.VATPayable:
			o.vat -= p.Amount
		case ledger.VATOnAdvances:
			o.vat, o.advanced = o.vat-p.Amount, o.advanced-p.Amount
		}
	}
	return o
}

const (
	correctJob   = "correct charges" // its period is the identity of the version
	correctBatch = 10                // accounts in one transaction
)

// CorrectCharges makes the fixed charges smaller that a corrected version of a tariff had charged, and gives back what was paid too much (P33). It
// returns how many accounts got money back. It may run on several instances and be cut off anywhere, because an account gets its money and the
// journal that says so in one transaction. An account with a sale under way is left for the next hour: if the sale fails, its payment goes back.
func (ds *Debts) CorrectCharges(ctx context.Context, by access.Actor) (int, error) {
	now, repaid := ds.moment(), 0
	all, err := access.Look(ctx, ds.c.Door, by.Tenant, func(tx Tx) ([]Correction, error) { return openCorrections(tx.Charges(), now) })
	if err != nil {
		return 0, fmt.Errorf("list corrections of tariffs: %w", err)
	}
	for _, c := range all {
		n, err := ds.correctAccounts(ctx, by, c, now)
		repaid += n
		if err != nil {
			return repaid, fmt.Errorf("correct the charges of version %s: %w", c.Version.ID.Text(id.Version), err)
		}
	}
	return repaid, nil
}

// hourOf is the period in which the accounts of a correction are looked at once.
func hourOf(c Correction, now time.Time) string {
	return c.Version.ID.Text(id.Version) + now.UTC().Format(" 2006-01-02T15")
}

// openCorrections lists the corrections of which an account may be left, and which were not looked at in this hour.
func openCorrections(tx ChargeTx, now time.Time) ([]Correction, error) {
	all, err := tx.Corrections()
	if err != nil {
		return nil, err
	}
	var open []Correction
	for _, c := range all {
		done, err := tx.JobDone(correctJob, c.Version.ID.Text(id.Version))
		if err == nil && !done {
			done, err = tx.JobDone(correctJob, hourOf(c, now))
		}
		if err != nil {
			return nil, err
		}
		if !done {
			open = append(open, c)
		}
	}
	return open, nil
}

// correctedBatch is the work of one transaction of CorrectCharges.
type correctedBatch struct {
	last          id.ID
	full          bool
	repaid, later int
}

// Refused is false: a batch refuses nothing.
func (correctedBatch) Refused() bool { return false }

// correctAccounts corrects every account of a tariff, and notes that it did so.
func (ds *Debts) correctAccounts(ctx context.Context, by access.Actor, c Correction, now time.Time) (repaid int, err error) {
	later := 0
	for b := (correctedBatch{full: true}); b.full; {
		b, err = access.Through(ctx, ds.c.Door, by.Tenant, func(tx Tx) (correctedBatch, error) { return ds.correctSome(tx, by, c, b.last, now) })
		if err != nil {
			return repaid, err
		}
		repaid, later = repaid+b.repaid, later+b.later
	}
	period := c.Version.ID.Text(id.Version)
	if later > 0 {
		period = hourOf(c, now)
	}
	err = ds.c.Door.Do(ctx, by.Tenant, func(tx Tx) (bool, error) {
		_, err := tx.Charges().JobRun(correctJob, period)
		return false, err
	})
	return repaid, fault.Wrap(err, "note that charges are corrected")
}

func (ds *Debts) correctSome(tx Tx, by access.Actor, c Correction, after id.ID, now time.Time) (correctedBatch, error) {
	accounts, err := tx.Charges().AccountsEverOn(c.Version.TariffID, after, correctBatch)
	out := correctedBatch{last: after, full: len(accounts) == correctBatch}
	for _, account := range accounts {
		if err != nil {
			break
		}
		var back money.Minor
		var waits bool
		if back, waits, err = ds.correctAccount(tx, by, c, account, now); waits {
			out.later++
		} else if back > 0 {
			out.repaid++
		}
		out.last = account
	}
	return out, err
}

// correctAccount corrects one account, and returns what it gets back; true if it waits for a sale under way.
func (ds *Debts) correctAccount(tx Tx, by access.Actor, c Correction, account id.ID, now time.Time) (back money.Minor, waits bool, err error) {
	place, found, err := tx.AccountPlace(AccountName{ID: account})
	if err == nil && !found {
		err = fmt.Errorf("account %s is missing", account.Text(id.Account))
	}
	if err != nil {
		return 0, false, err
	}
	if _, done, err := tx.Books().JournalByRef(ledger.ChargeBack, correctionRef(account, c.Version)); err != nil || done {
		return 0, false, err
	}
	if waits, err = tx.VendUnderWay(account); err != nil || waits {
		return 0, waits, err
	}
	smaller, over, err := c.findOwedBack(tx, place, now)
	for _, l := range smaller {
		if err == nil {
			err = tx.Charges().ChargeCorrect(l.due, l.back)
		}
	}
	if err != nil || over.sum() <= 0 {
		return 0, false, err
	}
	return over.sum(), false, ds.giveBack(tx, by, c, place, over, now)
}

// findOwedBack returns the charges of an account that become smaller, and what was paid too much.
func (c Correction) findOwedBack(tx Tx, place AccountDetails, now time.Time) (smaller []dueChange, sum owedBack, err error) {
	tz, policy, err := tx.Charges().ChargeTenant()
	if err != nil {
		return nil, owedBack{}, err
	}
	zone, err := zoneOf(tz)
	if err != nil {
		return nil, owedBack{}, err
	}
	switch place.Mode {
	case registry.PrepayToken:
		return c.lowerDues(tx.Charges(), place, now.In(zone), policy)
	case registry.PrepayWallet:
		sum, err = c.correctDays(tx, place, zone)
	}
	return nil, sum, err
}

// CorrectionPlan is what a correction would do now.
type CorrectionPlan struct {
	Accounts int         // that were on the tariff at some time; at most MaxPlanned
	More     bool        // there are more of them, which are not in these figures
	Changed  int         // accounts whose charges become smaller, or that get money back
	Less     money.Minor // what is not paid yet and is not owed any more
	Back     money.Minor // what was paid too much
	Waiting  int         // accounts with a sale under way, which come later
}

// MaxPlanned is the largest number of accounts that a plan of a correction looks at.
const MaxPlanned = 1000

// PlanCorrection returns what a correction would do, which may not be published yet (right: tariff.write). It changes nothing.
func (ds *Debts) PlanCorrection(ctx context.Context, by access.Actor, c Correction) (CorrectionPlan, error) {
	now := ds.moment()
	out, err := access.Look(ctx, ds.c.Door, by.Tenant, func(tx Tx) (p CorrectionPlan, err error) {
		accounts, err := tx.Charges().AccountsEverOn(c.Version.TariffID, id.ID{}, MaxPlanned+1)
		p.More = len(accounts) > MaxPlanned
		for _, account := range accounts[:min(len(accounts), MaxPlanned)] {
			if err == nil {
				err = p.add(tx, c, account, now)
			}
		}
		return p, err
	})
	return out, fault.Wrap(err, "plan the correction of version %d of tariff %q", c.Version.N, c.Version.Name)
}

// add adds what the correction does to an account.
func (p *CorrectionPlan) add(tx Tx, c Correction, account id.ID, now time.Time) error {
	p.Accounts++
	place, _, err := tx.AccountPlace(AccountName{ID: account})
	if err != nil {
		return err
	}
	waits, err := tx.VendUnderWay(account)
	if err != nil {
		return err
	}
	smaller, back, err := c.findOwedBack(tx, place, now)
	if err != nil || len(smaller) == 0 && back.sum() <= 0 {
		return err
	}
	if p.Changed++; waits {
		p.Waiting++
	}
	p.Back += back.sum()
	for _, l := range smaller {
		p.Less += l.less - l.back
	}
	return nil
}

// giveBack books what an account paid too much (P33). What a customer who has moved out still owes is paid first: a wallet may have been charged more
// than was ever paid into it.
func (ds *Debts) giveBack(tx Tx, by access.Actor, c Correction, place AccountDetails, back owedBack, now time.Time) error {
	to, err := receiverOfBack(tx, place, back.sum(), now)
	if err != nil {
		return err
	}
	var paid []ledger.Owed
	if place.Status != registry.AccountActive {
		if paid, err = ds.payOpenClaims(tx, place, back.sum()); err != nil {
			return err
		}
	}
	j := ledger.Journal{Kind: ledger.ChargeBack, Ref: correctionRef(place.ID, c.Version), PostedAt: now, Postings: ledger.ChargesGivenBack(to, back.net, back.vat, paid),
		Memo: fmt.Sprintf("tariff %s version %d", c.Version.Name, c.Version.N)}
	if to.Code == ledger.Wallet {
		if _, err := tx.Wallets().WalletsOf(place.ID); err != nil { // lock the wallets before their ledger accounts, as a reading does
			return err
		}
		if back.advanced > 0 {
			j.Postings = ledger.FromAdvances(j.Postings, -back.advanced)
			if err := tx.Wallets().WalletAdvanced(place.ID, back.advanced); err != nil {
				return err
			}
		}
	}
	if j.ID, err = ledger.Enter(tx.Books(), j); err != nil {
		return err
	}
	if to.Code == ledger.Wallet {
		if _, err := wallet.SettleCredit(tx.Wallets(), place.ID, now); err != nil {
			return err
		}
	}
	e := by.Entry("charge.correct", place.ID.Text(id.Account))
	e.After = fmt.Sprintf("journal=%s version=%s given_back=%d debts=%d to=%s", j.ID.Text(id.Journal), c.Version.ID.Text(id.Version), back.sum(),
		sumOwed(paid), refName(to))
	return tx.AuditLog(e)
}

// payOpenClaims pays what a closed account owes with money that it gets back: the final bill first, also if another account took it over, and then the
// other debts and the charges in the order of a purchase.
func (ds *Debts) payOpenClaims(tx Tx, place AccountDetails, left money.Minor) (paid []ledger.Owed, err error) {
	dues, debts, err := tx.Charges().ChargesOpen(place.ID, allOpen)
	if err != nil {
		return nil, err
	}
	bills, err := finalBillsElsewhere(tx, place.ID)
	if err != nil {
		return nil, err
	}
	var others []claim
	for _, d := range debts {
		if d.Kind == finalBill {
			bills = append(bills, claim{debt: d})
		} else {
			others = append(others, claim{debt: d})
		}
	}
	for _, d := range dues {
		others = append(others, claim{due: d})
	}
	slices.SortStableFunc(others, claim.compareOrder)
	for _, c := range append(bills, others...) {
		if c.paid = min(c.makeCharge().Outstanding, left); c.paid == 0 {
			continue
		}
		d, err := ds.raiseClaim(tx, place, c)
		if err != nil {
			return nil, err
		}
		if err := tx.DebtPay(d.ID, c.paid); err != nil {
			return nil, err
		}
		left -= c.paid
		paid = append(paid, ledger.Owed{Debt: ledger.SubjectOf(d.Account, d.Name()), Amount: c.paid})
	}
	return paid, nil
}

// finalBillsElsewhere finds what is left of the final bill of an account that other accounts took over.
func finalBillsElsewhere(tx Tx, account id.ID) (claims []claim, err error) {
	all, err := tx.DebtPage(account, false, id.ID{}, allOpen)
	for _, d := range all {
		if d.Kind != finalBill || d.MovedTo.IsZero() {
			continue
		}
		for err == nil && !d.MovedTo.IsZero() {
			d, _, err = tx.Debt(d.MovedTo)
		}
		if err != nil {
			break
		}
		if _, _, err = tx.AccountPlace(AccountName{ID: d.Account}); err != nil { // this locks it
			break
		}
		if d, _, err = tx.Debt(d.ID); err == nil && d.Outstanding > 0 {
			claims = append(claims, claim{debt: d})
		}
	}
	return claims, err
}

// sumOwed adds up what was paid of debts.
func sumOwed(paid []ledger.Owed) (sum money.Minor) {
	for _, p := range paid {
		sum += p.Amount
	}
	return sum
}

// mostCarried is the most energy that money given back may buy with the next purchase. A token holds little more than twice as much, and a purchase
// that would buy more is refused.
const mostCarried = unit.Energy(5_000_000)

// receiverOfBack returns where an account gets money back: in its wallet, or with its next purchase. What the next purchase could not use up is due
// back, as is the money of a customer who has moved out, and is paid out as a refund.
func receiverOfBack(tx Tx, place AccountDetails, back money.Minor, now time.Time) (ledger.AccountRef, error) {
	due := ledger.AccountRef{Code: ledger.RefundDue, Subject: place.ID.Text(id.Account)}
	if place.Status != registry.AccountActive {
		return due, nil
	}
	to := goodwillTo(place)
	has, err := tx.Books().Balance(to)
	if err != nil {
		return ledger.AccountRef{}, err
	}
	fits := back-has <= money.MaxMinor
	if to.Code == ledger.Carry && fits {
		v, found, err := place.Later.InForce(place.Tariff, now, tx.Charges().TariffVersionAt)
		if err != nil {
			return ledger.AccountRef{}, err
		}
		if fits = found; found {
			fits, err = v.Body.BuysAtMost(back-has, mostCarried)
		}
		if err != nil {
			return ledger.AccountRef{}, err
		}
	}
	if !fits {
		return due, nil
	}
	return to, nil
}
