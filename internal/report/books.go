package report

import (
	"context"
	"encoding/binary"
	"strconv"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
)

// BookTx is the part of a transaction that reading the books needs.
type BookTx interface {
	// LedgerAccounts lists up to max accounts with their balances, in the order of opening, after the account with the given number. The
	// parameter code selects the accounts of one code; 0 selects all.
	LedgerAccounts(code ledger.Code, after int64, max int) ([]Account, error)
	// BalanceAt returns the signed balance of an account with all its postings up to a time.
	BalanceAt(ref ledger.AccountRef, at time.Time) (money.Minor, error)
	// JournalsBetween lists journals that were posted in a period, in the order of their identities, after the given one.
	JournalsBetween(from, to time.Time, after id.ID, max int) ([]ledger.Journal, error)
	// VendNumbered returns the sale with a receipt number, or the zero identity.
	VendNumbered(receiptNo string) (id.ID, error)
	// Journals lists journals, newest first. It begins after the given journal, or with the newest if it is zero.
	Journals(f JournalFilter, before id.ID, max int) ([]ledger.Journal, error)
}

// Account is a ledger account with its balance.
type Account struct {
	N       int64 // dense number
	Ref     ledger.AccountRef
	Balance money.Minor // a debit balance is positive
	Held    money.Minor // the reserved part of the balance
}

// Accounts is one page of ledger accounts.
type Accounts struct {
	refusal.Refusal
	Currency string
	Accounts []Account
	Next     string
}

// The names of the lists that cursors belong to.
const (
	listAccounts = "ledger-accounts"
	listJournals = "journals"
)

// Accounts lists ledger accounts with their balances (right: ledger.read); code 0 lists all.
func (r *Reports) Accounts(ctx context.Context, by access.Actor, code ledger.Code, page registry.Page) (Accounts, error) {
	if no := by.Needs(access.ReadLedger); no.Refused() {
		return Accounts{Refusal: no}, nil
	}
	after, max, no := page.Read(r.hasher, by.Tenant, listAccounts)
	if no.Refused() {
		return Accounts{Refusal: no}, nil
	}
	out, err := access.Look(ctx, r.door, by.Tenant, func(tx Tx) (Accounts, error) {
		currency, _, err := tx.Currency()
		if err != nil {
			return Accounts{}, err
		}
		rows, err := tx.LedgerAccounts(code, int64(binary.BigEndian.Uint64(after[8:])), max+1)
		out := Accounts{Currency: currency}
		out.Accounts, out.Next = registry.Cut(rows, max, r.hasher, by.Tenant, listAccounts, func(a Account) (number id.ID) {
			binary.BigEndian.PutUint64(number[8:], uint64(a.N))
			return number
		})
		return out, err
	})
	return out, fault.Wrap(err, "list ledger accounts")
}

// Balance is an account's balance at a time.
type Balance struct {
	refusal.Refusal
	Currency string
	Ref      ledger.AccountRef
	At       time.Time
	Balance  money.Minor // a debit balance is positive
}

// BalanceAt returns the balance of an account at any past time (right: ledger.read). An account without postings has the balance 0.
func (r *Reports) BalanceAt(ctx context.Context, by access.Actor, ref ledger.AccountRef, at time.Time) (Balance, error) {
	if no := by.Needs(access.ReadLedger); no.Refused() {
		return Balance{Refusal: no}, nil
	}
	if _, known := ledger.Find(ref.Code); !known {
		return Balance{Refusal: refuse.LedgerCodeUnknown(strconv.Itoa(int(ref.Code)))}, nil
	}
	out, err := access.Look(ctx, r.door, by.Tenant, func(tx Tx) (Balance, error) {
		currency, _, err := tx.Currency()
		if err != nil {
			return Balance{}, err
		}
		if no, err := hasSubjects(tx, ref); err != nil || no.Refused() {
			return Balance{Refusal: no}, err
		}
		balance, err := tx.BalanceAt(ref, at)
		return Balance{Currency: currency, Ref: ref, At: at, Balance: balance}, err
	})
	return out, fault.Wrap(err, "balance of account %d", ref.Code)
}

// hasSubjects refuses a request that names no subject (a till, customer or levy), if the account code has a separate
// balance for each subject.
func hasSubjects(tx Tx, ref ledger.AccountRef) (refusal.Refusal, error) {
	if ref.Subject != "" {
		return refusal.Refusal{}, nil
	}
	first, err := tx.LedgerAccounts(ref.Code, 0, 1)
	if err != nil || len(first) == 0 || first[0].Ref.Subject == "" {
		return refusal.Refusal{}, err
	}
	line, _ := ledger.Find(ref.Code)
	return refuse.LedgerSubjectMissing(strconv.Itoa(int(ref.Code)), line.Path, first[0].Ref.Subject), nil
}

// JournalFilter selects journals; the zero value selects all.
type JournalFilter struct {
	Account *ledger.AccountRef // journals with a line on this account
	Ref     string             // journals of one operation, such as a sale or a debt; a sale's receipt number does, too
}

// Journals is one page of journals.
type Journals struct {
	refusal.Refusal
	Currency string
	Journals []ledger.Journal
	Next     string
}

// Journals lists journals with their lines, newest first (right: ledger.read). It shows the entries behind any figure of the books.
func (r *Reports) Journals(ctx context.Context, by access.Actor, f JournalFilter, page registry.Page) (Journals, error) {
	if no := by.Needs(access.ReadLedger); no.Refused() {
		return Journals{Refusal: no}, nil
	}
	before, max, no := page.Read(r.hasher, by.Tenant, listJournals)
	if no.Refused() {
		return Journals{Refusal: no}, nil
	}
	if f.Account != nil {
		if _, known := ledger.Find(f.Account.Code); !known {
			return Journals{Refusal: refuse.LedgerCodeUnknown(strconv.Itoa(int(f.Account.Code)))}, nil
		}
	}
	out, err := access.Look(ctx, r.door, by.Tenant, func(tx Tx) (Journals, error) {
		currency, _, err := tx.Currency()
		if err != nil {
			return Journals{}, err
		}
		if f.Ref != "" {
			sold, err := sale.Named(tx, f.Ref)
			if err != nil {
				return Journals{}, err
			}
			if !sold.IsZero() {
				f.Ref = sold.Text(id.Vend)
			}
		}
		rows, err := tx.Journals(f, before, max+1)
		out := Journals{Currency: currency}
		out.Journals, out.Next = registry.Cut(rows, max, r.hasher, by.Tenant, listJournals, func(j ledger.Journal) id.ID { return j.ID })
		return out, err
	})
	return out, fault.Wrap(err, "list journals")
}
