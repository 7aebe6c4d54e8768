package registry

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/wire"
)

// NewMeter is a meter to be registered, as requested. Number, Mode and Tariff are required. PrepayToken also requires SGC,
// KRN, KT and TI. A nil or empty field takes the default of docs/reference/http.md#a-meter.
type NewMeter struct {
	Number    string
	Mode      Mode
	Tariff    string // name or identity of a tariff
	SGC       string
	KRN       *int64
	KT        *int64
	TI        string
	KEN       *int64 // default 255
	EA        string // default "07"
	DKGA      string // default "02"
	BaseDate  *int64 // default 2014
	ImpPerKWh *int64 // default 1000
	Simulated bool
	Status    Status // Active or Stock; default Active
	Model     string
	Phases    *int64 // 1 or 3; default 1
	TT        string // token technology; default "02"
	Profile   string // device profile; empty: Paywatt's own messages
	SIM       string // number of the SIM in the meter's own modem, with country code
	Address   string
	Feeder    string

	ReadingInterval time.Duration // default 30 minutes
	Customer        *NewCustomer  // nil: a customer without a name
	CustomerID      string        // identity of an existing customer, instead of Customer
}

// Added is a registered meter with its secrets, which are shown only once.
type Added struct {
	refusal.Refusal
	Waits        *access.Approval // registration waits for a second person; no meter was registered
	Meter        MeterView
	MQTTPassword access.Secret
	LinkKey      wire.LinkKey
	DecoderKey   access.Secret // in hexadecimal; only for a simulated meter whose test vending key is available
	// TakenOver is what the account took over from closed accounts of its customer, and OtherDebts are the other accounts that owe.
	TakenOver  money.Minor
	OtherDebts []OtherDebt
}

// Limits and defaults of a meter's figures.
const (
	defaultInterval = 30 * time.Minute
	minInterval     = time.Second
	maxInterval     = 7 * 24 * time.Hour
	defaultImp      = 1000
	maxImp          = 10_000_000
	// One person alone may register these impulses per kilowatt-hour, which are usual. A meter that is told more than its pulses mean counts too little.
	leastUsualImp = 100
	mostUsualImp  = 3200
)

// AddMeter registers a meter with its customer, service point, account and key reference, all or nothing. It returns the
// meter's MQTT password and link key, which nobody can read again. A post-paid meter supplies energy before payment, so its
// registration takes two people, and the approver gets the secrets. A tariff that is not usual takes two people too, and so do more meters
// on a feeder in a day than the ceiling person/feeders allows.
func (r *Registry) AddMeter(ctx context.Context, by access.Actor, n NewMeter) (Added, error) {
	if no := by.Needs(access.WriteMeters); no.Refused() {
		return Added{Refusal: no}, nil
	}
	g, no, err := r.Registration(n)
	if err != nil || no.Refused() {
		return Added{Refusal: no}, err
	}
	out, err := access.Through(ctx, r.c.Door, by.Tenant, func(tx Tx) (Added, error) { return r.Register(tx, by, g) })
	if err != nil {
		return Added{}, fmt.Errorf("add meter %s: %w", g.draft.meter.Number, err)
	}
	return out, nil
}

// Registration is a checked new meter with its secrets. It is made before the transaction that registers it.
type Registration struct {
	meter    NewMeter
	draft    draft
	password access.Secret
	link     wire.LinkKey
}

// Registration checks a new meter, as far as that needs no store, and draws its secrets.
func (r *Registry) Registration(n NewMeter) (Registration, refusal.Refusal, error) {
	d, no := n.check()
	if no.Refused() {
		return Registration{}, no, nil
	}
	password, err := access.NewSecret("", r.c.Rand)
	if err != nil {
		return Registration{}, no, fmt.Errorf("add meter: %w", err)
	}
	link, err := r.newLinkKey()
	if err != nil {
		return Registration{}, no, fmt.Errorf("add meter: %w", err)
	}
	return Registration{n, d, password, link}, no, nil
}

// Register does the work of AddMeter in a transaction of the caller, which has checked the right meter.write. The secrets are true only after
// the commit.
func (r *Registry) Register(tx Tx, by access.Actor, g Registration) (Added, error) {
	row, err := r.addMeter(tx, by, g.meter, g.draft, g.password, g.link)
	if err != nil || row.Refused() || row.waits != nil {
		return Added{Refusal: row.Refusal, Waits: row.waits}, err
	}
	return Added{Meter: r.view(row.rec), MQTTPassword: g.password, LinkKey: g.link, DecoderKey: r.decoderKey(g.draft),
		TakenOver: row.took, OtherDebts: row.others}, nil
}

// addedRow is what a transaction that writes a meter returns.
type addedRow struct {
	refusal.Refusal
	waits  *access.Approval
	rec    MeterRecord
	took   money.Minor
	others []OtherDebt
	credit CreditLeft
}

func (r *Registry) newLinkKey() (wire.LinkKey, error) {
	raw := make([]byte, wire.LinkKeySize)
	defer clear(raw)
	if _, err := io.ReadFull(r.c.Rand, raw); err != nil {
		return wire.LinkKey{}, err
	}
	return wire.NewLinkKey(raw)
}

// addMeter does the work of AddMeter in one transaction.
func (r *Registry) addMeter(tx Tx, by access.Actor, n NewMeter, d draft, password access.Secret, link wire.LinkKey) (addedRow, error) {
	if no, err := r.resolve(tx, &d); err != nil || no.Refused() {
		return addedRow{Refusal: no}, err
	}
	owes, err := r.owesElsewhere(tx, d)
	if err != nil {
		return addedRow{}, err
	}
	wish, err := r.wish(d, tx, by, n, owes)
	if err != nil {
		return addedRow{}, err
	}
	eyes, err := access.SecondPerson(tx.Eyes(), by, wish, r.c.Now())
	if err != nil || eyes.Refused() || eyes.Waits != nil {
		return addedRow{Refusal: eyes.Refusal, waits: eyes.Waits}, err
	}
	ids := [...]*id.ID{&d.meter.ID, &d.account.ID, &d.point.ID, &d.key.ID}
	for _, to := range ids {
		var err error
		if *to, err = tx.NewID(); err != nil {
			return addedRow{}, err
		}
	}
	number, err := tx.NextMeterN()
	if err != nil {
		return addedRow{}, err
	}
	now := r.c.Now()
	d.meter.N, d.meter.Account, d.meter.CreatedAt = number, d.account.ID, now
	d.account.Customer, d.account.Point, d.account.OpenedAt = d.customer.ID, d.point.ID, now
	d.key.Meter, d.key.From = number, now
	if err := r.write(tx, d, password, link); err != nil {
		return addedRow{}, err
	}
	e := by.Entry("meter.add", d.meter.ID.Text(id.Meter))
	e.After = d.summary()
	if owes.Minor > 0 {
		e.After += fmt.Sprintf(" owes_elsewhere_minor=%d", owes.Minor)
	}
	if err := tx.AuditLog(eyes.Mark(e)); err != nil {
		return addedRow{}, err
	}
	var took money.Minor
	if !d.newCustomer && d.meter.Status != Stock { // a meter in the store room supplies nobody
		if took, err = inherit(tx.Customers().Owing(), by, d.customer.ID, d.account.ID, access.Stored(now)); err != nil {
			return addedRow{}, err
		}
	}
	return r.written(tx, d.meter.ID, d.account.ID, took)
}

// wish returns the act of registering a meter. A post-paid meter needs a second person, and so do an unusual number of impulses per kilowatt-hour,
// a tariff that one person may not choose alone, and another meter for a customer who owes elsewhere. A feeder counts under the ceiling of first
// feeders, whatever else is asked: the energy that somebody reports for a meter of their own would hide what is lost on that feeder.
func (r *Registry) wish(d draft, tx Tx, by access.Actor, n NewMeter, owes money.Amount) (access.ActRequest, error) {
	a := access.ActRequest{Act: access.ActMeter, Object: "meter " + d.meter.Number, Body: n, Effect: func() (e access.Effect, err error) {
		d.tell(&e)
		price, err := r.priceOf(tx, d.account.Tariff)
		e.Tells("price", price)
		if owes.Minor > 0 {
			e.Sum("outstanding", owes)
		}
		return e, err
	}}
	if d.point.Feeder != "" {
		a.Takes.Amount = 1
	}
	if d.meter.Mode == Postpay {
		a.Act, a.Summary = access.ActPostpaid, fmt.Sprintf("register post-paid meter %s on tariff %s: it supplies energy before it is paid for", d.meter.Number, d.tariff)
		return a, nil
	}
	if imp := d.meter.ImpPerKWh; (imp < leastUsualImp || imp > mostUsualImp) && !d.meter.Simulated {
		a.Act, a.Summary = access.ActImpulses, fmt.Sprintf("register meter %s on tariff %s with %d impulses per kWh: %d to %d are usual, and more than its pulses mean counts too little energy",
			d.meter.Number, d.tariff, imp, leastUsualImp, mostUsualImp)
		return a, nil
	}
	c, err := choose(tx, d.account.Tariff, id.ID{})
	if err != nil {
		return a, err
	}
	if c.Alone() && owes.Minor > 0 {
		a.Act, a.Summary = access.ActMoveIn, fmt.Sprintf("register meter %s on tariff %q for a customer who owes %s on another account: sales to this meter pay nothing of it",
			d.meter.Number, c.Next, owes)
		return a, nil
	}
	onFeeder, err := d.onlyFeeder(tx, by, c)
	if err != nil {
		return a, err
	}
	if onFeeder {
		a.Act, a.Routine = access.ActFeeder, true
		a.Summary = fmt.Sprintf("register meter %s on tariff %q and feeder %q", d.meter.Number, c.Next, d.point.Feeder)
		return a, nil
	}
	if !c.Alone() || !by.Approval.IsZero() {
		a.Act, a.Summary = access.ActMeterTariff, fmt.Sprintf("register meter %s on tariff %q, which the settings do not list as usual", d.meter.Number, c.Next)
	}
	return a, nil
}

// onlyFeeder reports whether nothing but its feeder can make the registration of a meter need a second person. An approved registration is
// still for what was asked: a tariff that became usual since then does not make it another act.
func (d draft) onlyFeeder(tx Tx, by access.Actor, c TariffChoice) (bool, error) {
	if d.point.Feeder == "" || !c.Alone() {
		return false, nil
	}
	if by.Approval.IsZero() {
		return true, nil
	}
	asked, found, err := tx.Eyes().ApprovalByID(by.Approval)
	return found && asked.Act == access.ActFeeder, err
}

// tell says which meter a draft registers, and for whom.
func (d draft) tell(e *access.Effect) {
	e.Fact("meter", d.meter.Number)
	e.Tells("mode", access.Named("mode", string(d.meter.Mode)))
	e.Fact("tariff", d.tariff)
	e.Fact("feeder", d.point.Feeder)
	e.Fact("impulses", strconv.FormatInt(int64(d.meter.ImpPerKWh), 10))
	e.Fact("customer", d.customer.Name)
	e.Fact("phone", d.customer.Phone)
}

// resolve looks up what a draft needs from the store: the tariff, the customer, and whether the meter's number is free.
func (r *Registry) resolve(tx Tx, d *draft) (refusal.Refusal, error) {
	taken, err := tx.NumberTaken(d.meter.Number)
	if err != nil {
		return refusal.Refusal{}, err
	}
	if taken {
		return refuse.MeterRegisteredAlready(d.meter.Number), nil
	}
	var no refusal.Refusal
	if no, err := simFree(tx, d.meter.SIM, id.ID{}); err != nil || no.Refused() {
		return no, err
	}
	if d.account.Tariff, no, err = findTariff(tx, d.tariff, refusal.TariffMissing); err != nil || no.Refused() {
		return no, err
	}
	if d.meter.Mode == PrepayToken {
		if no, err = forTokens(tx, d.account.Tariff, d.tariff, r.c.Now()); err != nil || no.Refused() {
			return no, err
		}
	}
	return payer(tx, d)
}

// write writes the rows of a new meter in the order of their references.
func (r *Registry) write(tx Tx, d draft, password access.Secret, link wire.LinkKey) error {
	if d.newCustomer {
		d.customer.CreatedAt = d.meter.CreatedAt
		if err := tx.Customers().AddCustomerRow(d.customer); err != nil {
			return err
		}
	}
	if err := tx.Customers().AddPoint(d.point); err != nil {
		return err
	}
	if err := tx.Customers().AddAccount(d.account); err != nil {
		return err
	}
	raw := link.Reveal()
	defer clear(raw)
	if err := tx.AddMeterRow(d.meter, PasswordForm(r.c.Sealer, d.meter.Number, password), r.c.Sealer.Seal(LinkKeyContext(d.meter.ID), raw)); err != nil {
		return err
	}
	if d.hasKey {
		if err := tx.AddMeterKey(d.key); err != nil {
			return err
		}
	}
	if d.meter.Status == Stock {
		return nil // the meter is in the store room and not installed yet
	}
	return tx.AddInstall(d.meter.N, d.point.ID, d.meter.CreatedAt)
}
