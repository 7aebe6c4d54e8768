package console

import (
	"cmp"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/explain"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/words"
	"github.com/paywatt/paywatt/unit"
)

// A tariff is published in two steps: the form, and a check that shows the tariff in sentences, what months of different use cost, and for a
// new version what each customer of the last months would have paid. Only the button of the check publishes.

// blockFields is one block as somebody typed it. The last block has no limit.
type blockFields struct{ UpTo, Rate string }

// tariffBlocks is how many blocks the form offers.
const tariffBlocks = 4

// tariffFields is a tariff as somebody typed it. Document, the JSON of the API, stands for all fields of the price.
type tariffFields struct {
	Of, Name, Currency, VAT, Rate string
	Replaces                      string // number of the version that this one replaces
	Blocks                        [tariffBlocks]blockFields
	Monthly, MonthlyName          string
	Least, Most, From, Document   string
}

// tariffForm is the first step.
type tariffForm struct {
	tariffFields
	FormID, Error, SignIn string
	HasCurrency, Manages  bool
}

// monthCost is what a month with some energy costs.
type monthCost struct{ Energy, Now, Draft string }

// useSimulated is what the customers of the last months would have paid.
type useSimulated struct {
	Meters, Months, Before, After, Less, More, Same string
	Rises                                           []riseLine
}

type riseLine struct{ Meter, Before, After string }

// tariffCheck is the second step.
type tariffCheck struct {
	tariffFields
	FormID, Begins, Command string
	File                    string // the document of the price, if the command reads it
	Words                   []string
	Does                    []string // what a correction does to money
	Costs                   []monthCost
	Use                     *useSimulated // nil for a new tariff
}

// typedTariff reads the form.
func typedTariff(r *http.Request) tariffFields {
	field := func(name string) string { return strings.TrimSpace(r.PostFormValue(name)) }
	f := tariffFields{Of: field("of"), Replaces: field("replaces"), Name: field("name"), Currency: strings.ToUpper(field("currency")),
		VAT: field("vat"), Rate: field("rate"),
		Monthly: field("monthly"), MonthlyName: field("monthly_name"), Least: field("least"), Most: field("most"), From: field("from"), Document: field("document")}
	for i := range f.Blocks {
		f.Blocks[i] = blockFields{field("upto" + itoa(i)), field("rate" + itoa(i))}
	}
	return f
}

// blocks returns the blocks that somebody filled in.
func (f tariffFields) blocks() (out []blockFields) {
	for _, b := range f.Blocks {
		if b != (blockFields{}) {
			out = append(out, b)
		}
	}
	return out
}

// price reads the typed figures as the document of the API.
func (f tariffFields) price(t *words.Texts) (p apiv1.Price, no refusal.Refusal) {
	if f.Document != "" {
		if err := json.Unmarshal([]byte(f.Document), &p); err != nil {
			return p, refuse.TariffFormDocument(err.Error())
		}
		p.Currency = cmp.Or(p.Currency, f.Currency)
		return p, no
	}
	cur, known := money.CurrencyOf(f.Currency)
	if !known {
		return p, refuse.TariffCurrencyUnknown(refusal.Echo(f.Currency))
	}
	number := func(text string, c money.Currency) int64 {
		n, err := t.Parse(text, c)
		if err != nil && !no.Refused() {
			no = refuse.TariffFormNumber(refusal.Echo(text))
		}
		return int64(n)
	}
	amount := func(text string) int64 {
		if text == "" {
			return 0
		}
		return number(text, cur)
	}
	micro, watts := money.Currency{Exp: 6}, money.Currency{Exp: 3}
	p = apiv1.Price{Currency: f.Currency, VATBps: number(cmp.Or(f.VAT, "0"), money.Currency{Exp: 2}), MinVendMinor: amount(f.Least), MaxVendMinor: amount(f.Most)}
	if f.Rate != "" {
		p.FlatMicro = new(number(f.Rate, micro))
	}
	for _, b := range f.blocks() {
		block := apiv1.Block{RateMicro: number(b.Rate, micro)}
		if b.UpTo != "" {
			block.UpToWh = new(number(b.UpTo, watts))
		}
		p.Blocks = append(p.Blocks, block)
	}
	if f.Monthly != "" {
		p.Fixed = []apiv1.FixedCharge{{Name: cmp.Or(f.MonthlyName, "service"), AmountMinor: amount(f.Monthly), Per: "month"}}
	}
	return p, no
}

// begins reads when the tariff begins, in the utility's zone; empty means at once.
func (f tariffFields) begins(zone *time.Location) (time.Time, refusal.Refusal) {
	if f.From == "" || f.Of == "" || f.Replaces != "" { // the first version of a tariff begins at once, and a replacing one at a known time
		return time.Time{}, refusal.Refusal{}
	}
	at, ok := readLocal(f.From, zone)
	if !ok {
		return time.Time{}, refuse.TariffFormBegins(refusal.Echo(f.From))
	}
	return at, refusal.Refusal{}
}

// readReplaced reads the number of the version that this one replaces; 0 for none.
func (f tariffFields) readReplaced() (int, refusal.Refusal) {
	if f.Replaces == "" {
		return 0, refusal.Refusal{}
	}
	n, err := strconv.Atoi(f.Replaces)
	if err != nil || n <= 0 {
		return 0, refuse.TariffVersionNotFound(refusal.Echo(f.Of), 0)
	}
	return n, refusal.Refusal{}
}

// formPath is the address of the form. A correction has one of its own: a server of an earlier version refuses it, and would publish it at once here.
func (f tariffFields) formPath() string {
	if f.Replaces != "" {
		return "/tariffs/corrections"
	}
	return "/tariffs"
}

// fieldsOfPrice writes a price as somebody would type it. A price that the fields cannot show becomes the document.
func fieldsOfPrice(t *words.Texts, p apiv1.Price) (f tariffFields) {
	f.Currency = p.Currency
	cur, _ := money.CurrencyOf(p.Currency)
	amount := func(minor int64) string {
		if minor == 0 {
			return ""
		}
		return t.Typed(money.Minor(minor), cur)
	}
	scaled := func(n int64, exp int) string {
		whole := money.Format(money.Minor(n), money.Currency{Exp: exp})
		return t.Decimal(strings.TrimSuffix(strings.TrimRight(whole, "0"), "."))
	}
	f.VAT, f.Least, f.Most = scaled(p.VATBps, 2), amount(p.MinVendMinor), amount(p.MaxVendMinor)
	if p.FlatMicro != nil {
		f.Rate = scaled(*p.FlatMicro, 6)
	}
	for i, b := range p.Blocks[:min(len(p.Blocks), tariffBlocks)] {
		f.Blocks[i].Rate = scaled(b.RateMicro, 6)
		if b.UpToWh != nil {
			f.Blocks[i].UpTo = scaled(*b.UpToWh, 3)
		}
	}
	if len(p.Fixed) > 0 {
		f.Monthly, f.MonthlyName = amount(p.Fixed[0].AmountMinor), p.Fixed[0].Name
	}
	whole, err := json.MarshalIndent(p, "", "  ")
	again, no := f.price(t)
	simple, wrong := json.MarshalIndent(again, "", "  ")
	if err == nil && wrong == nil && (no.Refused() || string(simple) != string(whole)) {
		return tariffFields{Currency: p.Currency, Document: string(whole)}
	}
	return f
}

// newTariff shows the form, with the prices in force if it is for a new version, or those of the version that it replaces.
func (s *Console) newTariff(w http.ResponseWriter, r *http.Request, v visit) {
	f := tariffFields{Of: r.URL.Query().Get("of")}
	replaces := r.URL.Query().Get("replaces")
	if f.Of != "" {
		got, err := s.c.Registry.TariffVersions(r.Context(), v.by, f.Of, registry.Page{Limit: 200}) // a version to come is among the newest
		if s.stopped(w, r, v, err, got.Refusal) {
			return
		}
		f.Replaces = replaces
		for _, version := range got.Data {
			if replaces == "" && version.ID == got.Force || replaces == itoa(version.N) {
				f = fieldsOfPrice(v.site.say, apiv1.Price(version.Body.Document()))
				f.Of, f.Replaces = version.Name, replaces
			}
		}
	}
	s.showTariffForm(w, r, v, http.StatusOK, f, "")
}

func (s *Console) showTariffForm(w http.ResponseWriter, r *http.Request, v visit, status int, f tariffFields, problem string) {
	no := v.by.Needs(access.WriteTariffs)
	if no.Refused() && no.Code != refusal.SignInAgain {
		s.refuse(w, r, v, no)
		return
	}
	d := tariffForm{tariffFields: f, Error: problem, Manages: !no.Refused(), SignIn: signInAgain(no, "/tariffs/new"), HasCurrency: v.site.currency != ""}
	d.Currency = cmp.Or(v.site.currency, f.Currency)
	var err error
	if d.FormID, err = s.formID(v); err != nil {
		s.broken(w, r, v, err)
		return
	}
	s.show(w, r, status, tariffFormView(s.page(r, v, tariffFormTitle(v.site.say, f.Of)), d))
}

// checkTariff checks a typed tariff, and publishes it if the button of the check was pressed.
func (s *Console) checkTariff(w http.ResponseWriter, r *http.Request, v visit) {
	f := typedTariff(r)
	f.Currency = cmp.Or(v.site.currency, f.Currency)
	body, from, no := s.readTariff(r, v, f)
	replaces := 0
	if !no.Refused() {
		replaces, no = f.readReplaced()
	}
	if no.Refused() {
		s.showTariffForm(w, r, v, http.StatusUnprocessableEntity, f, v.site.say.Refusal(no).Detail())
		return
	}
	switch r.PostFormValue("act") {
	case "change":
		s.showTariffForm(w, r, v, http.StatusOK, f, "")
		return
	case "publish":
	default:
		s.showTariffCheck(w, r, v, f, body, from)
		return
	}
	var done registry.AddedTariff
	var err error
	if f.Of != "" {
		n := registry.NewVersion{Tariff: f.Of, Body: body, EffectiveFrom: from, Replaces: replaces}
		done, err = s.c.Registry.AddVersion(r.Context(), v.by, n)
	} else {
		done, err = s.c.Registry.AddTariff(r.Context(), v.by, registry.NewTariff{Name: f.Name, Body: body, EffectiveFrom: from})
	}
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case done.Waits != nil:
		s.showWaits(w, r, v, *done.Waits)
	case done.Refused():
		s.showTariffForm(w, r, v, http.StatusUnprocessableEntity, f, v.site.say.Refusal(done.Refusal).Detail())
	default:
		http.Redirect(w, r, "/tariffs/"+url.PathEscape(cmp.Or(f.Of, f.Name)), http.StatusSeeOther)
	}
}

func (s *Console) readTariff(r *http.Request, v visit, f tariffFields) (body tariff.Body, from time.Time, no refusal.Refusal) {
	if no = v.by.Needs(access.WriteTariffs); no.Refused() {
		return body, from, no
	}
	if !v.owns(r.PostFormValue("form")) {
		return body, from, refuse.OfficeFormOfOtherSession()
	}
	if f.Of == "" && f.Name == "" {
		return body, from, refuse.TariffFormWithoutName()
	}
	price, no := f.price(v.site.say)
	if no.Refused() {
		return body, from, no
	}
	if body, no = tariff.Document(price).Body(); no.Refused() {
		return body, from, no
	}
	from, no = f.begins(v.site.in(s.c.Now()).Location())
	return body, from, no
}

// showTariffCheck shows what the tariff would do. Nothing is published.
func (s *Console) showTariffCheck(w http.ResponseWriter, r *http.Request, v visit, f tariffFields, body tariff.Body, from time.Time) {
	t := v.site.say
	d := tariffCheck{tariffFields: f, Begins: t.TariffFormAtOnce(), Words: explain.Tariff(t, body)}
	d.Command, d.File = f.command(apiv1.Price(body.Document()), from)
	switch {
	case f.Replaces != "":
		if no, err := s.showCorrection(r, v, &d, body); err != nil || no.Refused() {
			if err != nil {
				s.broken(w, r, v, err)
				return
			}
			s.showTariffForm(w, r, v, http.StatusUnprocessableEntity, f, t.Refusal(no).Detail())
			return
		}
	case !from.IsZero():
		d.Begins = t.TariffsFrom(v.site.clock(from))
	}
	now := v.site.in(s.c.Now())
	var present *tariff.Body
	if f.Of != "" {
		last := now.AddDate(0, 0, -now.Day()+1)
		sim := registry.Simulation{Tariff: f.Of, Draft: body}
		if v.by.May(access.ReadVends) && v.by.OfUtility() {
			sim.From, sim.To = last.AddDate(0, -3, 0).Format(tariff.MonthForm), last.Format(tariff.MonthForm)
		}
		got, err := s.c.Registry.Simulate(r.Context(), v.by, sim)
		if err != nil {
			s.broken(w, r, v, err)
			return
		}
		if got.Refused() && got.Code != refusal.TariffMissing {
			s.showTariffForm(w, r, v, http.StatusUnprocessableEntity, f, t.Refusal(got.Refusal).Detail())
			return
		}
		if !got.Refused() {
			present, d.Use = &got.Present.Body, simulatedUse(t, got)
		}
	}
	var err error
	if d.Costs, err = monthCosts(t, now, body, present); err == nil {
		d.FormID, err = s.formID(v)
	}
	if err != nil {
		s.broken(w, r, v, err)
		return
	}
	s.show(w, r, http.StatusOK, tariffCheckView(s.page(r, v, tariffFormTitle(t, f.Of)), d))
}

// showCorrection says whose place the version takes. If that one has begun, it says what customers will owe less and get back.
func (s *Console) showCorrection(r *http.Request, v visit, d *tariffCheck, body tariff.Body) (refusal.Refusal, error) {
	t := v.site.say
	n, no := d.readReplaced()
	if no.Refused() {
		return no, nil
	}
	c, err := s.c.Registry.CheckCorrection(r.Context(), v.by, registry.NewVersion{Tariff: d.Of, Body: body, Replaces: n})
	switch {
	case err != nil:
		return refusal.Refusal{}, err
	case c.Early:
		d.Begins = t.TariffFormInPlace(d.Replaces)
		return refusal.Refusal{}, nil
	case c.Refused():
		return c.Refusal, nil
	}
	p, err := s.c.Debts.PlanCorrection(r.Context(), v.by, debt.Correction{Version: c.Version, Earlier: c.Earlier})
	if err != nil {
		return refusal.Refusal{}, err
	}
	sum := func(m money.Minor) string { return t.Sum(money.Amount{Minor: m, Currency: body.Currency}) }
	d.Begins = t.TariffFormInPlaceBegun(d.Replaces)
	d.Does = []string{t.TariffFormCorrectionEffect(itoa(p.Changed), sum(p.Less), sum(p.Back))}
	if p.More {
		d.Does = append(d.Does, t.TariffFormCorrectionMore(itoa(debt.MaxPlanned)))
	}
	return refusal.Refusal{}, nil
}

// monthCosts prices a month of little, usual and much use, with tax and fixed charges.
func monthCosts(t *words.Texts, now time.Time, draft tariff.Body, present *tariff.Body) (out []monthCost, err error) {
	cost := func(b *tariff.Body, kwh int64) (string, error) {
		if b == nil {
			return "", nil
		}
		bill, err := b.Bill(tariff.MonthUse{Month: now.Format(tariff.MonthForm), Units: unit.Energy(kwh) * unit.KilowattHour}, now.Location())
		return t.Sum(money.Amount{Minor: bill.Paid, Currency: b.Currency}), err
	}
	for _, kwh := range []int64{10, 50, 200} {
		line := monthCost{Energy: t.Energy(unit.Energy(kwh)*unit.KilowattHour, 0)}
		if line.Now, err = cost(present, kwh); err != nil {
			return nil, err
		}
		if line.Draft, err = cost(&draft, kwh); err != nil {
			return nil, err
		}
		out = append(out, line)
	}
	return out, nil
}

// simulatedUse words what the customers of the last months would have paid; nil if nobody used anything.
func simulatedUse(t *words.Texts, got registry.Simulated) *useSimulated {
	c := got.Comparison
	if c == nil || c.Meters == 0 {
		return nil
	}
	b := c.Body()
	amount := func(minor int64) string {
		return t.Sum(money.Amount{Minor: money.Minor(minor), Currency: got.Currency.Code})
	}
	out := &useSimulated{Meters: itoa(b.Meters), Months: itoa(b.Months), Before: amount(b.PaidBeforeMinor), After: amount(b.PaidAfterMinor),
		Less: itoa(b.Winners), More: itoa(b.Losers), Same: itoa(b.Same)}
	for _, rise := range b.Rises {
		out.Rises = append(out.Rises, riseLine{rise.Meter, amount(rise.BeforeMinor), amount(rise.AfterMinor)})
	}
	return out
}

// command is the command that publishes the same tariff. If its options cannot say the whole price, it reads a file, whose content is the second
// value.
func (f tariffFields) command(price apiv1.Price, from time.Time) (command, file string) {
	if f.Of == "" && f.Document == "" && f.Monthly == "" && f.Least == "" && f.Most == "" {
		options := []string{"--currency", f.Currency, "--vat", f.VAT, "--rate", f.Rate}
		for _, b := range f.blocks() {
			value := b.Rate
			if b.UpTo != "" {
				value = b.UpTo + "=" + b.Rate
			}
			options = append(options, "--block", value)
		}
		return commandLine("paywatt tariff add "+shellWord(f.Name), options...), ""
	}
	whole, err := json.MarshalIndent(price, "", "  ")
	if err != nil {
		return "", ""
	}
	if f.Of == "" {
		return commandLine("paywatt tariff add "+shellWord(f.Name), "--file", "tariff.json"), string(whole)
	}
	begins := ""
	if !from.IsZero() {
		begins = from.Format(time.RFC3339)
	}
	return commandLine("paywatt tariff publish "+shellWord(f.Of), "--file", "tariff.json", "--from", begins, "--replaces", f.Replaces), string(whole)
}

func tariffFormTitle(t *words.Texts, of string) string {
	if of == "" {
		return t.TariffFormTitle()
	}
	return t.TariffFormVersionOf(of)
}

// hidden are the fields that go through the check to the publication.
func (f tariffFields) hidden() iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		fields := [][2]string{{"of", f.Of}, {"replaces", f.Replaces}, {"name", f.Name}, {"currency", f.Currency}, {"vat", f.VAT}, {"rate", f.Rate},
			{"monthly", f.Monthly}, {"monthly_name", f.MonthlyName}, {"least", f.Least}, {"most", f.Most}, {"from", f.From}, {"document", f.Document}}
		for i, b := range f.Blocks {
			fields = append(fields, [2]string{"upto" + itoa(i), b.UpTo}, [2]string{"rate" + itoa(i), b.Rate})
		}
		for _, field := range fields {
			if !yield(field[0], field[1]) {
				return
			}
		}
	}
}
