package bench

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/wire"

	"github.com/paywatt/paywatt/api/apiv1"
)

// town is a utility with many meters and sales, as `bench pages` builds it: every row is written by the use case that writes it in a server.
// Every second meter has a wallet. Sales are spread over some months.
type town struct {
	shop
	cluster string       // folder of its PostgreSQL cluster; "" on SQLite
	passed  atomic.Int64 // how much of its life has passed
	meters  []registry.Meter
	people  []resident
}

// resident is who lives at a meter.
type resident struct{ name, phone, address string }

// span is how far the town's beginning is back. Its meters are registered in its first days, and then the sales begin.
const (
	span    = 90 * 24 * time.Hour
	arrival = 9 * 24 * time.Hour
)

// Some meters of a town are in other states than most.
const (
	neverHeardEach = 25 // one of so many meters has never sent anything
	cutOffEach     = 40
	tamperedEach   = 50
)

// flatsEach is how many flats a building has if there are more than 20 buildings. A file of statements has at most 200.
const flatsEach = 150

var firstNames = [...]string{"Amina", "Kwame", "Zawadi", "Juma", "Neema", "Baraka", "Halima", "Otieno", "Wanjiru", "Njoroge", "Fatuma", "Chebet", "Kiprop",
	"Achieng", "Mutua", "Nafula", "Omondi", "Wambui", "Rehema", "Salim"}

var lastNames = [...]string{"Abdi", "Barasa", "Cherono", "Diallo", "Ekeno", "Farah", "Gitau", "Hassan", "Igwe", "Jelagat", "Kamau", "Langat", "Maina", "Ndungu",
	"Odhiambo", "Pius", "Rono", "Sang", "Tanui", "Uhuru", "Vuguza", "Wekesa", "Yego"}

// residentOf returns who lives at the i-th meter.
func residentOf(i int) resident {
	return resident{name: fmt.Sprintf("%s %s %d", firstNames[i%len(firstNames)], lastNames[i/len(firstNames)%len(lastNames)], i),
		phone: fmt.Sprintf("+2547%08d", 10_000_019+i*7919%89_000_000), address: fmt.Sprintf("Plot %d, Row %d", i, i/40)}
}

// build fills the town's store, as if the last months had passed.
func (b *Pages) build(ctx context.Context, say Say, t *town) error {
	end := time.Now().Add(-time.Minute)
	begin := end.Add(-span)
	t.past, t.now = true, func() time.Time { return begin.Add(time.Duration(t.passed.Load())) }
	r, err := t.shop.open(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if t.engine != nil {
			_ = t.engine.Close() // after an error; the folder is removed
		}
	}()
	say("registering %d meters", b.Meters)
	if err := t.settle(ctx, r); err != nil {
		return err
	}
	say("making %d sales", b.Sales)
	if err := t.trade(ctx, b.Sales); err != nil {
		return err
	}
	say("storing %d readings", b.Meters*b.Readings)
	if err := t.read(end, b.Readings); err != nil {
		return err
	}
	err = t.engine.Close()
	t.engine = nil
	return errors.Join(err, t.hire(ctx))
}

// hourly does n pieces of work, spread over the hours between two moments of the town's life. The clock stands still within an hour, so that
// no work is dated after work that ends later.
func (t *town) hourly(from, to time.Duration, n int, work func(i int) error) error {
	hours := int((to - from) / time.Hour)
	for h := range hours {
		t.passed.Store(int64(from) + int64(h)*int64(time.Hour))
		first := n * h / hours
		if err := inParallel(64, n*(h+1)/hours-first, func(i int) error { return work(first + i) }); err != nil {
			return err
		}
	}
	return nil
}

// settle publishes the tariff and registers the meters with their customers.
func (t *town) settle(ctx context.Context, r *registry.Registry) error {
	if err := t.publish(ctx, r); err != nil {
		return err
	}
	return t.hourly(0, arrival, len(t.meters), func(i int) error {
		who := residentOf(i)
		n := registry.NewMeter{Mode: registry.PrepayWallet, Address: who.address, Feeder: fmt.Sprintf("F%d", i%max(20, len(t.meters)/flatsEach)),
			Customer: &registry.NewCustomer{Name: who.name, Phone: who.phone}}
		if i%2 == 0 {
			n.Mode, n.SGC, n.KRN, n.KT, n.TI, n.DKGA = registry.PrepayToken, "123456", new(int64(1)), new(int64(2)), "01", "04"
		}
		m, err := addMeter(ctx, r, t.seller, i, n)
		t.meters[i] = m.Meter.Meter
		return err
	})
}

// trade makes the sales. Its order visits every meter about equally often.
func (t *town) trade(ctx context.Context, sales int) error {
	return t.hourly(arrival, span, sales, func(i int) error {
		m := t.meters[i*7919%len(t.meters)]
		sold, err := t.vending.Sell(ctx, t.seller, vending.Purchase{Meter: m.Number, Tender: money.Amount{Minor: money.Minor(5000 + i*37%50_000), Currency: "KES"},
			ClientRef: fmt.Sprintf("bench-%d", i)})
		if err == nil && sold.Refused() {
			err = errors.New("bench pages: " + sold.Detail())
		}
		return err
	})
}

// read stores readings of each meter and some events, the newest of them just now.
func (t *town) read(end time.Time, each int) error {
	stored, flight := make(chan error), 0
	wait := func(most int) error {
		for ; flight > most; flight-- {
			if err := <-stored; err != nil {
				return err
			}
		}
		return nil
	}
	for n := range each {
		at := end.Add(time.Duration(n+1-each) * 30 * time.Minute)
		for i, m := range t.meters {
			if i%neverHeardEach == neverHeardEach-1 {
				continue
			}
			rec := metering.Record{Tenant: store.FirstTenant, Meter: m.N, Number: m.Number, ReceivedAt: at, Rec: recordOf(i, n, each, at)}
			err := t.engine.Ingest([]metering.Record{rec}, func(outs []metering.Outcome, err error) {
				if err == nil && outs[0].Kind != metering.Stored {
					err = fmt.Errorf("a record of meter %s was not stored: %v", rec.Number, outs[0].Kind)
				}
				stored <- err
			})
			if err != nil {
				return err
			}
			flight++
			if err := wait(1000); err != nil {
				return err
			}
		}
	}
	return wait(0)
}

// recordOf is the n-th record of the i-th meter, which sends so many in all.
func recordOf(i, n, all int, at time.Time) wire.Record {
	head := wire.Head{Seq: uint64(n + 1), At: at.Unix(), Up: uint64(n+1) * 1_800_000, Clock: wire.ClockValid}
	if i%tamperedEach == 0 && n == all-2 {
		return wire.Record{Kind: wire.KindEvent, Head: head, Event: &wire.Event{Head: head, Code: 501}}
	}
	out := &wire.Reading{Head: head, RegisterWh: int64(n+1) * 120, BalanceWh: int64(i*977%90_000 + 100), W: int64(i*37%2000 + 1), MV: 230_400, Relay: "closed"}
	if i%cutOffEach == 1 {
		out.W, out.Relay, out.Reasons = 0, "open", []string{"CREDIT"}
	}
	return wire.Record{Kind: wire.KindReading, Head: head, Reading: out}
}

// passwordOf is the password of the bench's owner.
const passwordOf = "four words of no worth"

// serve starts a server on the town, signs in, and ends the server after work.
func (t *town) serve(ctx context.Context, version apiv1.Version, work func(*office) error) error {
	o := &office{town: t}
	if err := o.employ(ctx); err != nil {
		return err
	}
	return serveFolder(ctx, app.Config{Data: t.dir, Store: t.url, Version: version, Reserve: -1, Unverified: true}, func(url string) error {
		o.site = url
		if err := o.signIn(ctx); err != nil {
			return err
		}
		return work(o)
	})
}
