package wallet_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

func owner() access.Actor {
	return access.Actor{Tenant: 1, Kind: access.System, Name: "owner", Role: access.Owner}
}

// TestWhatIsSpecialAboutAnAccount: the special rules of an account are stored with an audit row, and its supply is decided at once.
func TestWhatIsSpecialAboutAnAccount(t *testing.T) {
	yes, no, grace := true, false, int64(500)
	for _, c := range []struct {
		name  string
		wish  wallet.AccountChange
		wrote string
		after string
		says  string
	}{
		{"protected", wallet.AccountChange{Protected: &yes, Reason: "hospital"}, "account 1: protected true, grace -1", "protected=true lease_grace_wh=-1",
			"no disconnect m1; supply-on m1; lease m1"},
		{"a grace", wallet.AccountChange{Grace: &grace, Reason: "hospital"}, "account 1: protected false, grace 500", "protected=false lease_grace_wh=500", "config m1"},
		{"nothing", wallet.AccountChange{Reason: "hospital"}, "account 1: protected false, grace -1", "protected=false lease_grace_wh=-1", ""},
		{"both", wallet.AccountChange{Protected: &no, Grace: &grace, Reason: "hospital"}, "account 1: protected false, grace 500", "protected=false lease_grace_wh=500", "config m1"},
	} {
		d := tillOf(charged(t))
		v, err := d.wallets().SetAccount(t.Context(), owner(), tillNumber, c.wish)
		if err != nil || v.Refused() || v.Waits != nil || v.Number != "m1" {
			t.Errorf("%s: %+v, %v", c.name, v, err)
		}
		d.wrote = slices.DeleteFunc(d.wrote, func(s string) bool { return strings.HasPrefix(s, "use of") })
		if want := []string{"locked 1", c.wrote}; !slices.Equal(d.wrote, want) {
			t.Errorf("%s: wrote %q, want %q", c.name, d.wrote, want)
		}
		d.want(c.name, c.says)
		e := d.audit[0]
		if len(d.audit) != 1 || e.Action != "account.supply" || e.Object != (id.ID{15: 1}).Text(id.Account) || e.Before != "protected=false lease_grace_wh=-1" || e.After != c.after ||
			e.Reason != "hospital" || !e.SinglePerson {
			t.Errorf("%s: audited %+v", c.name, d.audit)
		}
	}
}

// TestTwoPeopleDecideAboutAnAccount: under four eyes the change waits, and nothing is stored.
func TestTwoPeopleDecideAboutAnAccount(t *testing.T) {
	d := tillOf(charged(t))
	d.people = 2
	yes, zero := true, int64(0)
	v, err := d.wallets().SetAccount(t.Context(), owner(), tillNumber, wallet.AccountChange{Protected: &yes, Grace: &zero, Reason: "hospital"})
	if err != nil || v.Refused() || v.Waits == nil || len(d.approvals) != 1 || !slices.Equal(d.wrote, []string{"locked 1"}) || len(d.log) > 0 {
		t.Fatalf("%+v, %v; wrote %q", v, err, d.wrote)
	}
	a := d.approvals[0]
	if want := "change the supply of the account of meter 06000001229: from cut off when its money is used up to never cut off for want of money; " +
		"at the end of a lease's time from the supply stays on up to the lease's energy to the supply goes off; reason: hospital"; a.Summary != want || a.Act != access.ActSupply {
		t.Errorf("%s: %q, want %q", a.Act, a.Summary, want)
	}
	if want := `{"meter":"06000001229","account":"` + (id.ID{15: 1}).Text(id.Account) + `","wish":{"protected":true,"lease_grace_wh":0,"reason":"hospital"}}`; string(a.Body) != want {
		t.Errorf("stored %s, want %s", a.Body, want)
	}
	d.people = 0
	done, err := d.wallets().Executors()[access.ActSupply](t.Context(), owner(), a.Body)
	if err != nil || done.Refused() || done.Object != "meter "+tillNumber || !d.seen[1].Protected || d.seen[1].Grace != 0 {
		t.Errorf("approved: %+v, %v", done, err)
	}
	if _, err := d.wallets().Executors()[access.ActSupply](t.Context(), owner(), []byte("{")); err == nil {
		t.Error("an approval that cannot be read was carried out")
	}
	grace := int64(1500)
	d.people = 2
	if _, err := d.wallets().SetAccount(t.Context(), owner(), tillNumber, wallet.AccountChange{Grace: &grace, Reason: "x"}); err != nil || !strings.Contains(d.approvals[1].Summary, "to 1.5 kWh more; reason: x") {
		t.Errorf("%q, %v", d.approvals[1].Summary, err)
	}
}

// TestWhatSetAccountRefuses checks each limit exactly.
func TestWhatSetAccountRefuses(t *testing.T) {
	grace := func(wh int64) wallet.AccountChange { return wallet.AccountChange{Grace: &wh, Reason: "x"} }
	for _, c := range []struct {
		name  string
		by    access.Actor
		meter string
		wish  wallet.AccountChange
		want  refusal.Code
	}{
		{"the longest reason", owner(), tillNumber, wallet.AccountChange{Reason: strings.Repeat("x", 200)}, ""},
		{"too long a reason", owner(), tillNumber, wallet.AccountChange{Reason: strings.Repeat("x", 201)}, refusal.InvalidRequest},
		{"no reason", owner(), tillNumber, wallet.AccountChange{}, refusal.InvalidRequest},
		{"the least grace", owner(), tillNumber, grace(-1), ""}, {"less", owner(), tillNumber, grace(-2), refusal.InvalidRequest},
		{"the most grace", owner(), tillNumber, grace(1_000_000_000), ""}, {"more", owner(), tillNumber, grace(1_000_000_001), refusal.InvalidRequest},
		{"another meter", owner(), "06000001237", grace(0), refusal.MeterNotFound}, {"no meter", owner(), "x", grace(0), refusal.MeterNotFound},
		{"no right", access.Actor{Tenant: 1, Role: access.Support}, tillNumber, grace(0), refusal.Forbidden},
	} {
		d := newTill(t, 1000, 1)
		v, err := d.wallets().SetAccount(t.Context(), c.by, c.meter, c.wish)
		if err != nil || v.Code != c.want || c.want != "" && len(d.audit)+len(d.wrote) > 0 {
			t.Errorf("%s: %q %q, wrote %q, %v; want %q", c.name, v.Code, v.What, d.wrote, err, c.want)
		}
	}
	d := newTill(t, 1000, 0)
	if v, err := d.wallets().SetAccount(t.Context(), owner(), tillNumber, grace(0)); err != nil || v.Code != refusal.NotFound {
		t.Errorf("a meter without a wallet: %q, %v", v.Code, err)
	}
	d = newTill(t, 1000, 1)
	d.rows[0].Meter.Account = id.ID{15: 2}
	if v, err := d.wallets().SetAccount(t.Context(), owner(), tillNumber, grace(0)); err == nil || len(d.audit) > 0 {
		t.Errorf("a meter that was moved meanwhile: %+v, %v", v, err)
	}
	for _, c := range []struct {
		name, meter string
		by          access.Actor
		meters      int
		want        refusal.Code
	}{{"another meter", "06000001237", system(), 1, refusal.MeterNotFound}, {"no meter", "x", system(), 1, refusal.MeterNotFound},
		{"no wallet", tillNumber, system(), 0, refusal.NotFound}, {"no right", tillNumber, access.Actor{Tenant: 1, Role: access.VendorAPI}, 1, refusal.Forbidden}} {
		if v, err := newTill(t, 1000, c.meters).wallets().Supply(t.Context(), c.by, c.meter); err != nil || v.Code != c.want {
			t.Errorf("the supply of %s: %q, %v; want %q", c.name, v.Code, err, c.want)
		}
	}
}

// TestAPersonSwitchesASupply checks the commands, the notices and the result of the switch.
func TestAPersonSwitchesASupply(t *testing.T) {
	for _, c := range []struct {
		name  string
		do    func(*rig)
		off   bool
		says  string
		order bool
		why   supply.Reasons
		press bool
	}{
		{"off", func(*rig) {}, true, "disconnect m1; supply-off m1", true, supply.Of(supply.Remote), false},
		{"off again", func(d *rig) { switches(d, true) }, true, "", true, supply.Of(supply.Remote), false},
		{"off without money", func(d *rig) { d.pays(-100_000) }, true, "", true, supply.Of(supply.Remote, supply.Credit), false},
		{"on again before it left", func(d *rig) { switches(d, true) }, false, "no disconnect m1; supply-on m1", false, 0, false},
		{"on again after it did", func(d *rig) {
			switches(d, true)
			d.does(1, wallet.CommandCut)
			d.passes(time.Second).reads(1, 0, supply.Open, supply.Remote)
		}, false, "connect m1; supply-on press m1", true, 0, true},
		{"on again without money", func(d *rig) {
			switches(d, true)
			d.pays(-100_000)
		}, false, "", false, supply.Of(supply.Credit), false},
		{"on that is on", func(*rig) {}, false, "", false, 0, false},
	} {
		d := newRig(t, 100_000, 1)
		c.do(d)
		d.says()
		d.notices = nil
		got, err := wallet.Switch(d, 1, c.off, "usr_x", "seal", d.now)
		if err != nil || !got.Wallet || !got.Order.IsZero() != c.order || got.Off != c.why || got.Press != c.press {
			t.Errorf("%s: %+v, %v; want an order %t, off %q, press %t", c.name, got, err, c.order, c.why, c.press)
		}
		d.want(c.name, c.says)
		if by, why := d.kept[1].By, d.kept[1].Why; (by == "usr_x" && why == "seal") != c.off || (by == "") == c.off {
			t.Errorf("%s: noted %q for %q", c.name, by, why)
		}
		for _, n := range d.notices {
			want := wallet.Notice{Kind: n.Kind, Meter: "m1", Account: id.ID{15: 1}.Text(id.Account), Available: d.money, Currency: "KES", Press: c.press}
			if n != want {
				t.Errorf("%s: told %+v, want %+v", c.name, n, want)
			}
		}
	}
	if got, err := wallet.Switch(newTill(t, 1000, 1), 7, true, "usr_x", "seal", time.Time{}); err != nil || got != (wallet.Switched{}) {
		t.Errorf("a meter without a wallet: %+v, %v", got, err)
	}
}

func switches(d *rig, off bool) {
	d.t.Helper()
	if _, err := wallet.Switch(d, 1, off, "usr_x", "seal", d.now); err != nil {
		d.t.Fatal(err)
	}
}

// TestASimulatedMeterPaysThePriceOfItsOwnTime: a simulated meter whose clock is in the time of the cheaper version pays the cheaper price.
// A meter that is not simulated pays the dearer price.
func TestASimulatedMeterPaysThePriceOfItsOwnTime(t *testing.T) {
	d := newTill(t, 2875, 1)
	dearer := flat()
	dearer.Blocks = []tariff.Block{{Rate: 5_000_000}}
	d.versions = []tariff.Version{version(1, d.now.AddDate(-1, 0, 0), flat()), version(2, d.now.AddDate(0, 0, -1), dearer)}
	m := &d.rows[0].Meter
	for simulated, want := range map[bool]unit.Energy{true: 10_000, false: 5000} {
		m.Simulated, m.LastSeen, m.NewestAt = simulated, d.now, d.now.AddDate(0, -1, 0).UnixMicro()
		if most, _, err := wallet.Standing(d, d.tenant, d.rows, 1, d.now); err != nil || most != want {
			t.Errorf("simulated %t: it may count to %d Wh, %v; want %d", simulated, most, err, want)
		}
	}
	d.versions = d.versions[1:]
	d.versions[0].EffectiveFrom = d.now.AddDate(0, 0, 1)
	if most, _, err := wallet.Standing(d, d.tenant, d.rows, 1, d.now); err != nil || most != 0 {
		t.Errorf("without a price: it may count to %d Wh, %v; want none", most, err)
	}
}
