package shoptest_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/vendor"
)

// gaps is a transaction with missing rows.
type gaps struct {
	vending.Tx
	gone *gone
}

// gone says which rows are missing.
type gone struct {
	sales, points, jobs, vendors, links bool
	keys                                string // keys of this state are missing
}

func (g gaps) VendSale(i id.ID) (sale.Sale, bool, error) {
	if g.gone.sales {
		return sale.Sale{}, false, nil
	}
	return g.Tx.VendSale(i)
}

func (g gaps) VendPoint(r registry.Ref) (sale.Point, bool, error) {
	if g.gone.points {
		return sale.Point{}, false, nil
	}
	return g.Tx.VendPoint(r)
}

func (g gaps) Sold() vending.SoldTx         { return gapsOfSold{g.Tx.Sold(), g.gone} }
func (g gaps) Jobs() vending.JobTx          { return gapsOfJobs{g.Tx.Jobs(), g.gone} }
func (g gaps) Vendors() vendor.Tx           { return gapsOfVendors{g.Tx.Vendors(), g.gone} }
func (g gaps) Cancelling() vending.CancelTx { return gapsOfCancels{g.Tx.Cancelling(), g.gone} }

type gapsOfSold struct {
	vending.SoldTx
	gone *gone
}

func (g gapsOfSold) VendKey(key id.ID) (registry.Key, bool, error) {
	k, found, err := g.SoldTx.VendKey(key)
	return k, found && k.State != g.gone.keys, err
}

type gapsOfJobs struct {
	vending.JobTx
	gone *gone
}

func (g gapsOfJobs) JobByID(job id.ID) (sale.Job, bool, error) {
	j, found, err := g.JobTx.JobByID(job)
	return j, found && !g.gone.jobs, err
}

type gapsOfVendors struct {
	vendor.Tx
	gone *gone
}

func (g gapsOfVendors) VendorByID(i id.ID) (vendor.Vendor, bool, error) {
	v, found, err := g.Tx.VendorByID(i)
	return v, found && !g.gone.vendors, err
}

type gapsOfCancels struct {
	vending.CancelTx
	gone *gone
}

func (g gapsOfCancels) Commands() command.AddTx {
	return gapsOfCommands{g.CancelTx.Commands(), g.gone}
}

type gapsOfCommands struct {
	command.AddTx
	gone *gone
}

func (g gapsOfCommands) HasLinkKey(meter id.ID) (bool, error) {
	has, err := g.AddTx.HasLinkKey(meter)
	return has && !g.gone.links, err
}

// loses removes a row before anything is requested.
func loses(lose func(*gone)) func(*shop, *gone) { return func(_ *shop, g *gone) { lose(g) } }

// losesAtIssuer removes a row while the issuer is asked.
func losesAtIssuer(outcome vending.Outcome, lose func(*gone)) func(*shop, *gone) {
	return func(s *shop, g *gone) {
		s.issuer.say = func(int, vending.IssueRequest) (vending.Answer, error) {
			if lose(g); outcome == vending.Made {
				return vending.Answer{}, errAnswerItself
			}
			return vending.Answer{Outcome: outcome}, nil
		}
	}
}

func (s *shop) trySale(m string) error {
	_, err := s.Sell(context.Background(), owner(), order(m, 10000, "key-number-1"))
	return err
}

func (s *shop) tryRecovery(string) error {
	_, err := s.Recover(context.Background(), system())
	return err
}

func triesTokens(a vending.Ask) func(*shop, string) error {
	return func(s *shop, m string) error {
		a.Meter = m
		_, err := s.GiveTokens(context.Background(), owner(), ask(a, "job-key-1"))
		return err
	}
}

func triesReversal(receipt string) func(*shop, string) error {
	return func(s *shop, _ string) error {
		_, err := s.Reverse(context.Background(), owner(), vending.PendingReversal{Sale: receipt, Reason: "wrong meter"})
		return err
	}
}

// unanswered leaves a sale that its issuer has not answered.
func (s *shop) unanswered(m string) {
	s.t.Helper()
	s.issuer.say = func(int, vending.IssueRequest) (vending.Answer, error) { return vending.Answer{}, nil }
	s.refused(order(m, 10000, "key-number-1"), refusal.IssuerUnknown)
	s.clock.add(time.Minute)
}

// TestARowThatIsGoneIsAnError: if the store has lost a row that another row refers to, the request fails instead of carrying on without it.
func TestARowThatIsGoneIsAnError(t *testing.T) {
	tamper, change := triesTokens(vending.Ask{Kind: sale.ClearTamper}), triesTokens(vending.Ask{Kind: sale.KeyChange, Key: &vending.NextKey{KRN: 2}})
	sold := func(s *shop, m string) { s.sell(order(m, 10000, "key-number-0")) }
	soldBy := func(s *shop, m string) {
		v := s.vendor(vendor.NewVendor{})
		s.payIn(v, 10000, "slip 1")
		s.sellAs(clerk(v), order(m, 10000, "key-number-0"))
	}
	connected := func(s *shop, m string) { sold(s, m); s.online.Store(m, true) }
	nothing := func(*shop, string) {}
	for name, c := range map[string]struct {
		local  bool
		before func(*shop, string)
		lose   func(*shop, *gone)
		do     func(*shop, string) error
		says   string
	}{
		"the key of a sale at its issuer": {false, nothing, loses(func(g *gone) { g.keys = "current" }), (*shop).trySale, "key of sale "},
		"a sale whose token was made":     {false, nothing, losesAtIssuer(vending.Made, func(g *gone) { g.sales = true }), (*shop).trySale, "again (found: false)"},
		"a sale whose token was refused":  {false, nothing, losesAtIssuer(vending.Declined, func(g *gone) { g.sales = true }), (*shop).trySale, "again (found: false)"},
		"a sale that is asked for again":  {false, (*shop).unanswered, loses(func(g *gone) { g.sales = true }), (*shop).trySale, "again (found: false)"},
		"a sale that is recovered":        {false, (*shop).unanswered, loses(func(g *gone) { g.sales = true }), (*shop).tryRecovery, "(found: false)"},
		"the key of a token":              {true, nothing, loses(func(g *gone) { g.keys = "current" }), tamper, "key of job "},
		"the next key of a meter":         {true, nothing, loses(func(g *gone) { g.keys = "issued" }), change, "new key of job "},
		"a job before its issuer":         {false, nothing, loses(func(g *gone) { g.jobs = true }), tamper, "read job "},
		"a job after its issuer":          {false, nothing, losesAtIssuer(vending.Declined, func(g *gone) { g.jobs = true }), tamper, "again (found: false)"},
		"the meter of a sale":             {true, sold, loses(func(g *gone) { g.points = true }), triesReversal("main-000001"), "meter of the sale (found: false)"},
		"the vendor of a sale":            {true, soldBy, loses(func(g *gone) { g.vendors = true }), triesReversal("V001-000001"), "vendor of the sale (found: false)"},
		"the link key of a meter":         {true, connected, loses(func(g *gone) { g.links = true }), triesReversal("main-000001"), "has lost its link key"},
	} {
		t.Run(name, func(t *testing.T) {
			s, g := open(t, c.local), &gone{}
			m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
			c.before(s, m)
			c.lose(s, g)
			s.door.wrap = func(tx vending.Tx) vending.Tx { return gaps{tx, g} }
			if err := c.do(s, m); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want %q", err, c.says)
			}
		})
	}
}
