package registry

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/sts"
)

// draft is a NewMeter after the checks that need no store. Its values are in their canonical form, and
// missing values have their defaults.
type draft struct {
	meter       Meter
	account     Account
	point       Point
	customer    Customer
	key         Key
	hasKey      bool
	newCustomer bool
	tariff      string // name or identity of a tariff that is not looked up yet
}

// Lengths of texts, in characters. They keep the texts short enough for rows and receipts.
const (
	maxName   = 120
	maxShort  = 64
	maxLine   = 240
	minPhone  = 6
	maxPhone  = 16 // "+" and the 15 digits of E.164
	maxPhases = 3
)

// check turns the request into a draft, or returns a refusal that names the mistake.
func (n NewMeter) check() (draft, refusal.Refusal) {
	var d draft
	for _, step := range [...]func(*draft) refusal.Refusal{n.checkMeter, n.checkKey, n.checkPlace, n.checkCustomer} {
		if no := step(&d); no.Refused() {
			return draft{}, no
		}
	}
	d.account.Mode, d.account.Status = d.meter.Mode, AccountActive
	return d, refusal.Refusal{}
}

func (n NewMeter) checkMeter(d *draft) refusal.Refusal {
	number, no := Canonical(n.Number)
	if no.Refused() {
		return no
	}
	imp, ok := within(n.ImpPerKWh, defaultImp, 1, maxImp)
	if !ok {
		return refuse.FieldOutOfRange("imp_per_kwh", 1, maxImp)
	}
	phases, ok := within(n.Phases, 1, 1, maxPhases)
	if !ok || phases == 2 {
		return refuse.PhasesInvalid()
	}
	interval := n.ReadingInterval
	if interval == 0 {
		interval = defaultInterval
	}
	if interval < minInterval || interval > maxInterval {
		return refuse.ReadingIntervalOutOfRange()
	}
	status := n.Status
	if status == "" {
		status = Active
	}
	sim, simOK := simOf(n.SIM)
	switch {
	case !simOK:
		return refuse.SimPhoneInvalid()
	case !n.Mode.Known():
		return refuse.ModeUnknown()
	case status != Active && status != Stock:
		return refuse.NewMeterStatusInvalid()
	case !short(n.Model):
		return refuse.FieldTextTooLong("model", maxShort)
	case !short(n.Profile):
		return refuse.FieldTextTooLong("profile", maxShort)
	case n.TT != "" && !digits(n.TT, 2):
		return refuse.TokenTechnologyInvalid()
	}
	d.meter = Meter{Number: number, Mode: n.Mode, Status: status, Model: n.Model, Phases: int(phases), ImpPerKWh: imp,
		TT: or(n.TT, "02"), Simulated: n.Simulated, Profile: n.Profile, SIM: sim, ReadingInterval: interval, Version: 1}
	return refusal.Refusal{}
}

// checkKey reads the STS attributes. A token meter needs all of them. Any other meter has either all of them or none.
func (n NewMeter) checkKey(d *draft) refusal.Refusal {
	named := n.SGC != "" || n.KRN != nil || n.KT != nil || n.TI != ""
	if !named && n.Mode != PrepayToken {
		return refusal.Refusal{}
	}
	if n.SGC == "" || n.KRN == nil || n.KT == nil || n.TI == "" {
		return refuse.KeyFactsMissing(missing(n))
	}
	krn, krnOK := within(n.KRN, 0, 1, 9)
	kt, ktOK := within(n.KT, 0, 0, int64(sts.DCTK))
	ken, kenOK := within(n.KEN, 255, 0, 255)
	base, baseOK := within(n.BaseDate, int64(sts.Base2014), 1, 9999)
	ea, eaErr := sts.ParseEA(or(n.EA, "07"))
	dkga, dkgaErr := sts.ParseDKGA(or(n.DKGA, "02"))
	switch {
	case !digits(n.SGC, 6):
		return refuse.MeterSgcInvalid()
	case !krnOK:
		return refuse.MeterKrnInvalid()
	case !ktOK:
		return refuse.MeterKtInvalid()
	case sts.KeyType(kt) == sts.DITK:
		return refuse.MeterKtInitialisation()
	case !digits(n.TI, 2):
		return refuse.MeterTiInvalid()
	case !kenOK:
		return refuse.MeterKenInvalid()
	case eaErr != nil:
		return refuse.MeterEaInvalid()
	case dkgaErr != nil:
		return refuse.MeterDkgaInvalid()
	case dkga == sts.DKGA02 && ea != sts.EA07:
		return refuse.MeterEaNeedsDkga()
	case !dkga.Makes(sts.KeyType(kt)):
		return refuse.MeterCommonKeyNeedsDkga()
	case !baseOK || !sts.BaseDate(base).Valid():
		return refuse.MeterBaseDateInvalid()
	}
	d.hasKey = true
	d.key = Key{SGC: n.SGC, KRN: uint8(krn), KT: sts.KeyType(kt), TI: n.TI, KEN: uint8(ken), EA: ea, DKGA: dkga,
		BaseDate: sts.BaseDate(base), State: "current"}
	return refusal.Refusal{}
}

func missing(n NewMeter) string {
	var out []string
	for _, f := range [...]struct {
		name   string
		absent bool
	}{{"sgc", n.SGC == ""}, {"krn", n.KRN == nil}, {"kt", n.KT == nil}, {"ti", n.TI == ""}} {
		if f.absent {
			out = append(out, f.name)
		}
	}
	return strings.Join(out, ", ")
}

func (n NewMeter) checkPlace(d *draft) refusal.Refusal {
	d.tariff = strings.TrimSpace(n.Tariff)
	switch {
	case d.tariff == "":
		return refuse.TariffNotNamed()
	case !text(n.Address, maxLine):
		return refuse.FieldTextTooLong("address", maxLine)
	case !short(n.Feeder):
		return refuse.FieldTextTooLong("feeder", maxShort)
	}
	d.point = Point{Address: n.Address, Feeder: n.Feeder}
	return refusal.Refusal{}
}

func (n NewMeter) checkCustomer(d *draft) refusal.Refusal {
	if n.CustomerID != "" {
		if n.Customer != nil {
			return refuse.CustomerNamedTwice()
		}
		i, err := id.Parse(id.Customer, n.CustomerID)
		if err != nil {
			return refuse.CustomerIdInvalid(refusal.Echo(n.CustomerID), id.Customer)
		}
		d.customer.ID = i
		return refusal.Refusal{}
	}
	c := NewCustomer{}
	if n.Customer != nil {
		c = *n.Customer
	}
	var no refusal.Refusal
	d.customer, no = c.check()
	return no
}

// summary returns the data of a new meter for the audit log. It leaves out the name and the phone, which must be erasable.
func (d draft) summary() string {
	s := fmt.Sprintf("number=%s mode=%s status=%s simulated=%t", d.meter.Number, d.meter.Mode, d.meter.Status, d.meter.Simulated)
	if d.hasKey {
		s += fmt.Sprintf(" sgc=%s krn=%d kt=%d ti=%s ken=%d ea=%s dkga=%s base_date=%s", d.key.SGC, d.key.KRN, uint8(d.key.KT),
			d.key.TI, d.key.KEN, d.key.EA, d.key.DKGA, d.key.BaseDate)
	}
	return s
}

// decoderKey returns the key of a virtual meter, if its vending key is a test key and available.
func (r *Registry) decoderKey(d draft) access.Secret {
	if !d.hasKey || !d.meter.Simulated {
		return access.Secret{}
	}
	a, err := d.key.Attributes(d.meter.Number)
	if err != nil {
		return access.Secret{}
	}
	key, ok := r.c.TestKeys.DecoderKey(a)
	if !ok {
		return access.Secret{}
	}
	raw := key.Reveal()
	defer clear(raw)
	return access.SecretOf(hex.EncodeToString(raw))
}

// within returns the number, or a default value if there is no number. It also reports whether the number is between the bounds; the
// default value is always accepted.
func within(v *int64, absent, low, high int64) (int64, bool) {
	if v == nil {
		return absent, true
	}
	return *v, *v >= low && *v <= high
}

func or(s, absent string) string {
	if s == "" {
		return absent
	}
	return s
}

func digits(s string, n int) bool {
	return len(s) == n && strings.Trim(s, "0123456789") == ""
}

func short(s string) bool { return text(s, maxShort) }

// text reports whether s is at most n characters that can be printed on one line.
func text(s string, n int) bool { return access.OneLine(s, n) }
