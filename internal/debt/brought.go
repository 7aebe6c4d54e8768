package debt

import (
	"fmt"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/wallet"
)

// Row says that an entry is a row of an imported file. A file is allowed as a whole, and then its rows are booked one by one.
type Row struct {
	Approved bool // a second person approved the file. Otherwise the ceilings of each account bind.
}

// allowed counts a row under the ceilings of its account.
func (r *Row) allowed(tx Tx, by access.Actor, act access.Act, what access.Takes, now time.Time) (access.FourEyes, error) {
	if r.Approved {
		return access.FourEyes{}, nil
	}
	by.Approval = id.ID{}
	return access.SecondPerson(tx.Eyes(), by, access.ActRequest{Act: act, Takes: what}, now)
}

// MayPost returns a refusal if the server's clock must not date an entry now.
func (ds *Debts) MayPost(tx Tx) (refusal.Refusal, error) {
	_, no, err := ds.c.MayDate(tx)
	return no, err
}

// BookRow raises a debt from a row of a file, in a transaction of the caller (P12). The caller has checked the right debt.write, and whether
// the file needs a second person.
func (ds *Debts) BookRow(tx Tx, by access.Actor, n NewDebt, r Row) (Booking, refusal.Refusal, error) {
	name, no := n.normal()
	if no.Refused() {
		return Booking{}, no, nil
	}
	if no, err := ds.MayPost(tx); err != nil || no.Refused() {
		return Booking{}, no, err
	}
	n.row = &r
	return ds.addDebt(tx, by, n, name)
}

// OpeningBalance is a balance that a customer had in another system.
type OpeningBalance struct {
	Account string // identity of the account, or a meter that supplies it
	Amount  money.Amount
	Memo    string
}

// BringBalance books an opening balance, in a transaction of the caller (P27). An account gets one, and only before any other money moved on
// it, so nobody can pass off a gift as an old balance later. The caller has checked the right ledger.adjust, and whether the file needs a
// second person.
func (ds *Debts) BringBalance(tx Tx, by access.Actor, b OpeningBalance, r Row) (ledger.Journal, refusal.Refusal, error) {
	b.Memo = strings.TrimSpace(b.Memo)
	name, no := accountName(b.Account)
	switch {
	case no.Refused():
	case b.Amount.Minor <= 0:
		no = refuse.BookingNotPositive()
	case !access.OneLine(b.Memo, maxMemo):
		no = refuse.DebtMemoOfWrongForm(maxMemo)
	default:
		no = checkAmount(b.Amount)
	}
	if no.Refused() {
		return ledger.Journal{}, no, nil
	}
	no, err := ds.MayPost(tx)
	if err != nil || no.Refused() {
		return ledger.Journal{}, no, err
	}
	place, no, err := ds.untouched(tx, name, b)
	if err != nil || no.Refused() {
		return ledger.Journal{}, no, err
	}
	now := ds.moment()
	eyes, err := r.allowed(tx, by, access.ActImportedCredit, takes(b.Amount.Minor, place.ID), now)
	if err != nil || eyes.Refused() {
		return ledger.Journal{}, eyes.Refusal, err
	}
	to := goodwillTo(place)
	j := ledger.Journal{Kind: ledger.BroughtIn, PostedAt: now, Memo: b.Memo, Postings: ledger.BalanceBrought(to, b.Amount.Minor)}
	if j.ID, err = tx.NewID(); err != nil {
		return ledger.Journal{}, refusal.Refusal{}, err
	}
	j.Ref = j.ID.Text(id.Journal)
	if err := ds.postOn(tx, place.ID, j); err != nil {
		return ledger.Journal{}, refusal.Refusal{}, err
	}
	e := by.Entry("account.opening", place.ID.Text(id.Account))
	e.After = fmt.Sprintf("journal=%s amount=%q", j.Ref, b.Amount)
	e.Reason = b.Memo
	return j, refusal.Refusal{}, tx.AuditLog(eyes.Mark(e))
}

// untouched finds an account on which no money has moved yet.
func (ds *Debts) untouched(tx Tx, name AccountName, b OpeningBalance) (AccountDetails, refusal.Refusal, error) {
	place, no, err := findAccount(tx, name, b.Account)
	if err == nil && !no.Refused() {
		no, err = ownCurrency(tx, b.Amount)
	}
	if err != nil || no.Refused() {
		return place, no, err
	}
	account := place.ID.Text(id.Account)
	if place.Status != registry.AccountActive {
		return place, refuse.AccountTakesNoMoney(account, place.Status), nil
	}
	has, err := tx.Books().Balance(goodwillTo(place))
	if err != nil {
		return place, refusal.Refusal{}, err
	}
	moved, err := tx.AccountMoved(place.ID)
	if err == nil && (moved || has != 0) {
		no = refuse.OpeningAfterMoney(account)
	}
	return place, no, err
}

// postOn posts a journal with a line on the wallet or carry of an account, and settles the wallet.
func (ds *Debts) postOn(tx Tx, account id.ID, j ledger.Journal) error {
	isWallet := false
	for _, p := range j.Postings {
		isWallet = isWallet || p.Account.Code == ledger.Wallet
	}
	if isWallet { // lock the wallets before their ledger accounts, in the same order as a reading does
		if _, err := tx.Wallets().WalletsOf(account); err != nil {
			return err
		}
	}
	breach, err := tx.Books().Post(j)
	if err == nil && breach.Refused() {
		err = breach.Err(j)
	}
	if err == nil && isWallet {
		_, err = wallet.SettleCredit(tx.Wallets(), account, j.PostedAt)
	}
	return err
}

// TakeBackDebt undoes a debt that nobody has paid anything towards, with the mirror of its journal, in a transaction of the caller.
func (ds *Debts) TakeBackDebt(tx Tx, by access.Actor, debt id.ID, r Row) (refusal.Refusal, error) {
	if no, err := ds.MayPost(tx); err != nil || no.Refused() {
		return no, err
	}
	d, no, err := findDebt(tx, debt.Text(id.Debt))
	if err != nil || no.Refused() {
		return no, err
	}
	paid, err := tx.DebtPaid(d)
	if err != nil {
		return refusal.Refusal{}, err
	}
	if paid || d.Outstanding != d.Principal {
		return refuse.DebtUsedSince(d.Name()), nil
	}
	now := ds.moment()
	eyes, err := r.allowed(tx, by, access.ActImportedCredit, takes(d.Principal, d.Account), now)
	if err != nil || eyes.Refused() {
		return eyes.Refusal, err
	}
	j, found, err := tx.Books().JournalByRef(ledger.Raised, d.Name())
	if err == nil && !found {
		err = fmt.Errorf("debt %s has no journal", d.Name())
	}
	if err != nil {
		return refusal.Refusal{}, err
	}
	ok, err := tx.DebtTakeBack(d, now)
	if err == nil && !ok {
		err = fmt.Errorf("debt %s has less outstanding than was read under its lock", d.Name())
	}
	if err != nil {
		return refusal.Refusal{}, err
	}
	breach, err := mirror(tx, j, now)
	if err == nil && breach.Refused() {
		err = breach.Err(j)
	}
	if err != nil {
		return refusal.Refusal{}, err
	}
	e := by.Entry("debt.take-back", d.Name())
	e.Before = fmt.Sprintf("outstanding_minor=%d", d.Principal)
	return refusal.Refusal{}, tx.AuditLog(eyes.Mark(e))
}

// TakeBackBalance undoes an opening balance that was not used, with the mirror of its journal, in a transaction of the caller.
func (ds *Debts) TakeBackBalance(tx Tx, by access.Actor, journal id.ID) (refusal.Refusal, error) {
	if no, err := ds.MayPost(tx); err != nil || no.Refused() {
		return no, err
	}
	j, found, err := tx.Journal(journal)
	if err == nil && !found {
		err = fmt.Errorf("opening balance %s has no journal", journal.Text(id.Journal))
	}
	if err != nil {
		return refusal.Refusal{}, err
	}
	to := j.Postings[len(j.Postings)-1].Account
	account, err := id.Parse(id.Account, to.Subject)
	if err != nil {
		return refusal.Refusal{}, err
	}
	place, no, err := findAccount(tx, AccountName{ID: account}, to.Subject) // this locks it
	if err != nil || no.Refused() {
		return no, err
	}
	now := ds.moment()
	if to.Code == ledger.Wallet { // what was used and not booked yet is booked first
		if _, err := wallet.SettleAccount(tx.Wallets(), account, now, true); err != nil {
			return refusal.Refusal{}, err
		}
	}
	moved, err := tx.AccountMoved(account)
	if err != nil || moved {
		return place.RefuseBroughtBack(), err
	}
	breach, err := mirror(tx, j, now)
	if err != nil || breach.Refused() { // somebody must have used it
		return place.RefuseBroughtBack(), err
	}
	if to.Code == ledger.Wallet {
		if _, err := wallet.SettleAccount(tx.Wallets(), account, now, true); err != nil {
			return refusal.Refusal{}, err
		}
	}
	e := by.Entry("account.opening-back", to.Subject)
	e.Before = fmt.Sprintf("journal=%s amount_minor=%d", j.Ref, j.Postings[0].Amount)
	return refusal.Refusal{}, tx.AuditLog(e)
}

// ImportedEntry is a debt or an opening balance that an import made.
type ImportedEntry struct {
	Amount   money.Minor
	For      string
	Meter    string // numbers of the meters of its account, or the account's identity if it has none
	Customer string
	Phone    string // of the customer
}

// ImportedEntry reads what an import made: a debt by its identity, or else an opening balance by its journal.
func (ds *Debts) ImportedEntry(tx Tx, made id.ID, isDebt bool) (b ImportedEntry, err error) {
	var account id.ID
	if isDebt {
		d, _, err := tx.Debt(made)
		if err != nil {
			return b, err
		}
		b.Amount, b.For, account = d.Principal, strings.TrimSpace(d.Kind+" "+d.Memo), d.Account
	} else {
		j, found, err := tx.Journal(made)
		if err != nil || !found {
			return b, err
		}
		last := j.Postings[len(j.Postings)-1]
		b.Amount, b.For = -last.Amount, j.Memo
		if account, err = id.Parse(id.Account, last.Account.Subject); err != nil {
			return b, fmt.Errorf("read opening balance %s: %w", made.Text(id.Journal), err)
		}
	}
	place, _, err := tx.AccountPlace(AccountName{ID: account})
	b.Meter, b.Customer, b.Phone = strings.Join(place.Meters, ", "), place.Customer.Name, place.Customer.Phone
	if b.Meter == "" { // else the rows of all such accounts would count as those of one
		b.Meter = account.Text(id.Account)
	}
	return b, err
}

// mirror posts the mirror of a journal.
func mirror(tx Tx, j ledger.Journal, now time.Time) (ledger.Breach, error) {
	n, err := tx.NewID()
	if err != nil {
		return ledger.Breach{}, err
	}
	back, err := ledger.Mirror(j, n, now, ledger.MirrorRef(j.Kind, j.Ref), j.Memo)
	if err != nil {
		return ledger.Breach{}, err
	}
	return tx.Books().Post(back)
}

// RefuseBroughtBack refuses to take back an opening balance that was used. Only the customer of a prepaid account that is open can move out instead.
func (a AccountDetails) RefuseBroughtBack() refusal.Refusal {
	if a.Mode == registry.Postpay || a.Status != registry.AccountActive {
		return refuse.BalanceUsedSinceStays(a.ID.Text(id.Account))
	}
	return refuse.BalanceUsedSince(a.ID.Text(id.Account))
}
