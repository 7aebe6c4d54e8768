package sim

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/paywatt/paywatt/internal/device"
	"github.com/paywatt/paywatt/internal/device/memory"
	"github.com/paywatt/paywatt/internal/device/outbox"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

// WalletStreet simulates meters whose balance is money on a server: complete virtual meters, and the server's own store
// and rules. All run in one process and on one virtual clock, which advances by the hour. An independent [witness] watches
// the messages and the relays.
type WalletStreet struct {
	Meters, Days int
	Seed         uint64
	Start        time.Time
	Folder       string // folder for the server's database
	// Loss is the percentage of messages that are lost, in each direction. For each three lost messages, two others are
	// doubled and one comes late.
	Loss int
	// Away leaves one in five houses without network for days.
	Away bool
	// Paid is the first payment, in minor units. Again is the payment when little money is left; 0 for no further payments.
	Paid, Again money.Minor
	// Daily is a fixed charge per day.
	Daily  money.Minor
	Supply registry.SupplyPolicy
	// Several puts meters on shared accounts. It is the number of houses in a group; 0 means one account for each meter. In
	// each group, the second house shares the account of the first house. With groups of 3 or more, the third house also
	// shares that account in groups 1, 3, 5 and so on. With groups of 2, four houses share each account.
	Several int
	// TOU prices energy by the time of use instead of a flat rate.
	TOU bool
	// Protected sets how many accounts are protected from cut-offs: with the value 20, one account in 20; with 0, none.
	Protected int
	// Spoilt sets how many readings have a register that cannot be true: with the value 50, one reading in 50 on average.
	// Switched is the average number of hours until a person cuts off a house's supply. Moves is the average number of
	// hours until its customer moves out. 0 means never.
	Spoilt, Switched, Moves int
	// DownFrom and DownTo are the hours between which the server does not run. After DownTo the server restarts from its store.
	DownFrom, DownTo int
	// Load returns a house's use in an hour, in watts; nil for households of all sizes.
	Load func(house int, hour int, rnd *rand.Rand) unit.Power
	// First is the number of the first house. The events of a house depend only on its number and on Seed, so a single
	// account can be simulated alone.
	First int
	// Trace is the number of a meter; "" for none. The events of this meter, and of the other meters on its account, are logged.
	Trace string
	// Plant is a mistake that the server makes on purpose, for the witness to find. It is one of the names in Plants, such as PlantLate.
	Plant string
}

// WalletStreetResult is the outcome of a WalletStreet.
type WalletStreetResult struct {
	MeterDays int `json:"meter_days"`
	// Records is the number of records that the server stored. Lost is the number of messages that the network lost.
	Records int64 `json:"records"`
	Lost    int64 `json:"messages_lost"`
	// Leases, Cuts and Connects count the signed orders of each kind. Pressed counts how often a customer had to press a key.
	Leases   int64 `json:"leases"`
	Cuts     int64 `json:"cut_offs"`
	Connects int64 `json:"connects"`
	Pressed  int64 `json:"keys_pressed"`
	// Held counts the registers that were held for review. Switched counts the cut-offs by persons, and Moved the customers
	// who moved out.
	Held     int64 `json:"registers_held"`
	Switched int64 `json:"cut_offs_by_persons"`
	Moved    int64 `json:"customers_moved_out"`
	// Changes counts the changes of relays. Dark is the total time for which supplies were off.
	Changes int64         `json:"relay_changes"`
	Dark    time.Duration `json:"-"`
	// DarkHouses are the houses whose supply was off at some time after the first hour.
	DarkHouses []int `json:"-"`
	// OffWithMoney is the total time for which supplies were off, with money and lease energy left, and without a
	// cause that [RuleDark] allows.
	OffWithMoney time.Duration `json:"-"`
	// BeyondLease is a sum over all meters. Each meter adds the most energy that it ever counted beyond its lease. MostOwed
	// is the most energy that an account has used beyond its money.
	BeyondLease unit.Energy `json:"beyond_lease_wh"`
	MostOwed    unit.Energy `json:"most_owed_wh"`
	// Balances are the accounts' balances. Rated is the energy rated for each meter, by local month.
	Balances   []money.Minor `json:"-"`
	Rated      []string      `json:"-"`
	Used       unit.Energy   `json:"used_wh"`
	Violations []Violation   `json:"violations"`
	History    []string      `json:"-"` // history of the traced account
	Seconds    float64       `json:"seconds"`
	// Hash is a hash over all balances and the rated energy. The same seed gives the same hash.
	Hash string `json:"trace"`
	// Replay is the command that repeats the simulation.
	Replay string `json:"replay"`
}

// walletHouse is one house.
type walletHouse struct {
	index     int
	number    string
	n         int64
	meter     id.ID
	account   id.ID
	host      *walletHouse // the house whose account this house shares; nil if it has its own account
	link      wire.LinkKey
	dev       *device.Device
	load      *rand.Rand // source of random use, which does not depend on the network
	net       *rand.Rand
	size      int64
	away      [2]int // hours without network
	payAt     int    // hour in which the household pays; 0 if no payment is due
	booted    bool
	late      []outbox.Entry
	delayed   []parcel  // messages that the network delays
	delayedAt time.Time // since when the network delays them
	fates     *rand.Rand
	fate      fate
	witness   witness
	// forgotten is a planted mistake: the server sends this meter no more connects.
	forgotten bool
}

// walletRun is one run of a WalletStreet.
type walletRun struct {
	o      WalletStreet
	office *office
	houses []*walletHouse
	hour   int
	diary  diary
	replay string
	result WalletStreetResult
}

// walletInterval is the reading interval of the meters.
const walletInterval = 4 * time.Hour

// Run runs the simulation. The result's Violations are the broken rules that the witness found.
func (o WalletStreet) Run(ctx context.Context) (WalletStreetResult, error) {
	began := time.Now()
	s := &walletRun{o: o, replay: o.Line()}
	var err error
	if s.office, err = openOffice(o); err != nil {
		return WalletStreetResult{}, err
	}
	err = s.live(ctx)
	if err == nil {
		err = s.end(ctx)
	}
	s.result.Seconds, s.result.History = time.Since(began).Seconds(), s.diary.lines
	return s.result, errors.Join(err, s.office.close())
}

func (s *walletRun) live(ctx context.Context) error {
	for i := range s.o.Meters {
		h, err := s.newWalletHouse(ctx, s.o.First+i)
		if err != nil {
			return err
		}
		s.houses = append(s.houses, h)
	}
	s.traced()
	for s.hour = 0; s.hour < s.o.Days*24; s.hour++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.pass(); err != nil {
			return err
		}
		s.office.now = s.office.now.Add(time.Hour)
		if s.down() {
			for _, h := range s.houses {
				h.witness.now = s.office.now
				h.witness.closes(false, false, false)
			}
			continue
		}
		if s.hour > 0 && s.hour == s.o.DownTo {
			if err := s.office.restart(s.o); err != nil {
				return err
			}
		}
		if err := s.serve(ctx, s.hour > 0 && s.o.Loss > 0); err != nil {
			return fmt.Errorf("hour %d: %w", s.hour, err)
		}
	}
	return nil
}

// traced gives a diary to each meter of the traced account.
func (s *walletRun) traced() {
	for _, h := range s.houses {
		if h.number != s.o.Trace {
			continue
		}
		for _, w := range h.witness.account.members {
			w.diary = &s.diary
		}
	}
}

// down reports whether the server is down in this hour.
func (s *walletRun) down() bool { return s.hour >= s.o.DownFrom && s.hour < s.o.DownTo }

// pass advances all meters by an hour.
func (s *walletRun) pass() error {
	const workers = 2
	errs := make([]error, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w; i < len(s.houses) && errs[w] == nil; i += workers {
				errs[w] = s.houses[i].pass(s)
			}
		})
	}
	wg.Wait()
	for _, h := range s.houses {
		s.result.Violations = append(s.result.Violations, h.witness.take()...)
	}
	return errors.Join(errs...)
}

// pass advances the meter by an hour. The load does not depend on the relay.
func (h *walletHouse) pass(s *walletRun) error {
	watts := unit.Power(0)
	if s.o.Load != nil {
		watts = s.o.Load(h.index, s.hour, h.load)
	} else {
		mean := meanLoad * h.size / 100 * shape[s.hour%24] / 100
		watts = unit.Power(mean/2 + h.load.Int64N(mean+1))
	}
	err := h.dev.SetLoad(watts)
	for left := time.Hour; left > 0 && err == nil; { // from one time at which the relay can move to the next
		t := min(left, max(h.dev.Next(), time.Millisecond))
		err = h.dev.Advance(t, nil)
		left -= t
		if s.hour > 0 {
			h.witness.passes(t)
		}
		h.witness.looks(h.dev)
	}
	if err = errors.Join(err, h.dev.Flush()); err != nil {
		return fmt.Errorf("meter %s: %w", h.number, err)
	}
	h.witness.looks(h.dev)
	return nil
}

// online reports whether a house has network in this hour.
func (s *walletRun) online(h *walletHouse) bool { return s.hour < h.away[0] || s.hour >= h.away[1] }

// newWalletHouse makes a house and registers its meter.
func (s *walletRun) newWalletHouse(ctx context.Context, i int) (*walletHouse, error) {
	h := &walletHouse{index: i, load: rand.New(rand.NewPCG(s.o.Seed, uint64(i))), net: rand.New(rand.NewPCG(^s.o.Seed, uint64(i))),
		fates: rand.New(rand.NewPCG(s.o.Seed, ^uint64(i)))}
	body := fmt.Sprintf("06%08d", i)
	digit, err := sts.Luhn(body)
	if err != nil {
		return nil, err
	}
	h.number, h.size = body+string(digit), 40+h.load.Int64N(140)
	if s.o.Away && i%5 == 0 {
		from := 24 + h.net.IntN(max(1, s.o.Days*24-48))
		h.away = [2]int{from, from + 24 + h.net.IntN(5*24)}
	}
	var secret [wire.LinkKeySize]byte
	for b := range secret {
		secret[b] = byte(h.net.UintN(256))
	}
	if h.link, err = wire.NewLinkKey(secret[:]); err != nil {
		return nil, err
	}
	if n := s.o.Several; n > 0 && len(s.houses) > 0 && (i%n == 1 || i%(2*n) == 2) {
		if h.host = s.houses[len(s.houses)-1]; h.host.host != nil {
			h.host = h.host.host
		}
	}
	protected := s.o.Protected > 0 && i%s.o.Protected == 0
	if h.host != nil {
		protected = h.host.witness.protected
	}
	if err := s.office.register(ctx, h, secret[:], protected); err != nil {
		return nil, err
	}
	h.dev, err = device.Open(device.Config{Number: h.number, LinkKey: h.link, HasLink: true, Image: &memory.RAMImage{}, Log: memory.Nothing{},
		Rand: s.office.names, Now: s.o.Start, Keep: 2048, Document: map[string]any{"payment_mode": "prepay_wallet", "reading_s": int64(walletInterval / time.Second)}})
	if err != nil {
		return nil, fmt.Errorf("meter %s: %w", h.number, err)
	}
	h.witness = newWitness(s.o, h.number, protected)
	h.witness.joins(s.o, h.host)
	if s.o.Paid > 0 && h.host == nil {
		if err := s.pay(ctx, h, s.o.Paid); err != nil {
			return nil, err
		}
	}
	return h, nil
}

// pay makes a payment to the account of a house.
func (s *walletRun) pay(ctx context.Context, h *walletHouse, amount money.Minor) error {
	unanswered := h.witness.off
	press, err := s.office.pay(ctx, h, amount)
	if err != nil {
		return fmt.Errorf("pay for meter %s: %w", h.number, err)
	}
	h.witness.account.pays(int64(amount), s.office.now)
	s.result.Pressed += press
	h.witness.trace("paid %d, press a key: %d", amount, press)
	return s.plantPaid(ctx, h, unanswered)
}

// trade makes the payments of customers, some hours after their wallets are nearly empty.
func (s *walletRun) trade(ctx context.Context) error {
	for _, h := range s.houses {
		w := &h.witness
		if s.o.Again > 0 && h.host == nil && !w.vacant && h.payAt == 0 && w.account.energy(w.now, actual) < 2000 {
			h.payAt = s.hour + 1 + h.load.IntN(30)
		}
		if h.payAt > 0 && s.hour >= h.payAt {
			h.payAt = 0
			if err := s.pay(ctx, h, s.o.Again); err != nil {
				return err
			}
		}
	}
	return nil
}

// press presses the meter's key if the meter waits for it.
func (h *walletHouse) press() error {
	if s := h.dev.State(); s.Relay != supply.Armed {
		return nil
	}
	err := errors.Join(h.dev.Keys("#"), h.dev.Flush())
	h.witness.looks(h.dev)
	return err
}

// end lets all messages arrive and compares the books. No time passes meanwhile. Messages that the network lost in the
// last hour are sent again, because every meter reconnects.
func (s *walletRun) end(ctx context.Context) error {
	s.o.Loss = 0
	for _, h := range s.houses {
		h.away, h.late, h.delayed = [2]int{}, nil, nil
		s.o.Spoilt, s.o.Switched, s.o.Moves = 0, 0, 0
	}
	if err := s.office.wake(ctx, s.houses); err != nil {
		return err
	}
	for range 8 {
		if err := s.serve(ctx, false); err != nil {
			return err
		}
	}
	s.result.MeterDays = s.o.Meters * s.o.Days
	for _, h := range s.houses {
		if m := h.dev.Box().Marks(); m.Waiting() != 0 || m.Dropped != 0 {
			s.result.Violations = append(s.result.Violations, Violation{RuleRecords,
				fmt.Sprintf("meter %s: %d records not acknowledged, %d lost", h.number, m.Waiting(), m.Dropped)})
		}
		state := h.dev.State()
		s.result.Used += state.Register
		s.result.BeyondLease += h.witness.beyond
		s.result.Changes += h.witness.changes
		s.result.Dark += h.witness.dark
		if h.witness.dark > 0 {
			s.result.DarkHouses = append(s.result.DarkHouses, h.index)
		}
		s.result.OffWithMoney += h.witness.offWithMoney
		s.result.MostOwed = max(s.result.MostOwed, h.witness.account.owed)
	}
	if err := s.office.compare(ctx, s); err != nil {
		return err
	}
	s.result.Hash, s.result.Replay = s.result.hash(), s.replay
	return nil
}
