package shoptest_test

// A paper keeps what it said: it is printed when it is made, everything that it shows is changed, and it is printed again.

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/dayclose"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/office"
	"github.com/paywatt/paywatt/internal/print"
	"github.com/paywatt/paywatt/internal/receipt"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/internal/till"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/vendor"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/internal/words"
	"github.com/paywatt/paywatt/internal/words/wordstest"
	"github.com/paywatt/paywatt/unit"
)

// printed are the functions of package print that arrange something in a language. An empty reason means that the test prints what it arranges
// again; the others have the reason why it does not.
func printed() map[string]string {
	return map[string]string{
		"Receipt": "", "Shift": "", "ClosedDay": "", "Statement.Sheet": "", "HTML": "", "SMS": "",
		"Text32": "a layout of what Receipt arranges", "Text48": "the same", "ReceiptPDF": "the same", "ReceiptESCPOS": "the same",
		"Title": "a part of a receipt", "Marks": "the same", "Actor": "the name of a seller as it was stored",
		"NewBook": "statements, one after another", "Trial": "shows whether a printer works today", "Doors": "cards of today for the doors of flats",
	}
}

// TestEveryPaperIsInTheList: the list of papers is drawn from the code, so a new paper fails until it is printed again or has a reason.
func TestEveryPaperIsInTheList(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "print", "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatal("package print was not found", err)
	}
	left := printed()
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range tree.Decls {
			f, is := d.(*ast.FuncDecl)
			if !is || !f.Name.IsExported() || !takesTexts(f.Type) {
				continue
			}
			name := receiverOf(f) + f.Name.Name
			if _, listed := left[name]; !listed {
				t.Errorf("%s arranges a paper, and printed() does not have it", name)
			}
			delete(left, name)
		}
	}
	for name := range left {
		t.Errorf("package print has no %s: take it off printed()", name)
	}
}

// takesTexts reports whether a function, or one that it returns, takes the texts of a language.
func takesTexts(f *ast.FuncType) (takes bool) {
	ast.Inspect(f, func(n ast.Node) bool {
		if s, is := n.(*ast.SelectorExpr); is && s.Sel.Name == "Texts" {
			takes = true
		}
		return true
	})
	return takes
}

// receiverOf is the name of a method's type, with a point.
func receiverOf(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return ""
	}
	kind := f.Recv.List[0].Type
	if star, is := kind.(*ast.StarExpr); is {
		kind = star.X
	}
	named, is := kind.(*ast.Ident)
	if !is {
		return "?."
	}
	return named.Name + "."
}

// titles are the titles that a receipt can have.
func titles(t *testing.T) []string {
	t.Helper()
	field, found := reflect.TypeFor[apiv1.Receipt]().FieldByName("Title")
	all := strings.Split(field.Tag.Get("enum"), ",")
	if !found || len(all) < 5 {
		t.Fatalf("the titles of receipts are %q", all)
	}
	return all
}

// paperShop is a shop with everything that papers show.
type paperShop struct {
	*shop
	r         *rand.Rand
	n         int // of the names, the sales and the papers so far
	registry  *registry.Registry
	office    *office.Office
	days      *dayclose.Days
	languages []*words.Texts

	tariff    id.ID
	versions  int
	vendor    vendor.Vendor
	meters    []string
	customers []id.ID

	papers []*madePaper
	shown  map[string]bool // functions of print, and titles, that were printed
}

// madePaper is a paper that was made.
type madePaper struct {
	name  string
	print func() map[string]string // in each form and language, without the mark of a copy
	said  map[string]string
}

func openPaperShop(t *testing.T, seed uint64) *paperShop {
	t.Helper()
	s := &paperShop{shop: open(t, true), r: rand.New(rand.NewPCG(seed, 70)), shown: map[string]bool{}, versions: 1}
	for _, name := range []string{"en", "fr"} {
		s.languages = append(s.languages, wordstest.Languages(t).For(name))
	}
	s.registry = registry.New(registry.Config{Sealer: s.sealer, Now: s.clock.Now,
		Door: store.DoorTo(s.engine, store.Sale, func(tx *store.Tx) registry.Tx { return tx })})
	s.days = dayclose.New(dayclose.Config{Hasher: s.sealer, Now: s.clock.Now, MayDate: s.MayDate,
		Door: store.DoorTo(s.engine, store.Sale, func(tx *store.Tx) dayclose.Tx { return tx })})
	wallets := wallet.New(wallet.Config{Sealer: s.sealer, Now: s.clock.Now,
		Door: store.DoorTo(s.engine, store.Sale, func(tx *store.Tx) wallet.Tx { return tx })})
	s.office = office.New(office.Config{Door: store.DoorTo(s.engine, store.Sale, func(tx *store.Tx) office.Tx { return tx }),
		Tills: s.Tills, Days: s.days, Debts: s.Debts, Wallets: wallets, Vending: s.Vending, Now: s.clock.Now})
	s.tariff = s.publish("domestic", flat(), monday())
	s.publish("shops", dearer(), monday())
	for n := range 4 {
		s.meters = append(s.meters, s.meter(n+1, place{tariff: s.tariff, meter: func(m *registry.Meter) { m.Simulated = n >= 2 }}))
	}
	s.meters = append(s.meters, s.walletMeter(5, s.tariff))
	s.do(func(tx *store.Tx) error {
		s.customers = nil
		return tx.C.Query(`SELECT id FROM customer ORDER BY id`, func(r core.Row) error { s.customers = append(s.customers, r.ID(0)); return nil })
	})
	s.installMeters()
	s.vendor = s.shop.vendor(vendor.NewVendor{})
	s.payIn(s.vendor, 500_000, "slip")
	return s
}

// installMeters stores that the meters hang where their accounts are, as a registration does.
func (s *paperShop) installMeters() {
	s.t.Helper()
	s.do(func(tx *store.Tx) error {
		for _, number := range s.meters {
			m, _, err := tx.MeterByNumber(number)
			if err != nil {
				return err
			}
			var point id.ID
			_, err = tx.One(`SELECT service_point_id FROM account WHERE tenant_id = $1 AND id = $2`, func(r core.Row) error {
				point = r.ID(0)
				return nil
			}, tx.Tenant, m.Account)
			if err != nil {
				return err
			}
			if err := tx.AddInstall(m.N, point, m.CreatedAt); err != nil {
				return err
			}
		}
		return nil
	})
}

// next returns a number that was not used before.
func (s *paperShop) next() int { s.n++; return s.n }

// makeText returns a text that no paper had before.
func (s *paperShop) makeText(kind string) *string {
	text := fmt.Sprintf("%s %d", kind, s.next())
	return &text
}

// settingsNames are the texts of settings, by the field of their change. An empty kind means that no paper shows them.
func settingsNames() map[string]string {
	return map[string]string{"Name": "Power company", "VATNo": "P", "Address": "Shore Street", "Contact": "+254 700", "Message": "Thank you",
		"TZ": "", "Currency": "", "QuietFrom": "", "QuietTo": "", "EmergencyFrom": "", "EmergencyTo": ""}
}

// changeSettings changes all texts of the settings that papers show.
func (s *paperShop) changeSettings() {
	s.t.Helper()
	var c registry.SettingsChange
	v := reflect.ValueOf(&c).Elem()
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if field.Type != reflect.TypeFor[*string]() {
			continue
		}
		kind, listed := settingsNames()[field.Name]
		if !listed {
			s.t.Errorf("settings have a text %s, and settingsNames() does not say whether papers show it", field.Name)
		}
		if kind != "" {
			v.Field(i).Set(reflect.ValueOf(s.makeText(kind)))
		}
	}
	out, err := s.registry.ChangeSettings(context.Background(), owner(), c)
	if err != nil || out.Refused() || out.Waits != nil {
		s.t.Fatal("settings", out.Detail(), err)
	}
}

// changeZone moves the utility to another time zone.
func (s *paperShop) changeZone() {
	s.t.Helper()
	s.moveTo([]string{"Africa/Lagos", "Africa/Nairobi", "Asia/Kolkata"}[s.r.IntN(3)])
}

// moveTo moves the utility to a time zone.
func (s *paperShop) moveTo(zone string) {
	s.t.Helper()
	out, err := s.registry.ChangeSettings(context.Background(), owner(), registry.SettingsChange{TZ: &zone})
	if err != nil || out.Refused() {
		s.t.Fatal("zone", out.Detail(), err)
	}
}

// changeCustomer changes everything about a customer.
func (s *paperShop) changeCustomer(i id.ID) {
	s.t.Helper()
	phone, lang := fmt.Sprintf("+2547%08d", s.next()), []string{"en", "fr", "sw"}[s.r.IntN(3)]
	notices := s.r.IntN(2) == 0
	c := registry.CustomerChange{Name: s.makeText("Amina"), Phone: &phone, IDNo: s.makeText("ID"), Lang: &lang, Notices: &notices}
	for f := range reflect.TypeOf(c).NumField() {
		if field := reflect.ValueOf(c).Field(f); field.Kind() == reflect.Pointer && field.IsNil() {
			s.t.Errorf("a customer has a %s, and the test does not change it", reflect.TypeOf(c).Field(f).Name)
		}
	}
	out, err := s.registry.ChangeCustomer(context.Background(), owner(), i.Text(id.Customer), c)
	if err != nil || out.Refused() {
		s.t.Fatal("customer", out.Detail(), err)
	}
}

func (s *paperShop) changeVendor() {
	s.t.Helper()
	out, err := s.SetTerms(context.Background(), owner(), s.vendor.Code, vendor.Terms{Name: s.makeText("Kiosk")})
	if err != nil || out.Refused() || out.Waits != nil {
		s.t.Fatal("vendor", out.Detail(), err)
	}
}

// changeTariff makes everything dearer.
func (s *paperShop) changeTariff() {
	s.versions++
	b := flat()
	b.VATBps, b.Blocks[0].Rate = money.Bps(1500+s.versions), money.MicroRate(2_500_000+1000*s.versions)
	s.republish(s.tariff, s.versions, b, s.clock.Now())
}

// dearer is a tariff that is dearer than each version of the other.
func dearer() tariff.Body {
	b := flat()
	b.Blocks[0].Rate = 9_000_000
	return b
}

// changeTariffOf gives a meter the dearer tariff.
func (s *paperShop) changeTariffOf(meter string) {
	s.t.Helper()
	s.pass()
	out, err := s.registry.ChangeTariff(context.Background(), owner(), meter, registry.ChangingTariff{Tariff: "shops", Reason: "it became a shop"})
	if err != nil || out.Refused() || out.Waits != nil {
		s.t.Fatal("tariff of a meter", out.Detail(), err)
	}
}

// removeMeter replaces a meter and takes the old one off the wall.
func (s *paperShop) removeMeter(old string) {
	s.t.Helper()
	s.pass()
	fresh := s.stocked(len(s.meters)+1, registry.PrepayToken, s.tariff)
	if out := s.swaps(vending.Swap{Old: old, New: fresh, Balance: ptr(unit.Energy(0))}, "paper-swap"); out.Refused() {
		s.t.Fatal("swap", out.Detail())
	}
	s.pass()
	s.endMeter(old)
}

// moveHome lets the customer of a meter move out, and another one move in.
func (s *paperShop) moveHome(meter string, left registry.CreditLeft) {
	s.t.Helper()
	homes := &tenancies{shop: s.shop, registry: s.registers(), meter: meter}
	s.clock.add(time.Minute)
	homes.leave(left)
	s.pass()
	homes.enter(registry.MovingIn{Customer: &registry.NewCustomer{Name: *s.makeText("Kwame")}})
}

// changes are the changes of what papers show, of which papers take no notice.
func (s *paperShop) changes() []func() {
	all := []func(){s.changeSettings, s.changeVendor, s.changeTariff}
	for _, c := range s.customers {
		all = append(all, func() { s.changeCustomer(c) })
	}
	return all
}

// pass lets some time pass, down to a microsecond.
func (s *paperShop) pass() {
	s.clock.add(time.Duration(1+s.r.Int64N([]int64{2, 1_000_000, 60_000_000}[s.r.IntN(3)])) * time.Microsecond)
}

// changeSome changes each text, or each by chance.
func (s *paperShop) changeSome(all bool) {
	for _, change := range s.changes() {
		if all || s.r.IntN(2) == 0 {
			s.pass()
			change()
		}
	}
	s.pass()
}

// sellTo sells to a meter.
func (s *paperShop) sellTo(meter int, minor money.Minor) sale.Sale {
	s.t.Helper()
	s.pass()
	return s.sell(order(s.meters[meter], minor, fmt.Sprintf("paper-%d", s.next()))).Sale
}

// add prints a paper for the first time.
func (s *paperShop) add(name string, print func() map[string]string) {
	s.t.Helper()
	s.papers = append(s.papers, &madePaper{name: name, print: print, said: print()})
}

// addReceipt prints the receipt of a sale, or its credit note.
func (s *paperShop) addReceipt(sold sale.Sale, credit bool) {
	s.t.Helper()
	prints := 0
	s.add(fmt.Sprintf("receipt %s, credit note %t", sold.ReceiptNo, credit), func() map[string]string {
		get := s.Paper
		if credit {
			get = s.CreditPaper
		}
		got, err := get(context.Background(), owner(), sold.ID.Text(id.Vend))
		if err != nil || got.Refused() {
			s.t.Fatal(got.Detail(), err)
		}
		if copied := got.Receipt.Copy > 0; copied != (prints > 0) {
			s.t.Errorf("print %d of %s is a copy: %t", prints+1, sold.ReceiptNo, copied)
		}
		prints++
		return s.receiptForms(got.Receipt)
	})
}

// receiptForms lays a receipt out in every form, without the marks that come later.
func (s *paperShop) receiptForms(r receipt.Receipt) map[string]string {
	s.t.Helper()
	r.Copy, r.Reversed = 0, false
	document, err := receipt.JSON(r)
	if err != nil {
		s.t.Fatal(err)
	}
	if back, err := receipt.ParseJSON(document); err != nil || len(back.Altered) != 0 {
		s.t.Errorf("receipt %s is read back with %q altered, %v", r.No, back.Altered, err)
	}
	out := map[string]string{"json": string(document)}
	for _, say := range s.languages {
		html, err := print.HTML(say, r)
		if err != nil {
			s.t.Fatal(err)
		}
		out["html "+say.Code()], out["sms "+say.Code()] = html, strings.Join(print.SMS(say, r), "|")
		out["text "+say.Code()] = print.Receipt(say, r).Text(48)
	}
	for _, name := range []string{"Receipt", "HTML", "SMS", r.Title} {
		s.shown[name] = true
	}
	return out
}

// addReport prints a paper of the office.
func (s *paperShop) addReport(kind, name string, get func() (office.Report, error)) {
	s.t.Helper()
	s.add(kind+" "+name, func() map[string]string {
		got, err := get()
		if err != nil || got.Refused() {
			s.t.Fatal(kind, name, got.Detail(), err)
		}
		s.shown[kind] = true
		out := map[string]string{"name": got.Name}
		for _, say := range s.languages {
			plain := say.Plain()
			printed := plain.OverviewAt(plain.Clock(got.House.At.In(got.House.Zone)))
			lines := strings.Split(got.Sheet(say).Text(80), "\n")
			out[say.Code()] = strings.Join(slices.DeleteFunc(lines, func(l string) bool { return strings.TrimSpace(l) == printed }), "\n")
		}
		return out
	})
}

// makePapers makes papers of every kind, while what they show changes.
func (s *paperShop) makePapers() {
	s.t.Helper()
	ctx := context.Background()
	for round := range 2 {
		s.changeZone()
		s.changeSome(true)
		if round == 1 {
			s.changeTariffOf(s.meters[0])
			s.changeTariffOf(s.meters[4]) // its balance is on the server
		}
		shift, err := s.Tills.Open(ctx, owner(), till.Opening{Till: "main", Float: kes(1000)})
		if err != nil || shift.Refused() {
			s.t.Fatal(shift.Detail(), err)
		}
		for n := range s.meters {
			sold := s.sellTo(n, 10_000)
			s.addReceipt(sold, false)
			if n%2 == 1 {
				s.changeSome(false)
				s.reversed(owner(), sold, "mistyped")
				s.addReceipt(sold, true)
			}
			s.changeSome(false)
		}
		sold := s.sellAs(clerk(s.vendor), order(s.meters[0], 10_000, fmt.Sprintf("paper-%d", s.next())))
		if sold.Refused() {
			s.t.Fatal(sold.Detail())
		}
		s.addReceipt(sold.Sale, false)
		closed, err := s.Tills.Close(ctx, owner(), till.Count{Counted: kes(5000)})
		if err != nil || closed.Refused() {
			s.t.Fatal(closed.Detail(), err)
		}
		name := shift.Value.Shift.Name()
		s.addReport("Shift", name, func() (office.Report, error) { return s.office.Shift(ctx, owner(), name) })
		s.clock.add(time.Hour)
	}
	s.clock.add(48 * time.Hour)
	s.sealed()
	day, err := s.days.Close(ctx, owner(), dayclose.Closing{Accept: true})
	if err != nil || day.Refused() {
		s.t.Fatal(day.Detail(), err)
	}
	s.addReport("ClosedDay", day.Date, func() (office.Report, error) {
		got, err := s.office.ClosedDay(ctx, owner(), day.Date)
		return got.Report, err
	})
	s.changeSome(false)
	s.clock.add(15 * 24 * time.Hour)
	for _, meter := range s.meters {
		account := s.account(meter).Text(id.Account)
		s.addReport("Statement.Sheet", meter, func() (office.Report, error) {
			got, err := s.office.Statement(ctx, owner(), account, "2026-11")
			return got.Report, err
		})
	}
}

// TestAPaperKeepsWhatItSaid prints papers of every kind, changes everything that they show, and prints them again: only the mark of a copy, and the
// time at which the office prints, differ.
func TestAPaperKeepsWhatItSaid(t *testing.T) {
	needsWholeStore(t)
	t.Run("SQLite", keptPapers)
	t.Run("PostgreSQL", func(t *testing.T) {
		inPostgres(t)
		keptPapers(t)
	})
}

func keptPapers(t *testing.T) {
	seed := tier.Seed(t)
	for n := range uint64(drawn(tier.PaperLives)) {
		s := openPaperShop(t, seed+n)
		s.makePapers()
		s.changeSome(true)
		s.moveTo("America/New_York")
		s.changeTariffOf(s.meters[1])
		s.removeMeter(s.meters[0])
		s.moveHome(s.meters[1], registry.CreditOf(2400))
		s.moveHome(s.meters[4], registry.CreditLeft{}) // its balance is on the server
		s.verifies(t)
		for _, p := range s.papers {
			again := p.print()
			for _, form := range slices.Sorted(maps.Keys(p.said)) {
				if again[form] != p.said[form] {
					t.Errorf("%s in form %q was\n%s\nand is printed again as\n%s", p.name, form, p.said[form], again[form])
				}
			}
		}
		want := titles(t)
		for name, reason := range printed() {
			if reason == "" {
				want = append(want, name)
			}
		}
		for _, name := range want {
			if !s.shown[name] {
				t.Errorf("no paper %s was printed", name)
			}
		}
	}
}

// verifies checks that verification finds nothing.
func (s *paperShop) verifies(t *testing.T) {
	t.Helper()
	s.sealed()
	for _, f := range s.verifyBooks() {
		t.Errorf("verify: %s: %s", f.Rule, f.What)
	}
}

// TestACopySaysThatTheNameWasErased: a name that was taken away is on no copy, and the copy says so. It stays erased when there is a name again.
func TestACopySaysThatTheNameWasErased(t *testing.T) {
	needsWholeStore(t)
	s := openPaperShop(t, 1)
	s.changeSome(true)
	sold := s.sellTo(1, 10_000)
	s.reversed(owner(), sold, "mistyped")
	name := s.customerName(sold)
	s.addReceipt(sold, false)
	s.addReceipt(sold, true)
	s.addReport("Statement.Sheet", s.meters[1], func() (office.Report, error) {
		got, err := s.office.Statement(context.Background(), owner(), s.meters[1], "")
		return got.Report, err
	})
	for _, p := range s.papers {
		for form, text := range p.said {
			if !strings.HasPrefix(form, "sms") && form != "name" && !strings.Contains(text, name) {
				t.Errorf("%s in form %q does not name %s:\n%s", p.name, form, name, text)
			}
		}
	}
	s.pass()
	for _, slip := range []registry.CustomerChange{{Name: ptr("")}, {Name: ptr(" ")}, {Name: ptr("Eve"), EraseName: true}} {
		if got := s.changeOf(sold, slip); got.Code != refusal.InvalidRequest || s.customerName(sold) != name {
			t.Errorf("a change with the name %q, erases %t: %s, and the customer is now %q",
				*slip.Name, slip.EraseName, got.Detail(), s.customerName(sold))
		}
	}
	s.rename(sold, "")
	if n := s.number(`SELECT COUNT(*) FROM audit WHERE action = 'customer.change' AND after LIKE '% name erased'`); n != 1 {
		t.Errorf("the audit log has %d entries about an erased name, want 1", n)
	}
	s.verifies(t)
	s.erasedPapers(t, s.papers, name)
	s.pass()
	s.rename(sold, "Somebody")
	s.erasedPapers(t, s.papers[:2], name) // the statement of the month so far names who is the customer now
	s.verifies(t)
}

// erasedPapers checks that papers say that the name was erased.
func (s *paperShop) erasedPapers(t *testing.T, papers []*madePaper, name string) {
	t.Helper()
	for _, p := range papers {
		for form, text := range p.print() {
			if strings.Contains(text, name) {
				t.Errorf("%s in form %q still names %s:\n%s", p.name, form, name, text)
			}
			says := strings.HasSuffix(form, " en") && !strings.HasPrefix(form, "sms")
			if strings.Contains(p.name, "receipt") && says && !strings.Contains(text, s.languages[0].PaperErased()) {
				t.Errorf("%s in form %q does not say that the name was erased:\n%s", p.name, form, text)
			}
			if form == "json" && !strings.Contains(text, `"customer_erased":true`) {
				t.Errorf("%s does not say that the name was erased: %s", p.name, text)
			}
		}
	}
}

// customerOf returns the customer of a sale.
func (s *paperShop) customerOf(sold sale.Sale) (c registry.Customer) {
	s.t.Helper()
	s.do(func(tx *store.Tx) (err error) {
		c, _, err = tx.AccountHolder(sold.Account)
		return err
	})
	return c
}

func (s *paperShop) customerName(sold sale.Sale) string { return s.customerOf(sold).Name }

// changeOf changes the customer of a sale.
func (s *paperShop) changeOf(sold sale.Sale, c registry.CustomerChange) refusal.Refusal {
	s.t.Helper()
	out, err := s.registry.ChangeCustomer(context.Background(), owner(), s.customerOf(sold).ID.Text(id.Customer), c)
	if err != nil {
		s.t.Fatal(err)
	}
	return out.Refusal
}

// rename changes the name of the customer of a sale. Without a name it erases the present one.
func (s *paperShop) rename(sold sale.Sale, name string) {
	s.t.Helper()
	if no := s.changeOf(sold, registry.CustomerChange{Name: &name, EraseName: name == ""}); no.Refused() {
		s.t.Fatal(no.Detail())
	}
}

// TestACopyOfAnOlderVersionSaysSo: an older version stored no texts of papers. The audit log knows what the letterhead was, and that the name of
// the customer may have been another one. The copy then shows today's name and says so.
func TestACopyOfAnOlderVersionSaysSo(t *testing.T) {
	needsWholeStore(t)
	t.Run("SQLite", copiesOfAnOlderVersion)
	t.Run("PostgreSQL", func(t *testing.T) {
		inPostgres(t)
		copiesOfAnOlderVersion(t)
	})
}

func copiesOfAnOlderVersion(t *testing.T) {
	s := openPaperShop(t, 1)
	s.changeSome(true)
	sold := s.sellTo(0, 10_000)
	get := func() receipt.Receipt {
		got, err := s.Receipt(context.Background(), owner(), sold.ID.Text(id.Vend))
		if err != nil || got.Refused() {
			t.Fatal(got.Detail(), err)
		}
		return got.Receipt
	}
	said := get()
	older := func() { // the rows of this version are gone
		s.do(func(tx *store.Tx) error { _, err := tx.C.Exec(`DELETE FROM paper_text`); return err })
	}
	older()
	if got := get(); !reflect.DeepEqual(got, said) {
		t.Errorf("nothing changed, and the copy is %+v, want %+v", got, said)
	}
	s.pass()
	s.changeSettings()
	older()
	if got := get(); !reflect.DeepEqual(got, said) {
		t.Errorf("the audit log has the letterhead, and the copy is %+v, want %+v", got, said)
	}
	s.rename(sold, "Amina Z.")
	older()
	want := said
	want.Customer, want.Today = "Amina Z.", true
	if got := get(); !reflect.DeepEqual(got, want) {
		t.Errorf("the audit log has no names of customers, and the copy is %+v, want %+v", got, want)
	}
	if text := print.Text48(s.languages[0], get()); !strings.Contains(text, s.languages[0].PaperToday()) {
		t.Errorf("the copy does not say that it has today's details:\n%s", text)
	}
	if later := s.sellTo(0, 5000); s.receiptOf(later).Today {
		t.Error("a receipt after the change says that it has the details of another time")
	}
}

// receiptOf returns the receipt of a sale.
func (s *paperShop) receiptOf(sold sale.Sale) receipt.Receipt {
	s.t.Helper()
	got, err := s.Receipt(context.Background(), owner(), sold.ID.Text(id.Vend))
	if err != nil || got.Refused() {
		s.t.Fatal(got.Detail(), err)
	}
	return got.Receipt
}
