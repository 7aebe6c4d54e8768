package registry_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/sts"
)

const number = "04140001001"

func TestAMeterGetsTheDefaults(t *testing.T) {
	w := newWorld(t)
	w.domestic(t)
	a := w.add(t, tokenMeter(number))
	m, k := a.Meter.Meter, a.Meter.Key
	if m.Number != number || m.Mode != registry.PrepayToken || m.Status != registry.Active || m.ImpPerKWh != 1000 || m.Simulated ||
		m.Phases != 1 || m.TT != "02" || m.ReadingInterval != 30*time.Minute || m.N != 1 || !m.CreatedAt.Equal(w.now) {
		t.Errorf("meter: %+v", m)
	}
	if k == nil || k.SGC != "123456" || k.KRN != 1 || k.KT != sts.DUTK || k.TI != "01" || k.KEN != 255 || k.EA != sts.EA07 ||
		k.DKGA != sts.DKGA02 || k.BaseDate != sts.Base2014 || k.State != "current" || k.LastTID != 0 || k.Meter != m.N {
		t.Errorf("key: %+v", k)
	}
	if a.Meter.Tariff != "domestic" || a.Meter.State != registry.Offline || a.Meter.Relay != "" || len(a.Meter.Reasons) != 0 ||
		a.Meter.Figures != nil || a.Meter.Wallet != nil || !a.Meter.LastSeen.IsZero() {
		t.Errorf("view of a meter that never spoke: %+v", a.Meter)
	}
	if len(a.MQTTPassword.Reveal()) != 43 || len(a.LinkKey.Reveal()) != 32 || a.DecoderKey.Reveal() != "" {
		t.Errorf("secrets: password of %d characters, decoder key %t", len(a.MQTTPassword.Reveal()), a.DecoderKey.Reveal() != "")
	}
	if got := w.audited(t, store.FirstTenant); got["meter.add"] != 1 {
		t.Errorf("audit log: %v", got)
	}
}

func TestMeterKeepsWhatWasSaid(t *testing.T) {
	w := newWorld(t)
	w.domestic(t)
	n := registry.NewMeter{Number: " 0100-0000 0000-8 ", Mode: registry.PrepayToken, Tariff: "domestic", SGC: "201457", KRN: ptr(9), KT: ptr(1), TI: "02",
		KEN: ptr(0), EA: "11", DKGA: "04", BaseDate: ptr(2035), ImpPerKWh: ptr(3200), Simulated: true, Status: registry.Stock, Model: "M1", Phases: ptr(3),
		TT: "07", Profile: "seed-a", Address: "Plot 12", Feeder: "B1", ReadingInterval: time.Minute,
		Customer: &registry.NewCustomer{Name: " Amina A. ", Phone: "+254 700-000 001", Lang: "sw"}}
	v := w.add(t, n).Meter
	m, k := v.Meter, v.Key
	if m.Number != "0100000000008" || m.Status != registry.Stock || m.ImpPerKWh != 3200 || !m.Simulated || m.Model != "M1" || m.Phases != 3 ||
		m.TT != "07" || m.Profile != "seed-a" || m.ReadingInterval != time.Minute {
		t.Errorf("meter: %+v", m)
	}
	if k.SGC != "201457" || k.KRN != 9 || k.KT != sts.DDTK || k.TI != "02" || k.KEN != 0 || k.EA != sts.EA11 || k.DKGA != sts.DKGA04 || k.BaseDate != sts.Base2035 {
		t.Errorf("key: %+v", k)
	}
	if v.Customer.Name != "Amina A." || v.Customer.Phone != "+254700000001" || v.Customer.Lang != "sw" {
		t.Errorf("customer: %+v", v.Customer)
	}
	second := tokenMeter("04140001019")
	second.CustomerID = v.Customer.ID.Text(id.Customer)
	if got := w.add(t, second).Meter.Customer; got != v.Customer {
		t.Errorf("second meter of the same customer: %+v, want %+v", got, v.Customer)
	}
}

func TestWalletMeterNeedsNoKey(t *testing.T) {
	w := newWorld(t)
	w.domestic(t)
	v := w.add(t, registry.NewMeter{Number: number, Mode: registry.PrepayWallet, Tariff: "domestic"}).Meter
	if v.Key != nil {
		t.Errorf("key: %+v, want none", v.Key)
	}
	if v.Wallet == nil || v.Wallet.Money == nil || v.Wallet.Money.Settled != (money.Amount{Currency: "KES"}) {
		t.Errorf("wallet: %+v, want 0 KES", v.Wallet)
	}
	half := registry.NewMeter{Number: "04140001019", Mode: registry.PrepayWallet, Tariff: "domestic", SGC: "123456"}
	a, err := w.AddMeter(t.Context(), boss(), half)
	refused(t, "half of the STS facts", a.Refusal, err, refusal.InvalidRequest)
}

// wrongMeter is a token meter with one error. It has the expected refusal code and a word of the reason.
type wrongMeter struct {
	change func(*registry.NewMeter)
	want   refusal.Code
	says   string
}

func wrongMeters() map[string]wrongMeter {
	return map[string]wrongMeter{
		"mistyped digit":       {func(n *registry.NewMeter) { n.Number = "04140001002" }, refusal.MeterNumberInvalid, "check digit"},
		"swapped digits":       {func(n *registry.NewMeter) { n.Number = "04410001001" }, refusal.MeterNumberInvalid, "check digit"},
		"12 digits":            {func(n *registry.NewMeter) { n.Number = "041400010012" }, refusal.MeterNumberInvalid, "11 or 13"},
		"letters":              {func(n *registry.NewMeter) { n.Number = "0414000100A" }, refusal.MeterNumberInvalid, "11 or 13"},
		"none":                 {func(n *registry.NewMeter) { n.Number = "" }, refusal.MeterNumberInvalid, "No meter was named."},
		"a book":               {func(n *registry.NewMeter) { n.Number = strings.Repeat("0", 1e6) }, refusal.MeterNumberInvalid, "too long"},
		"registered already":   {func(n *registry.NewMeter) { n.Number = number }, refusal.MeterExists, number},
		"the same with blanks": {func(n *registry.NewMeter) { n.Number = "0414-0001 001" }, refusal.MeterExists, number},
		"no mode":              {func(n *registry.NewMeter) { n.Mode = "" }, refusal.InvalidRequest, "mode"},
		"unknown mode":         {func(n *registry.NewMeter) { n.Mode = "prepaid" }, refusal.InvalidRequest, "mode"},
		"no tariff":            {func(n *registry.NewMeter) { n.Tariff = " " }, refusal.TariffMissing, "tariff"},
		"unknown tariff":       {func(n *registry.NewMeter) { n.Tariff = "industrial" }, refusal.TariffMissing, "industrial"},
		"unknown tariff id":    {func(n *registry.NewMeter) { n.Tariff = id.ID{1}.Text(id.Tariff) }, refusal.TariffMissing, "trf_"},
		"no group":             {func(n *registry.NewMeter) { n.SGC = "" }, refusal.InvalidRequest, "Missing: sgc."},
		"five digits of group": {func(n *registry.NewMeter) { n.SGC = "12345" }, refusal.InvalidRequest, "sgc"},
		"no revision and type": {func(n *registry.NewMeter) { n.KRN, n.KT = nil, nil }, refusal.InvalidRequest, "Missing: krn, kt."},
		"revision 0":           {func(n *registry.NewMeter) { n.KRN = ptr(0) }, refusal.InvalidRequest, "krn"},
		"revision 10":          {func(n *registry.NewMeter) { n.KRN = ptr(10) }, refusal.InvalidRequest, "krn"},
		"revision 257":         {func(n *registry.NewMeter) { n.KRN = ptr(257) }, refusal.InvalidRequest, "krn"},
		"type 0":               {func(n *registry.NewMeter) { n.KT = ptr(0) }, refusal.KeyTypeForbidden, "initialisation"},
		"type 4":               {func(n *registry.NewMeter) { n.KT = ptr(4) }, refusal.InvalidRequest, "kt"},
		"type 3 with DKGA 04":  {func(n *registry.NewMeter) { n.KT, n.DKGA = ptr(3), "04" }, refusal.InvalidRequest, "kt 3"},
		"index of one digit":   {func(n *registry.NewMeter) { n.TI = "1" }, refusal.InvalidRequest, "ti"},
		"expiry 256":           {func(n *registry.NewMeter) { n.KEN = ptr(256) }, refusal.InvalidRequest, "ken"},
		"expiry -1":            {func(n *registry.NewMeter) { n.KEN = ptr(-1) }, refusal.InvalidRequest, "ken"},
		"algorithm 09":         {func(n *registry.NewMeter) { n.EA = "09" }, refusal.InvalidRequest, "ea"},
		"derivation 03":        {func(n *registry.NewMeter) { n.DKGA = "03" }, refusal.InvalidRequest, "dkga"},
		"EA 11 with DKGA 02":   {func(n *registry.NewMeter) { n.EA = "11" }, refusal.InvalidRequest, "dkga"},
		"base date 2000":       {func(n *registry.NewMeter) { n.BaseDate = ptr(2000) }, refusal.InvalidRequest, "base_date"},
		"base date 2014+65536": {func(n *registry.NewMeter) { n.BaseDate = ptr(2014 + 65536) }, refusal.InvalidRequest, "base_date"},
		"0 impulses":           {func(n *registry.NewMeter) { n.ImpPerKWh = ptr(0) }, refusal.InvalidRequest, "imp_per_kwh"},
		"2 phases":             {func(n *registry.NewMeter) { n.Phases = ptr(2) }, refusal.InvalidRequest, "phases"},
		"removed at birth":     {func(n *registry.NewMeter) { n.Status = registry.Removed }, refusal.InvalidRequest, "status"},
		"interval of a month":  {func(n *registry.NewMeter) { n.ReadingInterval = 31 * 24 * time.Hour }, refusal.InvalidRequest, "interval"},
		"phone of letters":     {func(n *registry.NewMeter) { n.Customer = &registry.NewCustomer{Phone: "call me"} }, refusal.InvalidRequest, "phone"},
		"name of two lines":    {func(n *registry.NewMeter) { n.Customer = &registry.NewCustomer{Name: "a\nb"} }, refusal.InvalidRequest, "name"},
		"customer twice": {func(n *registry.NewMeter) {
			n.Customer, n.CustomerID = &registry.NewCustomer{Name: "a"}, id.ID{1}.Text(id.Customer)
		}, refusal.InvalidRequest, "not both"},
		"unknown customer": {func(n *registry.NewMeter) { n.CustomerID = id.ID{1}.Text(id.Customer) }, refusal.NotFound, "Customer cus_"},
		"no customer id":   {func(n *registry.NewMeter) { n.CustomerID = "17" }, refusal.InvalidRequest, "cus_"},
		"token type words": {func(n *registry.NewMeter) { n.TT = "keypad" }, refusal.InvalidRequest, "tt"},
		"long address":     {func(n *registry.NewMeter) { n.Address = strings.Repeat("a", 241) }, refusal.InvalidRequest, "address"},
	}
}

func TestMeterIsRefusedWithReason(t *testing.T) {
	w := newWorld(t)
	w.domestic(t)
	w.add(t, tokenMeter(number))
	for name, c := range wrongMeters() {
		n := tokenMeter("04140001019")
		c.change(&n)
		a, err := w.AddMeter(t.Context(), boss(), n)
		refused(t, name, a.Refusal, err, c.want)
		if !strings.Contains(a.What, c.says) {
			t.Errorf("%s: got %q, want %q in it", name, a.What, c.says)
		}
		if a.MQTTPassword.Reveal() != "" || a.DecoderKey.Reveal() != "" {
			t.Errorf("%s: secrets of a refused meter", name)
		}
	}
	list, err := w.Meters(t.Context(), boss(), registry.MeterFilter{}, registry.Page{})
	if err != nil || len(list.Data) != 1 {
		t.Errorf("after the refusals there are %d meters, want 1 (%v)", len(list.Data), err)
	}
	customers, err := w.Customers(t.Context(), boss(), "", registry.Page{})
	if err != nil || len(customers.Data) != 1 {
		t.Errorf("after the refusals there are %d customers, want 1 (%v)", len(customers.Data), err)
	}
	w.add(t, tokenMeter("04140001019")) // the failed attempts do not block the valid request
}

func TestMeterIsFoundByNumberAndIdentity(t *testing.T) {
	w := newWorld(t)
	w.domestic(t)
	m := w.add(t, tokenMeter(number)).Meter.Meter
	text := m.ID.Text(id.Meter)
	for _, ref := range []string{number, "0414 0001 001", "0414-0001-001", text, strings.ToUpper(text), " " + text + " "} {
		if got := w.show(t, ref); got.Meter != m {
			t.Errorf("%q: got %+v, want %+v", ref, got.Meter, m)
		}
	}
	for _, ref := range []string{"04140001019", "", "04140001002", id.ID{1}.Text(id.Meter), "mtr_x", "%", strings.Repeat("9", 5000), "\xff"} {
		v, err := w.Meter(t.Context(), boss(), ref)
		refused(t, fmt.Sprintf("%.20q", ref), v.Refusal, err, refusal.MeterNotFound)
		if len(v.What) > 200 {
			t.Errorf("%.20q: the refusal repeats %d bytes", ref, len(v.What))
		}
	}
}

func TestSimulatedMeterGetsItsDecoderKeyUnderATestKeyOnly(t *testing.T) {
	w := newWorld(t)
	w.domestic(t)
	w.vendingKey(t, "123456", true)
	w.vendingKey(t, "222222", false)
	numbers := []string{"04140001001", "04140001019", "04140001027", "04140001035"}
	simulated := func(i int, sgc string) registry.Added {
		n := tokenMeter(numbers[i])
		n.SGC, n.Simulated = sgc, true
		return w.add(t, n)
	}
	a := simulated(0, "123456")
	attributes, err := a.Meter.Key.Attributes(number)
	if err != nil {
		t.Fatal(err)
	}
	vk, err := sts.NewVendingKey(bytes.Repeat([]byte{0xab}, 8))
	if err != nil {
		t.Fatal(err)
	}
	want, err := sts.DeriveKey(vk, attributes)
	if err != nil {
		t.Fatal(err)
	}
	if got := a.DecoderKey.Reveal(); got != hex.EncodeToString(want.Reveal()) {
		t.Errorf("decoder key %q, want %x", got, want.Reveal())
	}
	if simulated(1, "222222").DecoderKey.Reveal() != "" {
		t.Error("a decoder key under a real vending key")
	}
	if w.add(t, tokenMeter(numbers[2])).DecoderKey.Reveal() != "" {
		t.Error("a decoder key of a real meter")
	}
	w.keys.Lock()
	if simulated(3, "123456").DecoderKey.Reveal() != "" {
		t.Error("a decoder key out of a locked key store")
	}
}

func TestMeterLogsInWithItsPassword(t *testing.T) {
	w := newWorld(t)
	w.domestic(t)
	a := w.add(t, tokenMeter(number))
	theirs, err := w.AddTariff(t.Context(), access.SystemActor(w.other, "test"), registry.NewTariff{Name: "theirs", Body: flat("UGX")})
	if err != nil || theirs.Refused() {
		t.Fatal(err, theirs.Detail())
	}
	n := tokenMeter("04140001019")
	n.Tariff, n.Simulated = "theirs", true
	b, err := w.AddMeter(t.Context(), access.SystemActor(w.other, "test"), n)
	if err != nil || b.Refused() {
		t.Fatal(err, b.Detail())
	}
	for _, c := range []struct {
		number, password string
		want             registry.Identity
	}{
		{number, a.MQTTPassword.Reveal(), registry.Identity{Tenant: store.FirstTenant, Meter: 1, Number: number}},
		{"04140001019", b.MQTTPassword.Reveal(), registry.Identity{Tenant: w.other, Meter: 2, Number: "04140001019", Simulated: true}},
		{number, b.MQTTPassword.Reveal(), registry.Identity{}},
		{number, "", registry.Identity{}},
		{number, a.MQTTPassword.Reveal() + " ", registry.Identity{}},
		{"04140001027", a.MQTTPassword.Reveal(), registry.Identity{}},
		{"x", "y", registry.Identity{}},
	} {
		got, ok, err := w.MQTTIdentity(t.Context(), c.number, c.password)
		got.Login = ""
		if err != nil || got != c.want || ok != (c.want.Meter != 0) {
			t.Errorf("%s: got %+v %t %v, want %+v", c.number, got, ok, err, c.want)
		}
	}
	if got, ok, err := w.IdentityOf(t.Context(), number); err != nil || !ok || got.Meter != 1 {
		t.Errorf("identity without a password: %+v %t %v", got, ok, err)
	}
	for status, want := range map[registry.Status]bool{registry.Blocked: true, registry.Stock: true, registry.Removed: false, registry.Scrapped: false} {
		w.exec(t, func(tx *store.Tx) error {
			_, err := tx.C.Exec(`UPDATE meter SET status = $1 WHERE number = $2`, status, number)
			return err
		})
		if _, ok, err := w.MQTTIdentity(t.Context(), number, a.MQTTPassword.Reveal()); err != nil || ok != want {
			t.Errorf("a meter that is %s: let in %t, %v, want %t", status, ok, err, want)
		}
	}
	w.exec(t, func(tx *store.Tx) error { // without a stored password, no password may connect, not even an empty one
		_, err := tx.C.Exec(`UPDATE meter SET status = 'active', mqtt_hash = NULL WHERE number = $1`, number)
		return err
	})
	for _, password := range []string{"", a.MQTTPassword.Reveal()} {
		if _, ok, err := w.MQTTIdentity(t.Context(), number, password); err != nil || ok {
			t.Errorf("a meter without a password is let in with %q (%v)", password, err)
		}
	}
}

func TestLinkKeyIsKeptSealed(t *testing.T) {
	w := newWorld(t)
	w.domestic(t)
	a := w.add(t, tokenMeter(number))
	w.exec(t, func(tx *store.Tx) error {
		who, sealed, next, found, err := tx.LinkKey(a.Meter.Meter.N)
		if err != nil || !found || next != nil {
			return fmt.Errorf("link key: found %t, %w", found, err)
		}
		plain, err := w.data.Open(registry.LinkKeyContext(who), sealed)
		if err == nil && !bytes.Equal(plain, a.LinkKey.Reveal()) {
			t.Error("the kept link key is another")
		}
		return err
	})
	secrets := [][]byte{a.LinkKey.Reveal(), []byte(hex.EncodeToString(a.LinkKey.Reveal())), []byte(a.MQTTPassword.Reveal())}
	files, err := os.ReadDir(w.dir)
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(w.dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range secrets {
			if bytes.Contains(b, s) {
				t.Errorf("%s holds a secret of the meter", f.Name())
			}
		}
	}
}

func TestRolesAreAskedForEverything(t *testing.T) {
	w := newWorld(t)
	w.domestic(t)
	w.add(t, tokenMeter(number))
	for name, c := range map[string]struct {
		right access.Right
		do    func(access.Actor) (refusal.Refusal, error)
	}{
		"Meter": {access.ReadMeters, func(by access.Actor) (refusal.Refusal, error) {
			v, err := w.Meter(t.Context(), by, number)
			return v.Refusal, err
		}},
		"Meters": {access.ReadMeters, func(by access.Actor) (refusal.Refusal, error) {
			v, err := w.Meters(t.Context(), by, registry.MeterFilter{}, registry.Page{})
			return v.Refusal, err
		}},
		"AddMeter": {access.WriteMeters, func(by access.Actor) (refusal.Refusal, error) {
			v, err := w.AddMeter(t.Context(), by, registry.NewMeter{})
			return v.Refusal, err
		}},
		"AddTariff": {access.WriteTariffs, func(by access.Actor) (refusal.Refusal, error) {
			v, err := w.AddTariff(t.Context(), by, registry.NewTariff{})
			return v.Refusal, err
		}},
		"Tariffs": {access.ReadTariffs, func(by access.Actor) (refusal.Refusal, error) {
			v, err := w.Tariffs(t.Context(), by, registry.Page{})
			return v.Refusal, err
		}},
		"AddCustomer": {access.WriteCustomers, func(by access.Actor) (refusal.Refusal, error) {
			v, err := w.AddCustomer(t.Context(), by, registry.NewCustomer{})
			return v.Refusal, err
		}},
		"Customer": {access.ReadCustomers, func(by access.Actor) (refusal.Refusal, error) {
			v, err := w.Customer(t.Context(), by, "")
			return v.Refusal, err
		}},
		"Customers": {access.ReadCustomers, func(by access.Actor) (refusal.Refusal, error) {
			v, err := w.Customers(t.Context(), by, "", registry.Page{})
			return v.Refusal, err
		}},
		"ChangeCustomer": {access.WriteCustomers, func(by access.Actor) (refusal.Refusal, error) {
			v, err := w.ChangeCustomer(t.Context(), by, "", registry.CustomerChange{})
			return v.Refusal, err
		}},
		"Settings": {access.ReadSettings, func(by access.Actor) (refusal.Refusal, error) {
			v, err := w.Settings(t.Context(), by)
			return v.Refusal, err
		}},
		"ChangeSettings": {access.WriteSettings, func(by access.Actor) (refusal.Refusal, error) {
			v, err := w.ChangeSettings(t.Context(), by, registry.SettingsChange{})
			return v.Refusal, err
		}},
	} {
		for _, role := range access.Roles() {
			no, err := c.do(as(role))
			if may := as(role).May(c.right); err != nil || (no.Code == refusal.Forbidden) == may {
				t.Errorf("%s by %s: got %q, %v; the role may: %t", name, role, no.Code, err, may)
			}
		}
	}
}

// TestTenantsDoNotSeeEachOther writes rows as one tenant and reads them as another.
func TestTenantsDoNotSeeEachOther(t *testing.T) {
	w := newWorld(t)
	w.domestic(t)
	v := w.add(t, tokenMeter(number)).Meter
	by := access.SystemActor(w.other, "test")
	for _, ref := range []string{number, v.Meter.ID.Text(id.Meter)} {
		got, err := w.Meter(t.Context(), by, ref)
		refused(t, ref, got.Refusal, err, refusal.MeterNotFound)
	}
	customer, err := w.Customer(t.Context(), by, v.Customer.ID.Text(id.Customer))
	refused(t, "our customer", customer.Refusal, err, refusal.NotFound)
	meters, err := w.Meters(t.Context(), by, registry.MeterFilter{}, registry.Page{})
	if err != nil || len(meters.Data) != 0 {
		t.Errorf("they see %d meters (%v)", len(meters.Data), err)
	}
	customers, err := w.Customers(t.Context(), by, "", registry.Page{})
	if err != nil || len(customers.Data) != 0 {
		t.Errorf("they see %d customers (%v)", len(customers.Data), err)
	}
	tariffs, err := w.Tariffs(t.Context(), by, registry.Page{})
	if err != nil || len(tariffs.Data) != 0 {
		t.Errorf("they see %d tariffs (%v)", len(tariffs.Data), err)
	}
	settings, err := w.Settings(t.Context(), by)
	if err != nil || settings.Currency != "" {
		t.Errorf("they see our currency %q (%v)", settings.Currency, err)
	}
	a, err := w.AddMeter(t.Context(), by, tokenMeter("04140001019"))
	refused(t, "our tariff", a.Refusal, err, refusal.TariffMissing)
	if got := w.audited(t, w.other); len(got) != 0 {
		t.Errorf("they see our audit rows: %v", got)
	}
	n := tokenMeter("04140001027")
	n.CustomerID = v.Customer.ID.Text(id.Customer)
	n.Tariff = "theirs"
	if added, err := w.AddTariff(t.Context(), by, registry.NewTariff{Name: "theirs", Body: flat("UGX")}); err != nil || added.Refused() {
		t.Fatal(err, added.Detail())
	}
	a, err = w.AddMeter(t.Context(), by, n)
	refused(t, "our customer for their meter", a.Refusal, err, refusal.NotFound)
	n.CustomerID, n.Number = "", number
	a, err = w.AddMeter(t.Context(), by, n)
	refused(t, "our number", a.Refusal, err, refusal.MeterExists)
}
