// Package ledger holds the rules of the books: the chart of accounts, the conditions of a valid journal, the limits of accounts, and the
// journals of the operations. It does not use the database; the store applies these rules.
//
// Start at [New]. Amounts are signed, debit positive and credit negative. A journal's postings sum to zero; the program checks this when
// the journal is built, stored and sealed. Journals are never changed; a correction is a new journal, and a reversal is the exact mirror of
// a journal (see [Mirror]).
package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
)

// Minor is an amount in the tenant's minor unit; in postings debit is positive.
type Minor = money.Minor

// AccountRef names an account: its number in the chart and its subject ("" if the code has only one account).
type AccountRef struct {
	Code    Code
	Subject string
}

// Name returns the account's code, its name in the chart and its subject, as people read them: "1000 cash:till:main".
func (r AccountRef) Name() string {
	line, _ := Find(r.Code)
	name := strings.TrimSpace(strconv.Itoa(int(r.Code)) + " " + line.Path)
	if r.Subject == "" {
		return name
	}
	return name + ":" + r.Subject
}

// SubjectOf returns the subject of the ledger account for one debt of a customer's account. debt is the debt's identity text.
func SubjectOf(account id.ID, debt string) string { return account.Text(id.Account) + ":" + debt }

// Posting is one line of a journal.
type Posting struct {
	Account AccountRef
	Amount  Minor // debit +, credit -
}

// Kind is the operation that a journal records. Kind and Ref together are unique in a tenant unless Ref is empty, so an operation cannot
// be posted twice.
type Kind string

// Kinds of journals, each with its operations in docs/reference/postings.md.
const (
	Vend       Kind = "vend"       // P1, P3, P6, P8, P9, including P10
	Payment    Kind = "payment"    // P2
	Settlement Kind = "settlement" // P4
	DepositIn  Kind = "deposit"    // P5
	Commission Kind = "commission" // P7
	Reversal   Kind = "reversal"   // P11
	Raised     Kind = "debt"       // P12
	Goodwill   Kind = "goodwill"   // P13
	Service    Kind = "service"    // P14
	TopUp      Kind = "top_up"     // P15
	Usage      Kind = "usage"      // P16
	Charged    Kind = "charge"     // P17
	MoveOut    Kind = "move_out"   // P18
	CreditNote Kind = "credit"     // P19
	WriteOff   Kind = "write_off"  // P20
	CashUp     Kind = "cash_up"    // P21
	Returned   Kind = "returned"   // P22
	Refund     Kind = "refund"     // the payment of P18 and P19

	CashOpening Kind = "cash_opening" // P24
	CashPayout  Kind = "cash_payout"  // P25
	CashBack    Kind = "cash_back"    // P26

	BroughtIn Kind = "opening" // P27

	VoucherSold  Kind = "voucher_sold"  // P28
	VoucherEnded Kind = "voucher_ended" // P30; P29 is of the kind Payment

	TakenBack Kind = "taken_back" // P31

	DebtMoved Kind = "debt_moved" // P32

	ChargeBack Kind = "charge_back" // P33
)

// Kinds lists every kind of journal.
func Kinds() []Kind {
	return []Kind{Vend, Payment, Settlement, DepositIn, Commission, Reversal, Raised, Goodwill, Service, TopUp, Usage, Charged, MoveOut,
		CreditNote, WriteOff, CashUp, Returned, Refund, CashOpening, CashPayout, CashBack, BroughtIn, VoucherSold, VoucherEnded, TakenBack, DebtMoved, ChargeBack}
}

// Fact reports whether journals of this kind record facts of the past: energy used, days passed, and money that a provider took back (P16,
// P17, P31). A wallet's limit never refuses such a journal, because a refusal would hide the fact and not undo it.
func (k Kind) Fact() bool { return k == Usage || k == Charged || k == TakenBack }

// Journal is a balanced, immutable entry.
type Journal struct {
	ID       id.ID
	Kind     Kind
	Ref      string // the identity of the operation, such as a sale's id text
	PostedAt time.Time
	// HappenedAt is the journal's own time, if its day was closed when it was posted. PostedAt is then the beginning of the first open day.
	HappenedAt time.Time
	Reverses   id.ID // the journal that this journal mirrors; zero for none
	Memo       string
	Postings   []Posting
}

// Limits of a journal.
const (
	MaxPostings = 96  // lines of one journal: enough for a sale that pays 60 debts, 8 levies and everything else
	MaxText     = 200 // bytes of Ref and each Subject
	MaxMemo     = 560 // bytes of Memo: one or two identities and 120 characters of any script
)

// Errors of [New]. Each means a bug in the code that built the journal.
var (
	ErrUnbalanced = errors.New("postings do not sum to zero")
	ErrEmpty      = errors.New("a journal needs an identity, a kind, a time and at least two postings")
	ErrTooLong    = errors.New("too many postings or too long a text")
	ErrAccount    = errors.New("no such account in the chart")
	ErrAmount     = errors.New("an amount is zero or beyond the limit")
)

// New checks a journal. The journal must have an identity, a kind and a time, every account must be in the chart, no amount may be zero,
// and the postings must sum to zero. New returns the journal unchanged, with its own copy of the postings.
func New(j Journal) (Journal, error) {
	if j.ID.IsZero() || j.Kind == "" || j.PostedAt.IsZero() || len(j.Postings) < 2 {
		return Journal{}, fmt.Errorf("journal %s %q: %w", j.Kind, j.Ref, ErrEmpty)
	}
	if len(j.Postings) > MaxPostings || len(j.Ref) > MaxText || len(j.Memo) > MaxMemo {
		return Journal{}, fmt.Errorf("journal %s %q: %w", j.Kind, j.Ref, ErrTooLong)
	}
	var sum Minor
	for i, p := range j.Postings {
		if _, ok := Find(p.Account.Code); !ok {
			return Journal{}, fmt.Errorf("journal %s %q posting %d: account %d: %w", j.Kind, j.Ref, i, p.Account.Code, ErrAccount)
		}
		if len(p.Account.Subject) > MaxText {
			return Journal{}, fmt.Errorf("journal %s %q posting %d: %w", j.Kind, j.Ref, i, ErrTooLong)
		}
		if p.Amount == 0 || p.Amount > money.MaxMinor || p.Amount < -money.MaxMinor {
			return Journal{}, fmt.Errorf("journal %s %q posting %d: %d: %w", j.Kind, j.Ref, i, p.Amount, ErrAmount)
		}
		sum += p.Amount // at most 96 amounts of at most 2^63/10^6: cannot overflow
	}
	if sum != 0 {
		return Journal{}, fmt.Errorf("journal %s %q: off by %d: %w", j.Kind, j.Ref, sum, ErrUnbalanced)
	}
	j.Postings = append([]Posting(nil), j.Postings...)
	return j, nil
}

// BookedFrom returns the journal as the books take it if the first open day begins at a moment. A journal of a closed day goes into the first
// open day and keeps its own time. The zero moment means that no day was closed.
func (j Journal) BookedFrom(open time.Time) Journal {
	if j.PostedAt.Before(open) {
		j.HappenedAt, j.PostedAt = j.PostedAt, open
	}
	return j
}

// MirrorRef returns the reference of the journal that reverses a journal. An operation may have journals of several kinds, and each is
// reversed once.
func MirrorRef(k Kind, ref string) string { return string(k) + " " + ref }

// Mirror returns the journal that reverses j: every posting with the opposite sign, in the same order, and Reverses set.
func Mirror(j Journal, newID id.ID, at time.Time, ref, memo string) (Journal, error) {
	back := Journal{ID: newID, Kind: Reversal, Ref: ref, PostedAt: at, Reverses: j.ID, Memo: memo}
	back.Postings = make([]Posting, len(j.Postings))
	for i, p := range j.Postings {
		back.Postings[i] = Posting{Account: p.Account, Amount: -p.Amount}
	}
	return New(back)
}

// leafVersion begins every hashed leaf, so that no later form can be mistaken for this one.
const leafVersion = "paywatt journal 1"

// Leaf returns the hash of a journal in the tenant's sealed log. It is SHA-256 over the version and every field, each after its length in
// four bytes, big-endian. Numbers are eight bytes, and the time is microseconds since 1970. Each posting is its code, subject and amount,
// in order. A journal with a time of its own has that time after the postings. Changing any stored byte of the journal changes the hash.
func Leaf(j Journal) [32]byte {
	b := make([]byte, 0, 256)
	b = append(b, leafVersion...)
	b = field(b, string(j.ID[:]))
	b = field(b, string(j.Kind))
	b = field(b, j.Ref)
	b = number(b, j.PostedAt.UnixMicro())
	b = field(b, string(j.Reverses[:]))
	b = field(b, j.Memo)
	b = number(b, int64(len(j.Postings)))
	for _, p := range j.Postings {
		b = number(b, int64(p.Account.Code))
		b = field(b, p.Account.Subject)
		b = number(b, int64(p.Amount))
	}
	if !j.HappenedAt.IsZero() {
		b = number(b, j.HappenedAt.UnixMicro())
	}
	return sha256.Sum256(b)
}

func field(b []byte, s string) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
	return append(b, s...)
}

func number(b []byte, n int64) []byte {
	b = binary.BigEndian.AppendUint32(b, 8)
	return binary.BigEndian.AppendUint64(b, uint64(n))
}
