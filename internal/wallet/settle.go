package wallet

import (
	"fmt"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/unit"
)

// MeterFacts are the facts about a wallet's meter and account that rules need.
type MeterFacts struct {
	ID        id.ID
	N         int64
	Number    string
	Simulated bool
	Phases    int
	Account   id.ID
	Tariff    id.ID // with which the account was opened; see TariffAt
	Later     tariff.Assignments
	Active    bool // the account is active
	// Advanced is the tax that was taken with the account's top-ups and not used up by use yet.
	Advanced money.Minor
	// LastSeen and NewestAt show the meter's clock, as in [metering.Live].
	LastSeen time.Time
	NewestAt int64
	// Interval is the time between the meter's readings, and Imp its impulses per kWh. Linked means that it has a link key and no profile: a
	// device with a profile takes no commands, because its listener sends it the wanted state.
	Interval time.Duration
	Imp      int64
	Linked   bool
	// Protected and Grace are the account's, as in [Seen].
	Protected bool
	Grace     int64
}

// TariffAt returns the tariff that prices the account at a moment.
func (m MeterFacts) TariffAt(at time.Time) id.ID { return m.Later.At(m.Tariff, at) }

// Clock returns the time the meter lives in: the server's, or a simulated meter's own.
func (m MeterFacts) Clock(now time.Time) time.Time {
	if !m.Simulated {
		return now
	}
	live := metering.Live{LastSeen: m.LastSeen, NewestAt: m.NewestAt}
	return live.Clock(now)
}

// Row is the wallet of one meter.
type Row struct {
	State
	Meter MeterFacts
	Based unit.Energy // State.Base as it is stored
	// Adrift means that the clock of the newest record cannot be right, and Said is the time that the clock showed. Lag is how far the
	// clock is behind. None of the three is stored.
	Adrift bool
	Said   time.Time
	Lag    Lag
}

// Tenant holds the tenant's settings for wallets.
type Tenant struct {
	Zone     *time.Location
	Currency string
	Policy   registry.WalletPolicy
	Supply   registry.SupplyPolicy
}

// SettleTx is the part of a transaction that settling needs. Code that changes an account's wallet money other than by a reading must first
// lock its rows with WalletsOf.
type SettleTx interface {
	NewID() (id.ID, error)
	// Post writes a journal and moves the balances of limited accounts. Use that has already happened is never refused for lack of money.
	Post(ledger.Journal) (ledger.Breach, error)
	TariffVersion(version id.ID) (tariff.Version, error)
	TariffVersionAt(tariff id.ID, at time.Time) (tariff.Version, bool, error)
	// WalletTenant returns the tenant's settings.
	WalletTenant() (Tenant, error)
	// WalletsOf locks and reads the wallets of all meters of an account, in the order of the meters' numbers.
	WalletsOf(account id.ID) ([]Row, error)
	// WalletsPut writes locked rows.
	WalletsPut([]Row) error
	// WalletMoney returns an account's balance in the books, and the part of it that is reserved.
	WalletMoney(account id.ID) (wallet, held money.Minor, err error)
	// WalletAdvanced adds to the tax that was taken with an account's top-ups. Use reduces it.
	WalletAdvanced(account id.ID, by money.Minor) error
	SupplyTx
	// RaiseAlarm opens an alarm of a meter unless the same one is open.
	RaiseAlarm(meter int64, a metering.Alarm) error
}

// Settled is the result of settling an account.
type Settled struct {
	Rows      []Row // the rows as they are now
	Money     Money
	Decisions []Decision // decisions about the rows, in the same order
	Posted    int        // number of journals
	Press     bool       // somebody has to press a key at a meter to restore the supply
}

// AnyDecision reports whether something has just happened to a meter.
func (s Settled) AnyDecision() bool {
	for _, d := range s.Decisions {
		if d.Any() {
			return true
		}
	}
	return false
}

// Settle decides about an account from the available amount, and posts the accrued use of its meters. If post is false, it posts only when
// a warning or the supply has just changed. Call Settle after the money was moved or the energy rated, in the same transaction. The
// parameter rows holds the account's locked wallets, which Settle writes.
func Settle(tx SettleTx, t Tenant, rows []Row, now time.Time, post bool) (Settled, error) {
	return settleOne(tx, t, rows, now, post, false)
}

// SettleAll does the same as [Settle] for several accounts, without posting. It reads the supplies of all their meters together, and writes
// the rows of all of them together.
func SettleAll(tx SettleTx, t Tenant, accounts [][]Row, now time.Time) error {
	if len(accounts) == 0 {
		return nil
	}
	_, err := settle(tx, t, accounts, now, false, false)
	return err
}

func settleOne(tx SettleTx, t Tenant, rows []Row, now time.Time, post, credit bool) (Settled, error) {
	if len(rows) == 0 {
		return Settled{Rows: rows}, nil
	}
	all, err := settle(tx, t, [][]Row{rows}, now, post, credit)
	if err != nil {
		return Settled{}, err
	}
	return all[0], nil
}

// settle does the work of [SettleAll] for accounts that have wallets. The parameter credit means that money has just come in.
func settle(tx SettleTx, t Tenant, accounts [][]Row, now time.Time, post, credit bool) ([]Settled, error) {
	supplies, err := tx.SuppliesOf(slices.Concat(accounts...))
	if err != nil {
		return nil, err
	}
	seen, err := VisibilityOf(tx)
	if err != nil {
		return nil, err
	}
	out, acts := make([]Settled, len(accounts)), make([]act, len(accounts))
	var rows []Row
	for i, own := range accounts {
		if out[i], acts[i], err = settled(tx, t, own, supplies, seen, now, post, credit); err != nil {
			return nil, fmt.Errorf("settle account %s: %w", own[0].Meter.Account.Text(id.Account), err)
		}
		rows = append(rows, out[i].Rows...)
	}
	if err := tx.WalletsPut(rows); err != nil {
		return nil, err
	}
	return out, carryOut(tx, acts)
}

// settled decides about one account and posts its use. The caller writes the rows and carries out the effects.
func settled(tx SettleTx, t Tenant, rows []Row, supplies map[int64]Supplied, seen Visibility, now time.Time, post, credit bool) (Settled, act, error) {
	a, err := accountWith(tx, t, rows, supplies, seen, now)
	if err != nil {
		return Settled{}, act{}, err
	}
	a.Credit = credit
	decided, effects, err := Decide(a)
	if err != nil {
		return Settled{}, act{}, fmt.Errorf("decide about the supply: %w", err)
	}
	out := Settled{Rows: rows, Money: a.Money, Decisions: make([]Decision, len(rows))}
	for i, d := range decided {
		rows[i].State, out.Decisions[i], out.Press = d.apply(rows[i].State), d.Decision, out.Press || d.Press
	}
	if post || out.AnyDecision() {
		if out.Posted, err = postAll(tx, rows, now); err != nil {
			return Settled{}, act{}, fmt.Errorf("post the use: %w", err)
		}
		out.Money.Wallet, out.Money.Accrued = out.Money.Wallet-out.Money.Accrued, 0
	}
	return out, act{a, decided, effects}, nil
}

// SettleAccount does the same as [Settle] for an account whose rows are not locked yet.
func SettleAccount(tx SettleTx, account id.ID, now time.Time, post bool) (Settled, error) {
	return settleAccount(tx, account, now, post, false)
}

// SettleCredit does the same as [SettleAccount] after money has come in. It posts the use, and warns at once if the credit ends at or below
// the level of a warning.
func SettleCredit(tx SettleTx, account id.ID, now time.Time) (Settled, error) {
	return settleAccount(tx, account, now, true, true)
}

func settleAccount(tx SettleTx, account id.ID, now time.Time, post, credit bool) (Settled, error) {
	t, err := tx.WalletTenant()
	if err != nil {
		return Settled{}, err
	}
	rows, err := tx.WalletsOf(account)
	if err != nil {
		return Settled{}, err
	}
	return settleOne(tx, t, rows, now, post, credit)
}

// MoneyOf returns the money of an account. The parameter rows holds its wallets.
func MoneyOf(tx interface {
	WalletMoney(account id.ID) (wallet, held money.Minor, err error)
}, account id.ID, rows []Row) (m Money, err error) {
	if m.Wallet, m.Held, err = tx.WalletMoney(account); err != nil {
		return Money{}, err
	}
	return m.used(rows), nil
}

// usePosting is the accrued use of a meter, as it is posted.
type usePosting struct {
	journal  ledger.Journal // without an identity
	advanced money.Minor    // the part of its tax that top-ups paid in advance
}

// planPosting returns what posting the accrued use of an account's wallets books. It brings the rows to the state after the posting.
func planPosting(rows []Row, version func(id.ID) (tariff.Version, error), now time.Time) (out []usePosting, err error) {
	for i := range rows {
		next, j, err := Entry(rows[i].State, rows[i].Meter, version, now)
		if err != nil {
			return nil, err
		}
		rows[i].State = next
		if len(j.Postings) == 0 {
			continue
		}
		p := usePosting{journal: j, advanced: takeAdvanced(rows, j.Postings)}
		if p.advanced != 0 {
			p.journal.Postings = ledger.FromAdvances(j.Postings, p.advanced)
		}
		out = append(out, p)
	}
	return out, nil
}

// bookPostings books the use of an account.
func bookPostings(tx SettleTx, account id.ID, all []usePosting) error {
	for _, p := range all {
		if p.advanced != 0 {
			if err := tx.WalletAdvanced(account, -p.advanced); err != nil {
				return err
			}
		}
		if err := book(tx, p.journal); err != nil {
			return err
		}
	}
	return nil
}

// postAll posts the accrued use of the rows and returns the number of journals.
func postAll(tx SettleTx, rows []Row, now time.Time) (int, error) {
	all, err := planPosting(rows, tx.TariffVersion, now)
	if err != nil || len(all) == 0 {
		return 0, err
	}
	return len(all), bookPostings(tx, rows[0].Meter.Account, all)
}

// takeAdvanced takes as much of a posting's tax as possible from the tax that the account's top-ups paid in advance, and returns that part. The
// parameter rows holds the account's wallets.
func takeAdvanced(rows []Row, lines []ledger.Posting) money.Minor {
	if rows[0].Meter.Advanced == 0 {
		return 0
	}
	part := min(ledger.TaxOf(lines), rows[0].Meter.Advanced)
	for i := range rows {
		rows[i].Meter.Advanced -= part
	}
	return part
}

// bookAdvanced takes as much of a posting's tax as possible from the advance, and books that. The parameter rows holds the account's wallets.
func bookAdvanced(tx SettleTx, rows []Row, lines []ledger.Posting) ([]ledger.Posting, error) {
	part := takeAdvanced(rows, lines)
	if part == 0 {
		return lines, nil
	}
	return ledger.FromAdvances(lines, part), tx.WalletAdvanced(rows[0].Meter.Account, -part)
}

// book posts a journal that no limit may stop.
func book(tx SettleTx, j ledger.Journal) (err error) {
	if j.ID, err = tx.NewID(); err != nil {
		return err
	}
	breach, err := tx.Post(j)
	if err == nil && breach.Refused() {
		err = breach.Err(j)
	}
	return err
}

// Tx is the part of a transaction that the use cases of wallets need: the rows of each kind of work.
type Tx interface {
	Rating() ReleaseTx
	Supplies() WatchTx
	WalletJobs() JobTx
	WalletViews() ViewTx
	Eyes() access.EyesTx
	HeadTx
}
