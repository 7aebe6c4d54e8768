package reconcile_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/reconcile"
	"github.com/paywatt/paywatt/internal/sim/provider"
	"github.com/paywatt/paywatt/internal/statement"
	"github.com/paywatt/paywatt/internal/tier"
)

const monthDays = 30

// planted is how many differences of each kind are planted in the month.
func planted() int { return tier.MonthPayments.N() / 100 }

func nairobi() *time.Location { return time.FixedZone("EAT", 3*60*60) }

func monthBegin() time.Time { return time.Date(2026, 11, 1, 0, 0, 0, 0, nairobi()) }

// month is a month of a provider: what its statements say, and what the utility's payments and books say.
type month struct {
	rows     []reconcile.Row
	payments map[string]*payment.Payment // by the provider's name
	journals map[string]*reconcile.Journal
	want     map[string]bool // differences that were planted
	next     int
	txns     []string // payments in which nothing is planted yet
	owed     []string // payments that customers owe again
}

func (m *month) id() (i id.ID) {
	m.next++
	binary.BigEndian.PutUint64(i[8:], uint64(m.next))
	return i
}

// plant records a difference that must be found.
func (m *month) plant(k reconcile.Kind, key string) { m.want[string(k)+" "+key] = true }

// take returns payments in which nothing is planted yet.
func (m *month) take(n int) []string {
	out := m.txns[:n]
	m.txns = m.txns[n:]
	return out
}

// pay adds a payment with its journal, as the utility knows it.
func (m *month) pay(txn string, amount money.Minor, at time.Time) *payment.Payment {
	p := &payment.Payment{ID: m.id(), Provider: "daraja", Txn: txn, Amount: money.Amount{Minor: amount, Currency: "KES"}, PaidAt: at, State: payment.Applied, ConfirmedAt: at, Sale: m.id()}
	m.payments[txn] = p
	m.journals[txn] = &reconcile.Journal{ID: "jrn-" + txn, Kind: ledger.Payment, Ref: p.Name(), Amount: amount, At: at}
	return p
}

// newMonth lets the simulator take the payments, and reads its statements.
func newMonth(t *testing.T) *month {
	t.Helper()
	m := &month{payments: map[string]*payment.Payment{}, journals: map[string]*reconcile.Journal{}, want: map[string]bool{}}
	clock := monthBegin()
	sim := provider.New(provider.Config{Seed: 11, FeeBps: 55, Now: func() time.Time { return clock }, Manual: true})
	step := monthDays * 24 * time.Hour / time.Duration(tier.MonthPayments.N())
	var reversed []string
	for i := range tier.MonthPayments.N() {
		clock = monthBegin().Add(time.Duration(i) * step)
		paid, err := sim.Pay(provider.Order{Provider: provider.Daraja, Amount: int64(1000 + i%700*100), Reference: "04140001001", Payer: "254711000001"})
		if err != nil {
			t.Fatal(err)
		}
		p := m.pay(paid.ID, money.Minor(paid.Amount), paid.At)
		if sinceMidnight := clock.Sub(monthBegin()) % (24 * time.Hour); sinceMidnight < 10*time.Minute { // our clock says it was still the day before
			p.PaidAt = p.PaidAt.Add(-11 * time.Minute)
		}
		switch {
		case i%40 == 7: // given back by the provider, and the books know it
			if _, err := sim.Reverse(provider.Daraja, paid.ID); err != nil {
				t.Fatal(err)
			}
			p.State, p.Reason, p.Sale = payment.Refunded, payment.GivenBack, id.ID{}
			m.journals[paid.ID+" back"] = &reconcile.Journal{ID: "jrn-back-" + paid.ID, Kind: ledger.Returned, Ref: p.Name(), Amount: -p.Amount.Minor, At: paid.At}
		case i%40 == 17: // given back by the provider after it was used, and the customer owes it
			if _, err := sim.Reverse(provider.Daraja, paid.ID); err != nil {
				t.Fatal(err)
			}
			p.Reason, p.Back, p.Owed = payment.GivenBack, p.Amount.Minor, p.Amount.Minor
			m.journals[paid.ID+" back"] = &reconcile.Journal{ID: "jrn-back-" + paid.ID, Kind: ledger.TakenBack, Ref: p.Name(), Amount: -p.Amount.Minor, At: paid.At}
			m.owed = append(m.owed, paid.ID)
		case i%70 == 3 && len(reversed) < planted(): // given back by the provider, but used
			if _, err := sim.Reverse(provider.Daraja, paid.ID); err != nil {
				t.Fatal(err)
			}
			reversed = append(reversed, paid.ID)
			m.plant(reconcile.Reversed, paid.ID)
		case i%500 == 9 && i > 500:
			if _, err := sim.Withdraw(provider.Daraja, "KES", 100_000); err != nil {
				t.Fatal(err)
			}
		default:
			m.txns = append(m.txns, paid.ID)
		}
	}
	for d := range monthDays {
		file, err := sim.Statement(provider.Daraja, monthBegin().AddDate(0, 0, d), provider.StatementOptions{Format: provider.MPesaCSV, ISO: d%2 == 0})
		if err != nil {
			t.Fatal(err)
		}
		first := len(m.rows)
		_, err = statement.Read(statement.MPesa, bytes.NewReader(file), statement.Options{}, func(r statement.Row) error {
			m.rows = append(m.rows, reconcile.Row{Row: r, Booked: r.Kind == statement.Fee})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		slices.Reverse(m.rows[first:]) // the file begins with the newest row
	}
	slices.SortStableFunc(m.rows, func(a, b reconcile.Row) int { return a.At.Compare(b.At) })
	return m
}

// plantAll plants differences of every kind but Reversed, which newMonth plants.
func (m *month) plantAll() {
	stride := len(m.txns) / (10 * planted())
	spread := make([]string, 0, 10*planted())
	for i := 0; len(spread) < 10*planted(); i += stride {
		spread = append(spread, m.txns[i])
	}
	m.txns = spread
	for _, txn := range m.take(planted()) {
		delete(m.payments, txn)
		delete(m.journals, txn)
		m.plant(reconcile.NoPayment, txn)
	}
	for i, txn := range m.take(planted()) {
		name := fmt.Sprintf("NEVERPAID%03d", i)
		m.pay(name, 5000, m.payments[txn].PaidAt)
		m.plant(reconcile.NotStated, name)
	}
	for _, txn := range m.take(planted()) {
		m.payments[txn].Amount.Minor += 100
		m.journals[txn].Amount += 100
		m.plant(reconcile.Amount, txn)
	}
	for _, txn := range m.take(planted()) {
		m.payments[txn].Amount.Currency = "UGX"
		m.plant(reconcile.Currency, txn)
	}
	for _, txn := range m.take(planted()) {
		delete(m.journals, txn)
		m.plant(reconcile.NoJournal, txn)
	}
	for i, txn := range m.take(planted()) {
		j := *m.journals[txn]
		j.ID, j.Ref = fmt.Sprintf("jrn-alone-%d", i), fmt.Sprintf("pay_alone%d", i)
		m.journals[j.ID] = &j
		m.plant(reconcile.JournalAlone, j.ID)
	}
	for i, txn := range m.take(planted()) {
		if i%4 > 0 {
			m.journals[txn].Amount--
			m.plant(reconcile.JournalAmount, txn)
			continue
		}
		m.journals[m.owed[i]+" back"].Amount--
		m.plant(reconcile.JournalAmount, m.owed[i]+" taken back")
	}
	for i, txn := range m.take(planted()) {
		p, kind := m.payments[txn], ledger.Returned
		if p.State, p.Reason, p.Sale = payment.Refunded, payment.ByPerson, (id.ID{}); i%2 == 0 { // the customer owes what the provider never took back
			p.State, p.Reason, p.Back, p.Owed, kind = payment.Applied, payment.GivenBack, p.Amount.Minor, p.Amount.Minor, ledger.TakenBack
		}
		m.journals[txn+" back"] = &reconcile.Journal{ID: "jrn-back-" + txn, Kind: kind, Ref: p.Name(), Amount: -p.Amount.Minor, At: m.journals[txn].At}
		m.plant(reconcile.NotGivenBack, txn)
	}
	twice, gaps := m.take(planted()), m.take(planted())
	m.changeRows(twice, gaps)
}

// changeRows plants what stands in the statement only: rows that are there twice, balances that jump, and fees that are not booked.
func (m *month) changeRows(twice, gaps []string) {
	doubled, jumps := map[string]bool{}, map[string]bool{}
	for _, txn := range twice {
		doubled[txn] = true
	}
	for _, txn := range gaps {
		jumps[txn] = true
	}
	var out []reconcile.Row
	shift, fees := money.Minor(0), 0
	for _, r := range m.rows {
		if r.Kind == statement.Payment && jumps[r.Txn] {
			shift += 12_345_678_901 // no other balance is near
			m.plant(reconcile.Gap, "payment "+r.Txn)
		}
		r.Balance += shift
		if r.Kind == statement.Fee && jumps[r.Txn] {
			r.Booked = false
			fees++
			m.plant(reconcile.FeeUnbooked, r.Txn)
		}
		out = append(out, r)
		if r.Kind == statement.Payment && doubled[r.Txn] {
			out = append(out, r)
			m.plant(reconcile.Twice, r.Txn)
		}
	}
	m.rows = out
}

// day returns what is compared about one day.
func (m *month) day(n int) reconcile.Day {
	d := reconcile.Day{From: monthBegin().AddDate(0, 0, n), To: monthBegin().AddDate(0, 0, n+1), Stated: true, Elsewhere: map[string]bool{}, BackElsewhere: map[string]bool{}}
	names := map[string]bool{}
	var yesterday []reconcile.Row
	for _, r := range m.rows {
		if in := !r.At.Before(d.From) && r.At.Before(d.To); !in {
			if d.Elsewhere[r.Txn] = true; !r.At.Before(d.From.AddDate(0, 0, -1)) && r.At.Before(d.From) {
				yesterday = append(yesterday, r)
			}
			if r.Kind == statement.Reversal {
				d.BackElsewhere[r.Of] = true
			}
			continue
		}
		d.Rows = append(d.Rows, r)
		names[r.Txn], names[r.Of] = true, true
	}
	if closing, known := reconcile.Closing(yesterday); known {
		d.Opening = &closing
	}
	refs := map[string]bool{}
	for _, p := range m.payments {
		paidToday := !p.PaidAt.Before(d.From.Add(-reconcile.Slack)) && p.PaidAt.Before(d.To.Add(-reconcile.Slack))
		if names[p.Txn] || paidToday {
			d.Payments = append(d.Payments, *p)
			refs[p.Name()] = true
		}
	}
	for _, j := range m.journals {
		if refs[j.Ref] || !j.At.Before(d.From) && j.At.Before(d.To) {
			if !refs[j.Ref] { // its payment is of another day
				for _, p := range m.payments {
					if p.Name() == j.Ref {
						d.Payments = append(d.Payments, *p)
					}
				}
			}
			d.Journals = append(d.Journals, *j)
		}
	}
	return d
}

// TestAMonthShowsExactlyWhatIsWrong plants differences of each kind in a month of a utility. All of them must be found, and
// nothing else: not payments around midnight, nor payments that were given back as they should be. ./check long takes a busy month.
func TestAMonthShowsExactlyWhatIsWrong(t *testing.T) {
	m := newMonth(t)
	before := map[reconcile.Kind]int{}
	m.plantAll()
	found, extra := map[string]bool{}, 0
	var spent time.Duration
	var most uint64
	for n := range monthDays {
		d := m.day(n)
		var start, end runtime.MemStats
		runtime.ReadMemStats(&start)
		began := time.Now()
		differences := reconcile.Reconcile(d)
		spent += time.Since(began)
		runtime.ReadMemStats(&end)
		most = max(most, end.TotalAlloc-start.TotalAlloc)
		for _, x := range differences {
			name := string(x.Kind) + " " + x.Key
			if !m.want[name] {
				if extra++; extra < 10 {
					t.Errorf("invented: %+v", x)
				}
			}
			if !found[name] {
				before[x.Kind]++
			}
			found[name] = true
		}
	}
	for name := range m.want {
		if !found[name] {
			t.Errorf("not found: %s", name)
		}
	}
	unplanted := []reconcile.Kind{reconcile.UnreadCall, reconcile.Contradiction, // what a provider sent shows them, and no comparison of a day
		reconcile.PerhapsSame, reconcile.OtherContents, reconcile.Sums, reconcile.Balance} // the tables of the room show them
	for _, k := range reconcile.Kinds() {
		if !slices.Contains(unplanted, k) && before[k] != planted() {
			t.Errorf("%d differences of kind %s, planted %d", before[k], k, planted())
		}
	}
	t.Logf("%d payments, %d rows, %d differences planted, %d found, %d invented; compared in %s, a day takes at most %d kB",
		tier.MonthPayments.N(), len(m.rows), len(m.want), len(found)-extra, extra, spent.Round(time.Millisecond), most>>10)
}

// TestAMonthWithoutDifferencesIsClean is the same month with nothing planted but what newMonth plants.
func TestAMonthWithoutDifferencesIsClean(t *testing.T) {
	m := newMonth(t)
	n := 0
	for d := range monthDays {
		for _, x := range reconcile.Reconcile(m.day(d)) {
			if n++; !m.want[string(x.Kind)+" "+x.Key] {
				t.Errorf("invented: %+v", x)
			}
		}
	}
	if n != planted() {
		t.Errorf("%d differences, want %d", n, planted())
	}
}
