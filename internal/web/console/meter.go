package console

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/words"
	"github.com/paywatt/paywatt/unit"
)

// meterDetail is one meter's page. It shows only facts that the server knows, with the time of each fact.
type meterDetail struct {
	row
	Sellable                    bool
	Refills                     bool // a token can be sent to the meter from this page
	Serves                      bool // the visitor does an engineer's work at the meter
	Configures                  bool // the visitor may see its configuration
	OwnDevice                   bool // it has a listener of its own, whose devices have names
	Panel, Status, Key, Phone   string
	Address, CustomerPath       string
	KeyState                    string // whether tokens can be made under the key; empty without a key
	Register, Reasons, LastSeen string
	// TwoKeys says since when two link keys are in use; empty if one is.
	TwoKeys          string
	Currency, FormID string // currency and id of the form that sells
	Supply           *supplyForm
	Wallet           *walletFigures // nil unless its balance is on the server
	Lists            meterLists
	Charts           *meterCharts
}

// meterLists are a meter's history, newest first.
type meterLists struct {
	Number   string
	Wallet   bool // the balance is money on the server: there are no tokens, and the meter itself has no balance
	Tokens   []tokenLine
	Digits   bool // the tokens' digits are shown
	MayShow  bool // the role may show them
	Readings []readingLine
	Timeline []timeLine
	More     bool // the timeline goes on
}

type tokenLine struct {
	ID, Units, IssuedAt string
	Path                string // path of the token's sale, or of the token if it has no sale
	Elsewhere           bool   // the token was made by another system
	Digits, Grouped     string // empty if they are not shown
	Share               string // what a telephone shares of it; only on the page of its sale
	SendTo              string // page from which the token can be sent to its meter; empty if it cannot be sent
	State               badge
}

// element is the id of the line's element on the page.
func (t tokenLine) element() string { return "t-" + t.ID }

type readingLine struct{ At, Register, Used, Balance, Load string }

// Rows of each list on a meter's page.
const (
	shownTokens   = 10
	shownReadings = 12
	shownEvents   = 20
)

func (s *Console) meter(w http.ResponseWriter, r *http.Request, v visit) {
	s.meterPage(w, r, v, http.StatusOK, supplyForm{})
}

// meterPage shows a meter. The parameter asked is a refused supply form, or an empty form.
func (s *Console) meterPage(w http.ResponseWriter, r *http.Request, v visit, status int, asked supplyForm) {
	m, err := s.find(r.Context(), v, r.PathValue("number"))
	if s.stopped(w, r, v, err, m.Refusal) {
		return
	}
	number := m.Meter.Number
	p := s.page(r, v, v.site.say.MeterTitle(groups(number)))
	p.mark(v.site.say, m.Meter.Simulated)
	p.Live, p.Htmx = "/meters/"+url.PathEscape(number)+"/live", true
	d := v.site.detail(m)
	d.Panel, d.Sellable, d.Currency = s.panelLink(m.Meter), sellable(m, v), v.site.currency
	if !m.Customer.ID.IsZero() && m.Customer.Name != "" && v.by.May(access.ReadCustomers) {
		d.CustomerPath = "/customers/" + m.Customer.ID.Text(id.Customer)
	}
	d.Serves, d.Configures = v.serves(), v.configures(m.Meter)
	d.OwnDevice = v.by.OfUtility() && s.c.Adoption.HasNamedListener(number)
	d.Refills = v.by.May(access.SendTokens) && m.Meter.Mode == registry.PrepayToken
	if d.KeyState, err = s.keyState(r.Context(), v, m); err != nil {
		s.broken(w, r, v, err)
		return
	}
	if d.FormID, err = s.formID(v); err == nil {
		d.Supply, err = s.supply(r.Context(), v, m, asked)
	}
	if err == nil {
		d.Lists, err = s.lists(r.Context(), v, m, r.URL.Query().Get("digits") != "")
	}
	if err == nil {
		d.Charts, err = s.meterCharts(r, v, number, "/meters/"+url.PathEscape(number))
	}
	if err != nil {
		s.broken(w, r, v, err)
		return
	}
	p.Charts = d.Charts != nil
	s.show(w, r, status, meterView(p, d))
}

// keyState says whether the server can make tokens for a meter. A vendor does not see it.
func (s *Console) keyState(ctx context.Context, v visit, m registry.MeterView) (string, error) {
	if m.Key == nil || m.Wallet != nil || !v.by.OfUtility() {
		return "", nil
	}
	no, err := s.c.Vending.CheckKey(ctx, m)
	if no.Refused() {
		return brief(v.site.say, no), err
	}
	return v.site.say.NewMeterKeyFound(), err
}

func (t site) detail(m registry.MeterView) meterDetail {
	d := meterDetail{row: t.row(m), Register: nothing, Reasons: nothing, LastSeen: t.clock(m.LastSeen),
		Phone: m.Customer.Phone, Address: m.Address, Wallet: t.walletOf(m)}
	if m.Meter.Status != registry.Active {
		d.Status = t.say.Name("meter-status", string(m.Meter.Status))
	}
	if len(m.Reasons) > 0 {
		d.Reasons = t.say.Names("relay-reason", m.Reasons)
	}
	if f := m.Figures; f != nil {
		d.Register = t.say.Energy(f.Register, 3)
	}
	if left, known := m.Left(); known && left.Money == nil && left.Source == "" {
		d.Balance = t.say.Energy(left.Energy, 3) // what a meter says with a token or by SMS has one decimal
	}
	if since := m.Meter.NextLinkAt; !since.IsZero() {
		d.TwoKeys = t.say.MeterTwoKeysSince(t.clock(since))
	}
	if k := m.Key; k != nil && m.Wallet == nil {
		d.Key = fmt.Sprintf("SGC %s, KRN %d, TI %s, EA %02d", k.SGC, k.KRN, k.TI, k.EA)
	}
	return d
}

// said returns the sentence that says when and how a reported balance came.
func (t site) said(s registry.ReportedBalance) string {
	if s.Source == registry.ReportedBySMS {
		return t.say.MeterBySMS(t.clock(s.At))
	}
	return t.say.MeterWithToken(t.clock(s.At), t.say.Name("token-source", s.Source))
}

// cells are the parts of the page that update.
func (d meterDetail) cells() map[string]cell {
	out := d.row.cells()
	out["register"], out["relay"], out["reasons"], out["seen"] = cell{d.Register}, cell{d.Relay}, cell{d.Reasons}, cell{d.LastSeen}
	if p := d.Wallet; p != nil {
		if p.HasMoney {
			out["balance"], out["asof"], out["estimate"], out["counted"] = cell{p.Settled}, cell{p.SettledAt}, cell{p.Live}, cell{p.LiveAt}
			out["pending"], out["pending-at"] = cell{p.Pending}, cell{p.LiveAt}
		}
		out["supply"], out["why"] = p.Supply.cell(), cell{p.Why}
	}
	return out
}

// history answers with only the lists, for a page whose figures have changed.
func (s *Console) history(w http.ResponseWriter, r *http.Request, v visit) {
	m, err := s.c.Registry.Meter(r.Context(), v.by, r.PathValue("number"))
	if s.stopped(w, r, v, err, m.Refusal) {
		return
	}
	lists, err := s.lists(r.Context(), v, m, false)
	if err != nil {
		s.broken(w, r, v, err)
		return
	}
	s.show(w, r, http.StatusOK, listsView(lists))
}

// lists reads a meter's history. A list that the role may not see stays empty.
func (s *Console) lists(ctx context.Context, v visit, m registry.MeterView, digits bool) (meterLists, error) {
	number := m.Meter.Number
	l := meterLists{Number: number, Wallet: m.Wallet != nil, MayShow: v.by.May(access.ShowTokens) && v.by.May(access.ReadVends)}
	l.Digits = digits && l.MayShow
	if err := s.tokens(ctx, v, &l); err != nil {
		return meterLists{}, err
	}
	readings, err := s.c.History.Readings(ctx, v.by, number, metering.Span{}, shownReadings+1, "")
	if err != nil {
		return meterLists{}, err
	}
	l.Readings = v.site.readingLines(readings.Rows)
	moments, err := s.c.Timelines.List(ctx, v.by, number, "", registry.Page{Limit: shownEvents})
	if err != nil {
		return meterLists{}, err
	}
	for _, m := range moments.Moments {
		l.Timeline = append(l.Timeline, v.moment(m))
	}
	l.More = moments.Next != ""
	return l, nil
}

// tokens adds a meter's tokens. It shows their digits only on request, which the audit log records.
func (s *Console) tokens(ctx context.Context, v visit, l *meterLists) error {
	by := v.by.Quiet()
	if l.Digits {
		by = v.by
	}
	list, err := s.c.Vending.Tokens(ctx, by, l.Number, registry.Page{Limit: shownTokens})
	if err != nil {
		return err
	}
	for i, t := range list.Tokens {
		line := tokenLine{ID: t.ID.Text(id.Token), Units: v.site.say.Energy(t.Units, 1), State: tokenBadge(v.site.say, t), IssuedAt: v.site.clock(t.IssuedAt),
			Elsewhere: t.Elsewhere, Path: salePath(t.Sale)}
		if t.Sale.IsZero() { // not sold: free or external tokens have no sale
			line.Path = trackPath(l.Number, line.ID)
		}
		if l.Digits && i < list.Issued.Len() {
			line.Digits = list.Issued.Reveal(i)
			line.Grouped = groups(line.Digits)
		}
		l.Tokens = append(l.Tokens, line)
	}
	return nil
}

// readingLines writes readings, newest first, each with the use since the reading before it. A register that went back is marked and never
// shown as negative use.
func (t site) readingLines(rows []metering.StoredReading) []readingLine {
	var out []readingLine
	for i, r := range rows[:min(len(rows), shownReadings)] {
		line := readingLine{At: t.clock(r.At), Register: t.say.KWh(unit.Energy(r.RegisterWh), 3), Balance: t.say.KWh(unit.Energy(r.BalanceWh), 3),
			Load: strconv.FormatInt(r.W, 10)}
		if i+1 < len(rows) {
			used := unit.Energy(r.RegisterWh - rows[i+1].RegisterWh)
			if line.Used = t.say.KWh(used, 3); used < 0 {
				line.Used = t.say.MeterReset()
			}
		}
		out = append(out, line)
	}
	return out
}

// meterLive streams changes of one meter, its tokens and its newest command.
func (s *Console) meterLive(w http.ResponseWriter, r *http.Request) {
	number := r.PathValue("number")
	s.stream(w, r, func(ctx context.Context, v visit) (frame, bool, error) {
		m, err := s.c.Registry.Meter(ctx, v.by, number)
		if err != nil || m.Refused() {
			return nil, false, err
		}
		d := v.site.detail(m)
		out := frame{d.element(): d.cells()}
		list, err := s.c.Vending.Tokens(ctx, v.by.Quiet(), number, registry.Page{Limit: shownTokens})
		if err != nil {
			return nil, false, err
		}
		out.tokens(v.site.say, list.Tokens)
		last, err := s.newest(ctx, v, number)
		if err != nil {
			return nil, false, err
		}
		if last != nil {
			out[supplyElement] = map[string]cell{"command": commandBadge(v.site.say, *last).cell()}
		}
		return out, true, nil
	})
}

// tokens adds the states of tokens to a frame.
func (f frame) tokens(say *words.Texts, list []sale.Token) {
	for _, t := range list {
		f[tokenLine{ID: t.ID.Text(id.Token)}.element()] = map[string]cell{"state": tokenBadge(say, t).cell()}
	}
}
