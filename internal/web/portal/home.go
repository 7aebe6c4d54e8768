package portal

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/timeline"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/supply"
)

// customerPage is the customer's page.
type customerPage struct {
	frame
	Meter   string
	Meters  []link // the other meters of the account
	Left    string // empty: not known
	AsOf    string
	Booked  string // what a wallet has in the books
	Class   string // ok, warn, bad or off
	Supply  string
	Days    string
	Notice  string // what became of a form
	Last    *lastSale
	Use     useChart
	Sales   []link
	PayPath string // address for somebody else who pays
	Buy     string
	Message string
}

// link is a link with its text.
type link struct{ Path, Text string }

// The outcome of the form that sends the last token again, as the address of the page says it.
const (
	sentAgain   = "1"
	sentOften   = "2"
	sentNowhere = "3"
)

func (p *Portal) home(w http.ResponseWriter, r *http.Request, v visit) {
	d := customerPage{frame: p.frame(v, v.say.PortalTitle(), ""), Meter: grouped(v.number), Buy: v.path("/buy", nil), Message: v.path("/messages", nil), PayPath: p.public(r, v.opened.Pay)}
	for _, n := range v.opened.Meters {
		if n != v.number {
			other := v
			other.number = n
			d.Meters = append(d.Meters, link{other.path("", nil), v.say.PortalMeter(grouped(n))})
		}
	}
	d.Notice = map[string]string{sentAgain: v.say.PortalResent(), sentOften: v.say.PortalResendLater(), sentNowhere: v.say.PortalResendImpossible()}[r.URL.Query().Get("sent")]
	err := p.balance(r.Context(), v, &d)
	if err == nil {
		err = p.sales(r.Context(), v, &d)
	}
	if err == nil {
		d.Use, err = p.use(r, v)
	}
	if err != nil {
		p.failed(w, r, err)
		return
	}
	p.show(w, r, http.StatusOK, v.say, homeView(d))
}

// balance adds what is left, the supply and the days left.
func (p *Portal) balance(ctx context.Context, v visit, d *customerPage) error {
	left, known := v.m.Left()
	if known {
		d.Left, d.AsOf = v.say.Energy(left.Energy, 1), v.say.MetersAsOf(v.clock(left.AsOf))
		if left.Source == registry.ReportedBySMS {
			d.AsOf = v.say.MeterBySMS(v.clock(left.AsOf))
		}
	}
	if v.m.Wallet == nil {
		d.Class, d.Supply = v.supply()
		if !known {
			d.Days = v.say.PortalDaysNoCredit()
			return nil
		}
		days, err := p.c.Timelines.DaysLeft(ctx, v.by, v.m)
		d.Days = v.days(days)
		return err
	}
	view, err := p.c.Wallets.Supply(ctx, v.by, v.number)
	if err != nil || view.Refused() {
		return err
	}
	if m := v.m.Wallet.Money; m != nil {
		d.Left, d.Booked = v.say.Sum(m.Available), v.say.PortalBooked(v.say.Sum(m.Settled))
	}
	d.Class, d.Supply = v.walletSupply(view)
	d.Days = v.days(view.Days)
	return nil
}

// hide removes the use of earlier customers from a chart. A virtual meter has a time of its own, and no earlier customers.
func (v visit) hide(c *timeline.Chart) {
	if !v.m.Meter.Simulated {
		c.Since(v.opened.Since)
	}
}

func (v visit) days(d wallet.Days) string {
	switch {
	case !d.Estimated:
		return v.say.PortalDaysUnknown()
	case d.Least == d.Most:
		return v.say.PortalDaysAbout(v.say.Count(d.Likely))
	}
	return v.say.PortalDaysRange(v.say.Count(d.Least), v.say.Count(d.Most))
}

// supply says whether a token meter supplies, and if not, why and what to do.
func (v visit) supply() (class, text string) {
	switch v.m.State {
	case registry.TamperState:
		return "bad", v.say.PortalSupplyTamper()
	case registry.Offline:
		if v.m.LastSeen.IsZero() {
			return "off", v.say.PortalSupplyNever()
		}
		return "off", v.say.PortalSupplySilent(v.clock(v.m.LastSeen))
	case registry.Low:
		return "warn", v.say.PortalSupplyLow()
	case registry.On:
		return "ok", v.say.PortalSupplyOn()
	}
	return v.off(v.m.Reasons, v.say.Names("relay-reason", v.m.Reasons))
}

// off says why a supply is off, and what to do.
func (v visit) off(reasons []string, names string) (class, text string) {
	switch {
	case v.m.Relay == registry.RelayArmed:
		return "warn", v.say.PortalSupplyPress()
	case len(reasons) == 1 && reasons[0] == supply.Credit.String():
		return "bad", v.say.PortalSupplyOffCredit()
	case len(reasons) == 1 && reasons[0] == supply.Local.String():
		return "warn", v.say.PortalSupplyLocal()
	case len(reasons) == 0:
		return "off", v.say.PortalSupplySilent(v.clock(v.m.LastSeen))
	}
	return "bad", v.say.PortalSupplyOffOther(names)
}

// walletSupply says the same of a meter whose balance is on the server.
func (v visit) walletSupply(s wallet.SupplyView) (class, text string) {
	switch s.Stand {
	case wallet.SupplyOn:
		if v.m.State == registry.Low {
			return "warn", v.say.PortalSupplyLow()
		}
		return "ok", v.say.PortalSupplyOn()
	case wallet.SupplyWaiting, wallet.SupplyCutting:
		return "warn", v.say.PortalSupplyEnding()
	case wallet.SupplyConnecting:
		return "warn", v.say.PortalSupplyComing()
	case wallet.SupplyArmed:
		return "warn", v.say.PortalSupplyPress()
	case wallet.SupplyOff:
		if !s.Wanted {
			return v.off(s.Off, v.say.Names("off-reason", s.Off))
		}
		return v.off(s.Keeps, v.say.Names("kept-reason", s.Keeps))
	}
	if v.m.LastSeen.IsZero() {
		return "off", v.say.PortalSupplyNever()
	}
	return "off", v.say.PortalSupplySilent(v.clock(v.m.LastSeen))
}

// sales adds the last sale with its tokens, and the list of receipts. Sales to an earlier account of the meter are another customer's.
func (p *Portal) sales(ctx context.Context, v visit, d *customerPage) error {
	asked := vending.SaleRequest{Account: v.opened.ID.Text(id.Account), Page: registry.Page{Limit: shownSales}}
	if len(v.opened.Meters) > 1 { // one meter shows all sales, also those to a meter whose place it took
		asked.Meter = v.number
	}
	list, err := p.c.Vending.Sales(ctx, v.by.Quiet(), asked)
	if err != nil {
		return err
	}
	for _, s := range list.Sales {
		if s.Account != v.opened.ID || s.State == sale.Failed {
			continue
		}
		if d.Last == nil {
			if d.Last, err = p.last(ctx, v, s); err != nil {
				return err
			}
		}
		if s.ReceiptNo != "" {
			d.Sales = append(d.Sales, link{v.path("/receipts/"+s.ReceiptNo, nil), v.say.Sum(s.Tender) + " · " + v.clock(s.PricedAt)})
		}
	}
	return nil
}

// public writes a path as an address that can be sent to somebody.
func (p *Portal) public(r *http.Request, path access.Secret) string {
	host := strings.TrimRight(p.c.PublicURL, "/")
	if host == "" {
		if host = "http://" + r.Host; p.c.Secure {
			host = "https://" + r.Host
		}
	}
	return host + path.Reveal()
}

// grouped writes digits in groups of four.
func grouped(digits string) string {
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// day writes a local day.
func (v visit) day(at time.Time) string { return v.say.Day(at.In(v.zone).Format(time.DateOnly)) }
