package debt

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/wallet"
)

// PaymentBack is money that a payment provider took back after a sale had used its payment.
type PaymentBack struct {
	Account  id.ID
	Provider string
	Payment  string // identity text
	Txn      string // the provider's own name for the payment
	Amount   money.Minor
	Advance  money.Minor // tax that the recharge with this money paid at once; 0 for none
	At       time.Time
}

// kindBack is the kind of a debt for a payment that its provider took back.
const kindBack = "payment taken back"

// backShare is the share of each purchase, in basis points, that pays such a debt. The rest buys energy: a purchase that is smaller than the debt
// would otherwise be refused.
const backShare = 5000

// MaxBacks is how often a provider may take back a part of the same payment.
const MaxBacks = 9

// BackRef returns the reference of the journal of the n-th part of a payment that was taken back, from 1 on.
func BackRef(payment string, n int) string { return payment + "/" + strconv.Itoa(n) }

// PaymentOf returns the payment of a journal that moved its money.
func PaymentOf(ref string) string {
	payment, _, _ := strings.Cut(ref, "/")
	return payment
}

// OweBack makes the customer owe what a provider took back (P31). A wallet pays at once, even below its limit. Any other account gets a debt, of which
// each purchase pays a half. OweBack locks the account; the caller must not have locked the payment before. It returns false if the provider took
// parts of the payment back too often.
func OweBack(tx Tx, b PaymentBack) (bool, error) {
	place, found, err := tx.AccountPlace(AccountName{ID: b.Account})
	if err == nil && !found {
		err = fmt.Errorf("account %s of payment %s is missing", b.Account.Text(id.Account), b.Payment)
	}
	if err != nil {
		return false, err
	}
	before, err := backs(tx.Books(), b.Payment)
	if err != nil || len(before) == MaxBacks {
		return false, err
	}
	j := ledger.Journal{Kind: ledger.TakenBack, Ref: BackRef(b.Payment, len(before)+1), PostedAt: b.At, Memo: b.Provider + " " + b.Txn}
	if place.Mode == registry.PrepayWallet && place.Status == registry.AccountActive {
		return true, oweFromWallet(tx, b, j)
	}
	d := Debt{Account: b.Account, Kind: kindBack, Memo: b.Payment, Principal: b.Amount, Outstanding: b.Amount, Mode: tariff.Percent, Value: backShare, Priority: tariff.DebtPriority,
		Capped: true, Against: "clearing", Status: Open, CreatedAt: b.At}
	if d.ID, err = tx.NewID(); err != nil {
		return false, err
	}
	if err := tx.DebtAdd(d); err != nil {
		return false, err
	}
	owes := ledger.AccountRef{Code: ledger.Debt, Subject: ledger.SubjectOf(b.Account, d.Name())}
	j.Postings = ledger.PaymentTakenBack(owes, b.Provider, b.Amount, 0)
	_, err = ledger.Enter(tx.Books(), j)
	return true, err
}

// oweFromWallet takes the money from the customer's wallet, and decides about the supply again.
func oweFromWallet(tx Tx, b PaymentBack, j ledger.Journal) error {
	if _, err := tx.Wallets().WalletsOf(b.Account); err != nil { // lock the wallets before their ledger accounts, as a reading does
		return err
	}
	owes := ledger.AccountRef{Code: ledger.Wallet, Subject: b.Account.Text(id.Account)}
	j.Postings = ledger.PaymentTakenBack(owes, b.Provider, b.Amount, b.Advance)
	if _, err := ledger.Enter(tx.Books(), j); err != nil {
		return err
	}
	if b.Advance != 0 {
		if err := tx.Wallets().WalletAdvanced(b.Account, -b.Advance); err != nil {
			return err
		}
	}
	_, err := wallet.SettleAccount(tx.Wallets(), b.Account, b.At, true)
	return err
}

// backs reads the journals of what a provider took back of a payment, in order, those that were undone included.
func backs(books ledger.Books, payment string) (all []ledger.Journal, err error) {
	for n := 1; n <= MaxBacks; n++ {
		j, found, err := books.JournalByRef(ledger.TakenBack, BackRef(payment, n))
		if err != nil || !found {
			return all, err
		}
		all = append(all, j)
	}
	return all, nil
}

// BackPaid returns a debt for a payment that was taken back, towards which the customer has paid or which somebody wrote off in part, and true if
// there is one. The account must be locked.
func BackPaid(tx Tx, payment string) (Debt, bool, error) {
	all, err := backs(tx.Books(), payment)
	if err != nil {
		return Debt{}, false, err
	}
	for _, j := range all {
		d, is, err := debtOf(tx, j)
		if err != nil {
			return Debt{}, false, err
		}
		if !is || !d.TakenBack.IsZero() {
			continue
		}
		paid, err := tx.DebtPaid(d)
		if err != nil || paid || d.Outstanding != d.Principal {
			return d, true, err
		}
	}
	return Debt{}, false, nil
}

// UndoBack undoes what a customer owes for a payment, with mirrors of its journals: the sale that used the payment is reversed. The account must be
// locked, and [BackPaid] must find no debt.
func UndoBack(tx Tx, account id.ID, payment string, at time.Time) error {
	all, err := backs(tx.Books(), payment)
	for _, j := range all {
		if err == nil {
			err = undoBack(tx, account, j, at)
		}
	}
	return err
}

func undoBack(tx Tx, account id.ID, j ledger.Journal, at time.Time) error {
	if _, done, err := tx.Books().JournalByRef(ledger.Reversal, ledger.MirrorRef(j.Kind, j.Ref)); err != nil || done {
		return err
	}
	d, is, err := debtOf(tx, j)
	if err != nil {
		return err
	}
	if is {
		ok, err := tx.DebtTakeBack(d, at)
		if err == nil && !ok {
			err = fmt.Errorf("debt %s of a payment that was taken back is paid in part", d.Name())
		}
		if err != nil {
			return err
		}
	}
	breach, err := mirror(tx, j, at)
	if err == nil && breach.Refused() {
		err = breach.Err(j)
	}
	for _, p := range j.Postings {
		if err == nil && p.Account.Code == ledger.VATOnAdvances {
			err = tx.Wallets().WalletAdvanced(account, -p.Amount)
		}
	}
	return err
}

// debtOf returns the debt that a journal raised; false for none.
func debtOf(tx Tx, j ledger.Journal) (Debt, bool, error) {
	for _, p := range j.Postings {
		if p.Account.Code != ledger.Debt {
			continue
		}
		_, name, _ := strings.Cut(p.Account.Subject, ":")
		i, err := id.Parse(id.Debt, name)
		if err != nil {
			return Debt{}, false, fmt.Errorf("debt of journal %s: %w", j.Ref, err)
		}
		return tx.Debt(i)
	}
	return Debt{}, false, nil
}
