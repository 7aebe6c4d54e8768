package console

import (
	"cmp"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/words"
)

// meterFields is a new meter as somebody typed it.
type meterFields struct {
	Number, Mode, Tariff            string
	Customer                        string // id of a customer who is known; empty for a new one
	Name, Phone, Address, Feeder    string
	SGC, KRN, KT, TI, KEN, EA, DKGA string
	BaseDate                        string
	Stock, Simulated                bool
}

// newMeterForm is the page that registers a meter.
type newMeterForm struct {
	meterFields
	FormID, Error string
	CustomerName  string // of a customer who is already registered
	Tariffs       []choice
	Modes         []choice
}

// meterSecrets is the page of a meter that was registered. It shows the secrets once.
type meterSecrets struct {
	Number, Grouped, Customer string
	Password, LinkKey, Key    string
	KeyState                  string
	Sellable                  bool
	Command                   string
}

func typedMeter(r *http.Request) meterFields {
	field := func(name string) string { return strings.TrimSpace(r.PostFormValue(name)) }
	return meterFields{Number: field("number"), Mode: field("mode"), Tariff: field("tariff"), Customer: field("customer"), Name: field("name"), Phone: field("phone"),
		Address: field("address"), Feeder: field("feeder"), SGC: field("sgc"), KRN: field("krn"), KT: field("kt"), TI: field("ti"), KEN: field("ken"),
		EA: field("ea"), DKGA: field("dkga"), BaseDate: field("base_date"), Stock: field("stock") != "", Simulated: field("simulated") != ""}
}

// meter reads the typed figures. The key's figures count only for a meter that has a supply group.
func (f meterFields) meter() (n registry.NewMeter, no refusal.Refusal) {
	n = registry.NewMeter{Number: f.Number, Mode: registry.Mode(f.Mode), Tariff: f.Tariff, Address: f.Address, Feeder: f.Feeder, Simulated: f.Simulated,
		CustomerID: f.Customer}
	if f.Stock {
		n.Status = registry.Stock
	}
	if f.Customer == "" && (!f.Stock || f.Name != "" || f.Phone != "") {
		n.Customer = &registry.NewCustomer{Name: f.Name, Phone: f.Phone}
	}
	if f.SGC == "" && n.Mode != registry.PrepayToken {
		return n, no
	}
	n.SGC, n.TI, n.EA, n.DKGA = f.SGC, f.TI, f.EA, f.DKGA
	for _, figure := range [...]struct {
		to   **int64
		text string
	}{{&n.KRN, f.KRN}, {&n.KT, f.KT}, {&n.KEN, f.KEN}, {&n.BaseDate, f.BaseDate}} {
		if figure.text == "" {
			continue
		}
		value, err := strconv.ParseInt(figure.text, 10, 32)
		if err != nil {
			return n, refuse.MeterFormNumber(refusal.Echo(figure.text))
		}
		*figure.to = &value
	}
	return n, no
}

// command is the command that registers the same meter. A known customer has no option, because the command makes a new one.
func (f meterFields) command() string {
	options := []string{"--mode", f.Mode, "--tariff", f.Tariff, "--name", f.Name, "--phone", f.Phone, "--address", f.Address, "--feeder", f.Feeder}
	if f.SGC != "" {
		options = append(options, "--sgc", f.SGC, "--krn", f.KRN, "--kt", f.KT, "--ti", f.TI, "--ken", f.KEN, "--ea", f.EA, "--dkga", f.DKGA, "--base-date", f.BaseDate)
	}
	line := commandLine("paywatt meter add "+shellWord(cmp.Or(f.Number, "NUMBER")), options...)
	if f.Stock {
		line += " --stock"
	}
	if f.Simulated {
		line += " --simulated"
	}
	return line
}

// newMeter shows the form. A customer in the address gets one more meter.
func (s *Console) newMeter(w http.ResponseWriter, r *http.Request, v visit) {
	q := r.URL.Query()
	s.showNewMeter(w, r, v, http.StatusOK, newMeterForm{meterFields: meterFields{Number: q.Get("number"), Customer: q.Get("customer"), Mode: string(registry.PrepayToken),
		KRN: "1", KT: "2", TI: "01", KEN: "255", EA: "07", DKGA: "02", BaseDate: "2014"}})
}

func (s *Console) showNewMeter(w http.ResponseWriter, r *http.Request, v visit, status int, d newMeterForm) {
	if no := v.by.Needs(access.WriteMeters); no.Refused() {
		s.refuse(w, r, v, no)
		return
	}
	ctx := r.Context()
	list, err := s.c.Registry.Tariffs(ctx, v.by, registry.Page{Limit: 200})
	if s.stopped(w, r, v, err, list.Refusal) {
		return
	}
	for _, t := range list.Data {
		d.Tariffs = append(d.Tariffs, choice{t.Name, t.Name})
	}
	if d.Customer != "" {
		known, err := s.c.Registry.Customer(ctx, v.by, d.Customer)
		if s.stopped(w, r, v, err, known.Refusal) {
			return
		}
		d.Customer, d.CustomerName = known.Customer.ID.Text(id.Customer), cmp.Or(known.Customer.Name, v.site.say.SellNoName())
	}
	d.Modes = modeChoices(v.site.say)
	if d.FormID, err = s.formID(v); err != nil {
		s.broken(w, r, v, err)
		return
	}
	s.show(w, r, status, newMeterView(s.page(r, v, v.site.say.NewMeterTitle()), d))
}

func modeChoices(t *words.Texts) (out []choice) {
	for _, m := range []registry.Mode{registry.PrepayToken, registry.PrepayWallet, registry.Postpay} {
		out = append(out, choice{string(m), t.Name("mode", string(m))})
	}
	return out
}

// addMeter registers a meter and shows its secrets.
func (s *Console) addMeter(w http.ResponseWriter, r *http.Request, v visit) {
	f := typedMeter(r)
	n, no := f.meter()
	if !v.owns(r.PostFormValue("form")) {
		no = refuse.OfficeFormOfOtherSession()
	}
	added := registry.Added{Refusal: no}
	var err error
	if !no.Refused() {
		added, err = s.c.Registry.AddMeter(r.Context(), v.by, n)
	}
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case added.Waits != nil:
		s.showWaits(w, r, v, *added.Waits)
	case added.Refused():
		s.showNewMeter(w, r, v, http.StatusUnprocessableEntity, newMeterForm{meterFields: f, Error: v.site.say.Refusal(added.Refusal).Detail()})
	default:
		s.showMeterSecrets(w, r, v, f, added)
	}
}

func (s *Console) showMeterSecrets(w http.ResponseWriter, r *http.Request, v visit, f meterFields, added registry.Added) {
	key := added.LinkKey.Reveal()
	d := meterSecrets{Number: added.Meter.Meter.Number, Grouped: groups(added.Meter.Meter.Number), Customer: added.Meter.Customer.Name,
		Password: added.MQTTPassword.Reveal(), LinkKey: hex.EncodeToString(key), Key: added.DecoderKey.Reveal(), Sellable: sellable(added.Meter, v), Command: f.command()}
	clear(key)
	var err error
	if d.KeyState, err = s.keyState(r.Context(), v, added.Meter); err != nil {
		s.broken(w, r, v, err)
		return
	}
	p := s.page(r, v, v.site.say.NewMeterDone(d.Grouped))
	p.mark(v.site.say, added.Meter.Meter.Simulated)
	s.show(w, r, http.StatusCreated, meterSecretsView(p, d))
}
