package wallet_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/unit"
)

// nothing has the remaining methods of a transaction, which these tests do not need.
type nothing struct {
	wallet.ReleaseTx
	wallet.WatchTx
	wallet.JobTx
	wallet.ViewTx
	access.EyesTx
}

// till is a rig behind a door: it serves the requests of jobs, people and pages for the wallets of one account.
type till struct {
	*rig
	nothing
	charged   string                 // local date up to which the account is charged
	chargedTo []string               // each date that was written
	uncharged []wallet.ChargeAccount // accounts to charge; if nil, the rig's account, open for two days
	asked     []string               // dates with which uncharged accounts were listed
	ran       map[string]bool        // jobs that have run
	due       []id.ID                // accounts waiting for a job, in the order of their meters
	settled   []id.ID                // accounts whose wallets were locked
	usage     []wallet.DayUse        // use of every meter, the newest first
	wrote     []string               // everything written, apart from wallets and supplies
	stopped   []wallet.Row
	alarms    []metering.Alarm
	behind    []wallet.Reading // readings that are stored and not rated
	audit     []access.Entry
	approvals []access.Approval
	ceilings  map[access.Ceiling]int64
	taken     map[access.Ceiling]int64
	people    int // number of people who may approve
	opening   money.Minor
	journals  []wallet.Booked
	differing []wallet.Difference
	versions  []tariff.Version         // versions of the tariff; empty: only the rig's version
	others    map[id.ID]tariff.Version // of tariffs that have one version of their own
}

// tillNumber is the first meter's number, and tillMeter its identity.
const tillNumber = "06000001229"

func newTill(t testing.TB, paid money.Minor, meters int) *till {
	t.Helper()
	return tillOf(newRig(t, paid, meters))
}

func tillOf(d *rig) *till {
	return &till{rig: d, ran: map[string]bool{}}
}

func (d *till) wallets() *wallet.Wallets {
	return wallet.New(wallet.Config{Door: d, Now: func() time.Time { return d.now }, Sealer: sealer{}})
}

func system() access.Actor { return access.SystemActor(1, "test") }

func (d *till) writes(format string, args ...any) {
	d.wrote = append(d.wrote, fmt.Sprintf(format, args...))
}

// sealer hashes cursors.
type sealer struct{}

func (sealer) Seal(_ string, plain []byte) []byte           { return plain }
func (sealer) Open(_ string, sealed []byte) ([]byte, error) { return sealed, nil }
func (sealer) Hash(context string, data []byte) []byte {
	sum := sha256.Sum256(append([]byte(context), data...))
	return sum[:]
}

// The methods below make the till a door and a transaction.

func (d *till) Do(_ context.Context, _ access.Tenant, fn func(wallet.Tx) (bool, error)) error {
	if _, err := fn(d); err != nil {
		return err
	}
	return d.fails()
}

func (d *till) View(_ context.Context, _ access.Tenant, fn func(wallet.Tx) error) error { return fn(d) }

// LetterheadAt returns the letterhead of a moment.
func (d *till) LetterheadAt(time.Time) (registry.PaperHead, error) {
	return registry.PaperHead{Letterhead: registry.Letterhead{TZ: "UTC"}}, d.fails()
}

func (d *till) JobDone(name, period string) (bool, error) { return d.ran[name+" "+period], d.fails() }

func (d *till) JobRun(name, period string) (bool, error) {
	first := !d.ran[name+" "+period]
	d.ran[name+" "+period] = true
	return first, d.fails()
}

func (d *till) WalletsUncharged(date string, after int64, max int) (out []wallet.ChargeAccount, err error) {
	d.asked = append(d.asked, date)
	list := d.uncharged
	if list == nil {
		list = []wallet.ChargeAccount{{Meter: wallet.MeterFacts{N: 1, Account: id.ID{15: 1}, Active: true}, OpenedAt: d.now.AddDate(0, 0, -2)}}
	}
	for _, a := range list {
		if a.Meter.N > after && len(out) < max {
			out = append(out, a)
		}
	}
	return out, d.fails()
}

func (d *till) WalletChargedTo(id.ID) (string, error) { return d.charged, d.fails() }

func (d *till) ChargedTo(_ id.ID, date string) error {
	d.charged, d.chargedTo = date, append(d.chargedTo, date)
	return d.fails()
}

// dueAfter returns the waiting accounts from the nth on.
func (d *till) dueAfter(n int64, max int) []id.ID {
	rest := d.due[min(int(n), len(d.due)):]
	return rest[:min(max, len(rest))]
}

func (d *till) WalletsDue(before time.Time, after int64, max int) ([]id.ID, int64, error) {
	d.writes("due before %s after %d", before.Format(time.TimeOnly), after)
	list := d.dueAfter(after, max)
	return list, after + int64(len(list)), d.fails()
}

func (d *till) SuppliesDue(by time.Time, max int) ([]id.ID, error) {
	d.writes("due by %s", by.Format(time.TimeOnly))
	list := d.dueAfter(0, max)
	d.due = d.due[len(list):]
	return list, d.fails()
}

func (d *till) WalletsOf(account id.ID) ([]wallet.Row, error) {
	d.settled = append(d.settled, account)
	return d.rig.WalletsOf(account)
}

func (d *till) WalletOf(meter int64) ([]wallet.Row, error) {
	if meter > int64(len(d.rows)) {
		return nil, nil
	}
	return d.rig.WalletsOf(id.ID{})
}

func (d *till) MeterByNumber(number string) (registry.Meter, bool, error) {
	return registry.Meter{N: 1, Number: number, Account: id.ID{15: 1}, ID: id.ID{14: 1}}, number == tillNumber, d.fails()
}

func (d *till) MeterByID(meter id.ID) (registry.Meter, bool, error) {
	return registry.Meter{N: 1, Number: tillNumber, Account: id.ID{15: 1}, ID: meter}, meter == id.ID{14: 1}, d.fails()
}

func (d *till) AccountExists(account id.ID) (bool, error) { return account == id.ID{15: 1}, d.fails() }

func (d *till) WalletUse(meter int64, from, to string, max int) (out []wallet.DayUse, err error) {
	d.writes("use of %d from %s to %s", meter, from, to)
	for _, u := range d.usage {
		if u.Day >= from && u.Day <= to && len(out) < max {
			out = append(out, u)
		}
	}
	return out, d.fails()
}

func (d *till) CarryBooked(id.ID, time.Time, time.Time, int) (money.Minor, []wallet.Booked, error) {
	return 0, nil, d.fails()
}

func (d *till) WalletUseOf(meters []int64, from, to string) (map[int64][]wallet.DayUse, error) {
	out := map[int64][]wallet.DayUse{}
	for _, n := range meters {
		var err error
		if out[n], err = d.WalletUse(n, from, to, wallet.JudgeDays); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (d *till) WalletsOfMeters([]int64) ([]wallet.Row, error) { return d.WalletsOf(id.ID{}) }

func (d *till) WalletMoneyOf(accounts []id.ID) (map[id.ID]wallet.Money, error) {
	m := wallet.Money{}
	var err error
	m.Wallet, m.Held, err = d.WalletMoney(id.ID{})
	out := map[id.ID]wallet.Money{}
	for _, a := range accounts {
		out[a] = m
	}
	return out, err
}

func (d *till) WalletBooked(_ id.ID, from, to time.Time, max int) (money.Minor, []wallet.Booked, error) {
	d.writes("booked from %s to %s", from.Format(time.RFC3339), to.Format(time.RFC3339))
	return d.opening, d.journals[:min(max, len(d.journals))], d.fails()
}

func (d *till) WalletDifferences(after int64, max int) (out []wallet.Difference, err error) {
	for _, c := range d.differing {
		if c.Meter.N > after && len(out) < max {
			out = append(out, c)
		}
	}
	return out, d.fails()
}

func (d *till) WalletTerms(t wallet.Tenant, m wallet.MeterFacts) (wallet.Terms, error) {
	return wallet.Terms{Zone: t.Zone, Phases: m.Phases, Simulated: m.Simulated, Versions: d.tariff()}, d.fails()
}

// tariff returns all versions.
func (d *till) tariff() []tariff.Version {
	if len(d.versions) == 0 {
		return []tariff.Version{d.version}
	}
	return d.versions
}

func (d *till) TariffVersion(version id.ID) (tariff.Version, error) {
	for _, v := range d.tariff() {
		if v.ID == version {
			return v, d.fails()
		}
	}
	return tariff.Version{}, errors.New("no such version")
}

func (d *till) TariffVersionAt(of id.ID, at time.Time) (v tariff.Version, found bool, err error) {
	if v, found = d.others[of]; found {
		return v, true, d.fails()
	}
	for _, next := range d.tariff() {
		if !next.EffectiveFrom.After(at) {
			v, found = next, true
		}
	}
	return v, found, d.fails()
}

func (d *till) WalletAdvanced(_ id.ID, by money.Minor) error {
	d.writes("advanced %d", by)
	for i := range d.rows {
		d.rows[i].Meter.Advanced += by
	}
	return d.fails()
}

func (d *till) WalletDays(all []wallet.MeterDays) error {
	for _, m := range all {
		for _, u := range m.Days {
			d.writes("m%d used %d Wh for %d on %s", m.Meter, u.Units, u.Debit, u.Day)
		}
	}
	return d.fails()
}

func (d *till) WalletBehind(_ wallet.Row, max int) ([]wallet.Reading, error) {
	return d.behind[:min(max, len(d.behind))], d.fails()
}

func (d *till) ClearAlarm(meter int64, code metering.AlarmCode) error {
	if code != metering.AlarmRatingHeld {
		d.writes("m%d has no alarm %s", meter, code)
		return d.fails()
	}
	d.writes("m%d released", meter)
	return d.fails()
}

func (d *till) RaiseAlarm(meter int64, a metering.Alarm) error {
	d.alarms = append(d.alarms, a)
	return d.fails()
}

func (d *till) WalletStopped(r wallet.Row) error {
	d.stopped = append(d.stopped, r)
	return d.fails()
}

func (d *till) WalletHeldEnergy(meter int64, drawn wallet.HeldEnergy) error {
	d.writes("m%d drew %d Wh since record %d of %s", meter, drawn.Register, drawn.Seq, drawn.Memory)
	return d.fails()
}

func (d *till) LockAccount(account id.ID) error {
	d.writes("locked %x", account[15])
	return d.fails()
}

func (d *till) AccountSupply(account id.ID, s registry.AccountSupply) error {
	d.writes("account %x: protected %t, grace %d", account[15], s.Protected, s.Grace)
	for _, seen := range d.seen {
		seen.Protected, seen.Grace = s.Protected, s.Grace
	}
	return d.fails()
}

func (d *till) AuditLog(e access.Entry) error {
	d.audit = append(d.audit, e)
	return d.fails()
}

func (d *till) FourEyes() (access.FourEyesRule, error) {
	if d.people < 2 {
		return access.FourEyesRule{}, d.fails()
	}
	return access.FourEyesRule{Bound: access.Rights()}, d.fails()
}

func (d *till) AddApproval(a access.Approval) error {
	d.approvals = append(d.approvals, a)
	return d.fails()
}

// postings formats the lines of a journal, the account's own first.
func postings(j ledger.Journal) (out string) {
	for _, p := range j.Postings {
		subject := p.Account.Subject
		if p.Account.Code == ledger.Wallet {
			subject = ""
		}
		out += fmt.Sprintf("%d%s %d; ", p.Account.Code, subject, p.Amount)
	}
	return out
}

// used is a day of use.
func used(day string, units unit.Energy, debit money.Minor) wallet.DayUse {
	return wallet.DayUse{Day: day, Units: units, Debit: debit}
}

// A till is a whole transaction, so each of these methods returns the till itself.

func (t *till) Rating() wallet.ReleaseTx     { return t }
func (t *till) Supplies() wallet.WatchTx     { return t }
func (t *till) WalletJobs() wallet.JobTx     { return t }
func (t *till) WalletViews() wallet.ViewTx   { return t }
func (t *till) Eyes() access.EyesTx          { return t }
func (t *till) Meters() registry.MeterLookup { return t }
