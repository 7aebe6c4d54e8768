package vending_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/provider/webhook"
	"github.com/paywatt/paywatt/internal/reconcile"
	"github.com/paywatt/paywatt/internal/registry"
)

// A bank writes one day in many ways. These tests upload every pair of them through the server, and count what each payer was credited.

var (
	pairDays   = flag.Int("pair-days", 0, "days of which every pair of exports is uploaded")
	randomDays = flag.Int("random-pairs", 40, "days of which one pair of exports is uploaded")
	pairSeed   = flag.Uint64("pair-seed", 1, "seed of the first day")
)

// moved is one movement of the bank's account, as the bank knows it.
type moved struct {
	amount           int64 // cents
	payer, reference string
	id               string // unique at the bank
	at               time.Time
}

// export is a way in which the bank writes a day.
type export struct {
	format   string // mt940, camt or csv
	refs     string // kind of the references: bank, e2e, own or none
	respelt  bool
	timed    bool
	from, to int // quarters of the day's rows
	shared   bool
}

func (e export) String() string {
	return fmt.Sprintf("%s refs=%s respelt=%v timed=%v quarters=%d-%d shared=%v", e.format, e.refs, e.respelt, e.timed, e.from, e.to, e.shared)
}

// exports are the ways of one bank.
func exports() []export {
	return []export{
		{format: "mt940", refs: "none", to: 4}, {format: "mt940", refs: "none", respelt: true, to: 4}, {format: "mt940", refs: "bank", to: 4},
		{format: "mt940", refs: "none", to: 2}, {format: "mt940", refs: "none", from: 2, to: 4}, {format: "mt940", refs: "bank", respelt: true, to: 2},
		{format: "mt940", refs: "bank", from: 2, to: 4}, {format: "camt", refs: "none", timed: true, to: 4}, {format: "camt", refs: "none", to: 4},
		{format: "camt", refs: "bank", timed: true, respelt: true, to: 4}, {format: "camt", refs: "e2e", to: 4}, {format: "camt", refs: "none", to: 2},
		{format: "camt", refs: "bank", from: 1, to: 3}, {format: "csv", refs: "own", to: 4}, {format: "csv", refs: "own", to: 2},
		{format: "mt940", refs: "none", respelt: true, from: 1, to: 3}, {format: "camt", refs: "none", shared: true, to: 4},
	}
}

// randomDay makes the movements of a day: few amounts, and people who pay the same twice.
func randomDay(r *rand.Rand, day time.Time) (out []moved) {
	people := []string{"AMINA", "BEN", "CHEBET"}
	for n := range 4 + r.IntN(6) {
		m := moved{amount: []int64{50_000, 50_000, 70_000, 12_345}[r.IntN(4)], payer: people[r.IntN(3)], id: fmt.Sprintf("%08X%04X%06d", r.Uint32(), r.IntN(1<<16), n),
			at: day.Add(time.Duration(n)*time.Hour + time.Duration(r.IntN(3600))*time.Second)}
		m.reference = "house of " + strings.ToLower(m.payer)
		if r.IntN(8) == 0 {
			m.amount = -1_000 - int64(r.IntN(50))
		}
		out = append(out, m)
	}
	return out
}

// write writes some movements of an account whose balance was opening before all of them.
func (e export) write(account string, all []moved, opening int64, day time.Time) []byte {
	first, end := len(all)*e.from/4, len(all)*e.to/4
	for _, m := range all[:first] {
		opening += m.amount
	}
	rows := make([]moved, end-first)
	for i, m := range all[first:end] {
		if e.respelt {
			m.payer, m.reference = m.payer[:1]+strings.ToLower(m.payer[1:])+" O.", strings.ToUpper(m.reference)
		}
		rows[i] = m
	}
	switch e.format {
	case "mt940":
		return e.mt940(account, rows, opening, day)
	case "camt":
		return e.camt(account, rows, opening, day)
	}
	return e.csv(account, rows, opening)
}

func cents(amount int64, point string) string {
	return fmt.Sprintf("%d%s%02d", max(amount, -amount)/100, point, max(amount, -amount)%100)
}

func (e export) mt940(account string, rows []moved, opening int64, day time.Time) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, ":20:S\r\n:25:%s\r\n:28C:1/1\r\n:60F:C%sKES%s\r\n", account, day.Format("060102"), cents(opening, ","))
	for _, m := range rows {
		mark, name := "C", "NONREF"
		if m.amount < 0 {
			mark = "D"
		}
		if e.refs == "bank" {
			name += "//" + m.id[max(0, len(m.id)-16):]
		}
		fmt.Fprintf(&b, ":61:%s%s%sNTRF%s\r\n:86:/ORDP//NAME/%s/REMI/%s\r\n", m.at.Format("0601020102"), mark, cents(m.amount, ","), name, m.payer, m.reference)
		opening += m.amount
	}
	fmt.Fprintf(&b, ":62F:C%sKES%s\r\n-\r\n", day.Format("060102"), cents(opening, ","))
	return []byte(b.String())
}

func (e export) camt(account string, rows []moved, opening int64, day time.Time) []byte {
	var b strings.Builder
	balance := func(code string, amount int64) {
		fmt.Fprintf(&b, `<Bal><Tp><CdOrPrtry><Cd>%s</Cd></CdOrPrtry></Tp><Amt Ccy="KES">%s</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>%s</Dt></Dt></Bal>`, code, cents(amount, "."), day.Format(time.DateOnly))
	}
	closing := opening
	for _, m := range rows {
		closing += m.amount
	}
	fmt.Fprintf(&b, `<?xml version="1.0" encoding="UTF-8"?><Document><BkToCstmrStmt><Stmt><Acct><Id><Othr><Id>%s</Id></Othr></Id></Acct>`, account)
	balance("OPBD", opening)
	balance("CLBD", closing)
	for _, m := range rows {
		sign, booked, refs := "CRDT", "<Dt>"+m.at.Format(time.DateOnly)+"</Dt>", "<EndToEndId>NOTPROVIDED</EndToEndId>"
		if m.amount < 0 {
			sign = "DBIT"
		}
		if e.timed {
			booked = "<DtTm>" + m.at.Format(time.RFC3339) + "</DtTm>"
		}
		switch {
		case e.shared:
			refs = "<AcctSvcrRef>" + account + "</AcctSvcrRef>"
		case e.refs == "bank":
			refs = "<AcctSvcrRef>" + m.id + "</AcctSvcrRef>"
		case e.refs == "e2e":
			refs = "<EndToEndId>E" + m.id + "</EndToEndId>"
		}
		fmt.Fprintf(&b, `<Ntry><Amt Ccy="KES">%s</Amt><CdtDbtInd>%s</CdtDbtInd><Sts>BOOK</Sts><BookgDt>%s</BookgDt><NtryDtls><TxDtls><Refs>%s</Refs>`, cents(m.amount, "."), sign, booked, refs)
		fmt.Fprintf(&b, `<RltdPties><Dbtr><Nm>%s</Nm></Dbtr></RltdPties><RmtInf><Ustrd>%s</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>`, m.payer, m.reference)
	}
	b.WriteString(`</Stmt></BkToCstmrStmt></Document>`)
	return []byte(b.String())
}

func (e export) csv(account string, rows []moved, opening int64) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "Short Code:,%s\n\nReceipt No.,Completion Time,Details,Transaction Status,Paid In,Withdrawn,Balance,Reason Type,Other Party Info,A/C No.\n", account)
	for _, m := range rows {
		in, out, why := cents(m.amount, "."), "", "Pay Bill Online"
		if m.amount < 0 {
			in, out, why = "", cents(m.amount, "."), "Business To Bank Transfer"
		}
		opening += m.amount
		fmt.Fprintf(&b, "Q%s,%s,%s,Completed,%s,%s,%s,%s,%s,%s\n", m.id, m.at.Format("02-01-2006 15:04:05"), why, in, out, cents(opening, "."), why, m.payer, m.reference)
	}
	return []byte(b.String())
}

// pairShop uploads pairs of exports, each to a provider of its own.
type pairShop struct {
	*payShop
	t     *testing.T
	st    *reconcile.Statements
	day   time.Time
	pairs int
}

// pairsOfAShop is how many pairs go to one shop.
const pairsOfAShop = 45

func newPairShop(t *testing.T) *pairShop {
	t.Helper()
	s := openPaidFast(t)
	p := &pairShop{payShop: s, t: t, st: s.statements(), day: s.clock.Now().In(time.FixedZone("EAT", 3*60*60)).Truncate(24 * time.Hour).Add(3 * time.Hour)}
	s.clock.add(72 * time.Hour)
	return p
}

// upload uploads the exports of a day to a new provider. It returns how often each amount was credited, and how often it waits.
func (p *pairShop) upload(all []moved, files ...export) (provider string, credited, waiting map[int64]int) {
	p.t.Helper()
	if p.pairs++; p.pairs%pairsOfAShop == 0 { // a utility has few providers
		p.payShop = openPaidFast(p.t)
		p.st = p.statements()
		p.clock.add(72 * time.Hour)
	}
	provider = fmt.Sprint("bank", p.pairs)
	v, err := p.AddProvider(p.t.Context(), owner(), payment.NewProvider{Name: provider, Kind: webhook.Kind, Config: []byte(`{}`), Secrets: p.secrets, Single: 1_000_000, Daily: 1_000_000_000})
	if err != nil || v.Refused() {
		p.t.Fatal(err, v.Detail())
	}
	account := fmt.Sprintf("70%08d", p.pairs)
	own := make([]moved, len(all))
	for i, m := range all {
		m.id = fmt.Sprintf("%s%06d", m.id[:12], p.pairs*20+i) // names of one provider are unknown to the others
		own[i] = m
	}
	for _, e := range files {
		up, err := p.st.Upload(p.t.Context(), owner(), provider, e.write(account, own, 1_000_000, p.day), "")
		if err != nil || up.Refused() || up.File.State != reconcile.FileRead {
			p.t.Fatalf("%s: %v %s %+v", e, err, up.Detail(), up.File)
		}
	}
	p.work()
	credited, waiting = map[int64]int{}, map[int64]int{}
	paid, err := p.Payments.List(p.t.Context(), owner(), payment.Filter{Provider: provider}, registry.Page{})
	if err != nil || paid.Next != "" {
		p.t.Fatal(err, paid.Next)
	}
	for _, v := range paid.Payments {
		if !v.Payment.ConfirmedAt.IsZero() {
			credited[int64(v.Payment.Amount.Minor)]++
		}
	}
	return provider, credited, waiting
}

// reconciled compares the day, and adds what waits.
func (p *pairShop) reconciled(provider string, waiting map[int64]int) reconcile.State {
	p.t.Helper()
	r, err := p.st.Run(p.t.Context(), owner(), provider, p.day.Format(time.DateOnly))
	if err != nil || r.Refused() {
		p.t.Fatal(err, r.Detail())
	}
	l, err := p.st.Items(p.t.Context(), owner(), reconcile.Filter{Provider: provider, Kind: reconcile.PerhapsSame, Open: true}, registry.Page{})
	if err != nil || l.Next != "" {
		p.t.Fatal(err)
	}
	for _, i := range l.Items {
		waiting[int64(i.Stated)]++
	}
	return r.State
}

// tally counts what the pairs of exports showed.
type tally struct{ pairs, rows, waiting int }

// check uploads a pair, and checks that each payer was credited once or waits.
func (p *pairShop) check(sum *tally, seed uint64, all []moved, one, two export) {
	p.t.Helper()
	provider, credited, waiting := p.upload(all, one, two)
	state := p.reconciled(provider, waiting)
	want, whole := map[int64]int{}, true
	for i, m := range all {
		in := func(e export) bool { return i >= len(all)*e.from/4 && i < len(all)*e.to/4 }
		whole = whole && in(one) && in(two)
		if m.amount > 0 && (in(one) || in(two)) {
			want[m.amount]++
		}
	}
	waits := 0
	for amount, n := range want {
		if waits += waiting[amount]; credited[amount] > n || credited[amount]+waiting[amount] < n {
			p.t.Errorf("seed %d, %s then %s: %d payments of %d were credited %d times, and %d wait", seed, one, two, n, amount, credited[amount], waiting[amount])
		}
		if whole && state == reconcile.Closed && credited[amount] != n {
			p.t.Errorf("seed %d, %s then %s: the day is closed, and %d of %d payments of %d were credited", seed, one, two, credited[amount], n, amount)
		}
		sum.rows += n
	}
	switch {
	case waits > 0 && one.refs == two.refs && one.refs != "none":
		p.t.Errorf("seed %d, %s then %s: %d rows wait, although both exports have references", seed, one, two, waits)
	case waits > 0 && state == reconcile.Closed:
		p.t.Errorf("seed %d, %s then %s: the day closed while %d rows wait", seed, one, two, waits)
	case waits == 0 && whole && state == reconcile.Open: // receipts alone do not cover the day of another time zone
		p.t.Errorf("seed %d, %s then %s: the day is %s: %v", seed, one, two, state, p.kinds(provider))
	}
	sum.pairs++
	sum.waiting += waits
}

func (p *pairShop) kinds(provider string) (out []string) {
	l, err := p.st.Items(p.t.Context(), owner(), reconcile.Filter{Provider: provider, Open: true}, registry.Page{})
	if err != nil {
		p.t.Fatal(err)
	}
	for _, i := range l.Items {
		out = append(out, fmt.Sprintf("%s %d/%d %s", i.Kind, i.Stated, i.Paid, i.Note))
	}
	return out
}

// TestEveryPairOfExportsOfADay uploads every pair of exports of a random day: formats, references, times, spellings, halves and overlaps.
// -pair-days 20 takes 20 days; by default the pairs of internal/reconcile stand for them.
func TestEveryPairOfExportsOfADay(t *testing.T) {
	p, sum := newPairShop(t), &tally{}
	for n := range *pairDays {
		seed := *pairSeed + uint64(n)
		all := randomDay(rand.New(rand.NewPCG(seed, 51)), p.day)
		for _, one := range exports() {
			for _, two := range exports() {
				p.check(sum, seed, all, one, two)
			}
		}
	}
	if sum.rows == 0 {
		return
	}
	t.Logf("figures: %d pairs of exports with %d payments, of which %d wait for a person (%.1f %%)", sum.pairs, sum.rows, sum.waiting, 100*float64(sum.waiting)/float64(sum.rows))
}

// TestARandomPairOfExports uploads one pair of exports of many days. -random-pairs 10000 takes 10,000 days.
func TestARandomPairOfExports(t *testing.T) {
	p, sum := newPairShop(t), &tally{}
	for n := range *randomDays {
		seed := *pairSeed + uint64(n)
		r := rand.New(rand.NewPCG(seed, 52))
		all := randomDay(r, p.day)
		p.check(sum, seed, all, exports()[r.IntN(len(exports()))], exports()[r.IntN(len(exports()))])
	}
	t.Logf("figures: %d random pairs of exports with %d payments, of which %d wait for a person (%.1f %%)", sum.pairs, sum.rows, sum.waiting, 100*float64(sum.waiting)/float64(sum.rows))
}
