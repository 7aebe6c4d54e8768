package console

import (
	"net/http"
	"net/url"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/internal/words"
	"github.com/paywatt/paywatt/supply"
)

// walletFigures are the two figures of a wallet, which are never shown as one: the settled balance, and the live estimate from the meters'
// readings since then. A meter that was replaced has no figures.
type walletFigures struct {
	HasMoney           bool
	Settled, SettledAt string
	Live, LiveAt       string
	Pending            string // what was used and is not booked yet
	Low                bool
	Supply             badge
	Why                string // what brings the supply back, or keeps it on
	Held               string // why nothing is charged; empty while charging continues
}

// walletOf writes a wallet; nil for a meter without a wallet.
func (t site) walletOf(m registry.MeterView) *walletFigures {
	w := m.Wallet
	if w == nil {
		return nil
	}
	p := walletFigures{Supply: badge{"●", t.say.WalletShouldBeOn(), classOK}, Why: t.say.WalletStaysOn()}
	p.addMoney(t, w.Money, m.Clock)
	if m.Relay == supply.Open.String() {
		p.Why = t.say.WalletOffAllTheSame()
	}
	if !w.Supply {
		p.Supply = badge{"■", t.say.WalletShouldBeOffNoCredit(), classBad}
		p.Why = sentences(t.say.WalletRestoresAtOnce(), afterwards(t.say, m.Meter))
	}
	if !w.Supply && !onlyCredit(w.Off) {
		p.Supply, p.Why = badge{"■", t.say.WalletShouldBeOff(t.say.Names("off-reason", w.Off)), classBad}, t.say.SupplyOffOther(t.say.Names("off-reason", otherThanCredit(w.Off)))
	} else if !w.Supply && w.Held != "" && wallet.HoldReason(w.Held) != wallet.HoldOpen {
		p.Why = t.say.WalletDecideFirst()
	}
	if w.Held != "" {
		p.Held = t.say.WalletHeld(t.say.Name("held-reason", w.Held))
		if wallet.HoldReason(w.Held) == wallet.HoldOpen {
			p.Held = t.say.WalletHeldOpen()
		}
	}
	return &p
}

// addMoney adds the figures of the money of the meter's account, if it has them.
func (p *walletFigures) addMoney(t site, m *registry.WalletMoney, now time.Time) {
	if m == nil {
		return
	}
	p.HasMoney, p.Low = true, m.Low
	p.Settled, p.SettledAt = t.say.Sum(m.Settled), t.say.WalletInBooks(t.clock(now))
	p.Live, p.LiveAt = t.say.Sum(m.Available), t.say.WalletNotCounted()
	if !m.AsOf.IsZero() {
		p.LiveAt = t.say.WalletCounted(t.clock(m.AsOf))
	}
	p.Pending = t.say.Sum(m.Unbooked)
}

// afterwards says what somebody must do at the meter for its supply to return.
func afterwards(t *words.Texts, m registry.Meter) string {
	if m.Profile != "" {
		return t.WalletDeviceByItself()
	}
	return t.WalletPressAfterCut()
}

// usePage is a wallet meter's use, and the entries of its account's wallet.
type usePage struct {
	Number, Grouped, Customer string
	Wallet                    walletFigures
	Currency                  string
	Charts                    *meterCharts
	Lines                     []statementRow
	Month, More, Books        string // Books links to the journals of the wallet, for roles that may see them
	Recharge                  bool
	Simulated                 bool
	State                     supplyState
	Summary                   useSummary
}

// useSummary answers a customer's question: the total use, this month's use, and what is left. Sends means that the summary can be sent to
// an attached device, Sent that the summary was just sent.
type useSummary struct {
	Total, Month, Left string
	Sends, Sent        bool
}

// summary returns the summary from the use case.
func (s *Console) summary(r *http.Request, v visit, number string) (useSummary, error) {
	d, err := s.c.Devices.Device(r.Context(), v.by, number)
	if err != nil || d.Refused() {
		return useSummary{}, err
	}
	told := d.Account.Words
	return useSummary{Total: told.TotalKWh, Month: told.MonthKWh, Left: told.Balance, Sends: d.Attached && v.by.May(access.SendCommands),
		Sent: r.URL.Query().Get("sent") != ""}, nil
}

// sendSummary sends the summary to the meter's device, as a message on the topic in the device's profile.
func (s *Console) sendSummary(w http.ResponseWriter, r *http.Request, v visit) {
	number := r.PathValue("number")
	sent, err := s.c.Devices.Summarise(r.Context(), v.by, number)
	if s.stopped(w, r, v, err, sent.Refusal) {
		return
	}
	http.Redirect(w, r, "/meters/"+url.PathEscape(number)+"/wallet?sent=1#summary", http.StatusSeeOther)
}

type statementRow struct{ Day, What, Units, Amount, Balance, Link, For string }

// wallet shows the wallet of a meter's account: both figures, the charts, and the statement of a month.
func (s *Console) wallet(w http.ResponseWriter, r *http.Request, v visit) {
	m, err := s.find(r.Context(), v, r.PathValue("number"))
	if s.stopped(w, r, v, err, m.Refusal) {
		return
	}
	number := m.Meter.Number
	path := "/meters/" + url.PathEscape(number)
	held := v.site.walletOf(m)
	if held == nil || !held.HasMoney {
		http.Redirect(w, r, path, http.StatusSeeOther)
		return
	}
	d := usePage{Number: number, Grouped: groups(number), Customer: m.Customer.Name, Wallet: *held, Currency: v.site.currency,
		Recharge: v.sells(), Simulated: m.Meter.Simulated}
	d.Charts, err = s.meterCharts(r, v, number, path+"/wallet")
	if err == nil {
		d.State, err = s.supplyState(r.Context(), v, number)
	}
	if err == nil {
		d.Summary, err = s.summary(r, v, number)
	}
	if err == nil && v.by.May(access.ReadCustomers) {
		err = s.statement(r, v, &d)
	}
	if err != nil {
		s.broken(w, r, v, err)
		return
	}
	p := s.page(r, v, v.site.say.WalletTitle(groups(number)))
	p.mark(v.site.say, m.Meter.Simulated)
	p.Charts = d.Charts != nil
	s.show(w, r, http.StatusOK, walletPage(p, d))
}

// statement adds this month's entries of the wallet.
func (s *Console) statement(r *http.Request, v visit, d *usePage) error {
	st, err := s.c.Wallets.Statement(r.Context(), v.by, d.Number, "", "", registry.Page{Limit: registry.MaxLimit})
	if err != nil || st.Refused() {
		return err
	}
	if v.by.May(access.ReadLedger) {
		d.Books = accountRow(v.site.say, ledger.AccountRef{Code: ledger.Wallet, Subject: st.Account.Text(id.Account)}).Link
	}
	if st.Next != "" {
		d.More = v.site.say.WalletMore(d.Number)
	}
	for _, l := range st.Lines {
		row := statementRow{Day: v.site.say.Day(l.Day), What: v.site.say.Name("wallet-line", string(l.Kind)), Balance: v.site.say.Amount(money.Amount{Minor: l.Balance, Currency: st.Currency}), For: l.Ref}
		if l.Units != 0 {
			row.Units = v.site.say.KWh(l.Units, 3)
		}
		if l.Journals > 0 {
			row.Amount = v.site.say.Amount(money.Amount{Minor: l.Amount, Currency: st.Currency})
		}
		if _, err := id.Parse(id.Vend, l.Ref); err == nil {
			row.Link = "/sales/" + l.Ref
		}
		d.Lines = append(d.Lines, row)
	}
	return nil
}
