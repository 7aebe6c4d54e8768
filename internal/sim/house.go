package sim

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/paywatt/paywatt/internal/device"
	"github.com/paywatt/paywatt/internal/device/board"
	"github.com/paywatt/paywatt/internal/device/ds1307"
	"github.com/paywatt/paywatt/internal/device/virtual"
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

// act is an event at a house, caused by its household or from outside.
type act int

// The acts of a house. Each act has a time at which it is due.
const (
	// actLoad switches an appliance on or off.
	actLoad act = iota
	// actShop looks at the meter, and buys if little credit is left.
	actShop
	// actEnter enters the oldest bought token.
	actEnter
	// actCut cuts the mains. actBack restores it.
	actCut
	actBack
	// actTamper opens the cover. actMend closes it. actClear enters the token that clears the latch.
	actTamper
	actMend
	actClear
	// actUpload lets the server acknowledge the meter's records.
	actUpload

	acts
)

// never is the time of an act that is not due.
const never = math.MaxInt64

const (
	minute = int64(time.Minute / time.Millisecond)
	hour   = int64(time.Hour / time.Millisecond)
	day    = 24 * hour
)

// house is one household with its meter.
type house struct {
	street *street
	index  int
	number string
	rnd    *rand.Rand // source of random events; only the seed and the house's number decide them
	key    sts.Key

	dev      *device.Device
	medium   *medium
	relay    *virtual.Relay
	rtc      *ds1307.Chip
	switches *virtual.Switches
	// lived is the time up to which the house has been simulated; next holds the time for each act.
	lived int64
	next  [acts]int64

	// size is the household's use in per cent of the usual use. stock is the number of days for which the household buys, and
	// careful is the credit at which it buys.
	size, stock int64
	careful     unit.Energy

	tid sts.TID
	// bought holds the tokens that are not in the meter yet. used holds the tokens that are in it.
	bought []token
	used   []token
	// credited is the energy that accepted tokens have brought.
	credited unit.Energy
	// seq is the number of the newest record that the server has.
	seq uint64
	// offline is the time until which the house has no network.
	offline int64
	// register is the highest total register in a durable record.
	register unit.Energy
}

// token is a bought token.
type token struct {
	digits string
	tid    sts.TID
	units  unit.Energy
	// tried says that the token was entered before, but that a power cut hid the result.
	tried bool
}

// newHouse returns house number i and starts its meter.
func newHouse(s *street, i int) (*house, error) {
	h := &house{
		street: s, index: i, rnd: rand.New(rand.NewPCG(s.o.Seed, uint64(i))), medium: newMedium(),
		relay: virtual.NewRelay(false), rtc: ds1307.NewChip(), switches: virtual.NewSwitches(virtual.SwitchesSaved{}),
	}
	body := fmt.Sprintf("04%08d", i)
	digit, err := sts.Luhn(body)
	if err != nil {
		return nil, fmt.Errorf("number of house %d: %w", i, err)
	}
	h.number = body + string(digit)
	var secret [8]byte
	binary.LittleEndian.PutUint64(secret[:], h.rnd.Uint64())
	if h.key, err = sts.NewKey(sts.EA07, secret[:]); err != nil {
		return nil, fmt.Errorf("key of house %d: %w", i, err)
	}
	if err := ds1307.New(h.rtc).Set(s.o.Start); err != nil {
		return nil, fmt.Errorf("clock of house %d: %w", i, err)
	}
	h.rtc.SetDrift(int32(h.rnd.IntN(41)) - 20)
	h.size, h.stock = 40+h.rnd.Int64N(140), 3+h.rnd.Int64N(12)
	h.careful = unit.Energy(500 + h.rnd.Int64N(8000))
	if s.o.OfflineFor > 0 && h.rnd.IntN(4) == 0 {
		h.offline = day + h.rnd.Int64N(int64(s.o.OfflineFor/time.Millisecond))
	}
	if err := h.open(); err != nil {
		return nil, err
	}
	for a := range h.next {
		h.next[a] = never
	}
	h.next[actLoad], h.next[actShop] = h.after(0, hour), h.after(0, 6*hour)
	h.next[actUpload] = h.after(0, day)
	h.next[actCut] = h.rarely(s.o.CutEvery)
	h.next[actTamper] = h.rarely(s.o.TamperEvery)
	return h, nil
}

// open starts the meter from its memory. The board outlives a restart: clock, switches and contact keep their state.
func (h *house) open() error {
	keep := keepDay
	if h.offline > 0 {
		keep = 0 // 0 stands for the default of a meter
	}
	keys := meter.NewKeys(h.key, meter.KeyInfo{Base: sts.Base2014, Type: sts.DUTK, KEN: 255})
	cfg := device.Config{
		Number: h.number, Keys: &keys, Phones: []string{phone}, Rand: h.street.names, Now: h.street.o.Start,
		Image: h.medium, Log: lossy{h.medium}, Found: h.medium.restart(), Keep: keep, Effects: h.street.effects,
		Board: board.Board{Clock: ds1307.New(h.rtc), Relay: h.relay, Tamper: h.switches},
	}
	dev, err := device.Open(cfg)
	if err != nil {
		return fmt.Errorf("meter %s: %w", h.number, err)
	}
	h.dev = dev
	return nil
}

// keepDay is the number of records that a meter keeps if its server takes all of them once a day.
const keepDay = 512

// phone is the number of every customer. Nobody reads its messages.
const phone = "+254700000001"

// after returns a random time between now+1 and now+up, evenly distributed.
func (h *house) after(now, up int64) int64 { return now + 1 + h.rnd.Int64N(up) }

// rarely returns a random time for an event that happens once in the given time on average. It returns never if that time is 0.
func (h *house) rarely(every time.Duration) int64 {
	if every <= 0 {
		return never
	}
	return h.after(h.lived, 2*int64(every/time.Millisecond))
}

// due returns the next time at which the house's meter has work to do or an act is due.
func (h *house) due() int64 {
	at := h.lived + max(1, h.dev.Next().Milliseconds())
	for _, a := range h.next {
		at = min(at, a)
	}
	return at
}

// live simulates the house up to a time and performs the acts that are due at this time.
func (h *house) live(at int64) error {
	if err := h.guard(func() error { return h.dev.Advance(time.Duration(at-h.lived)*time.Millisecond, nil) }); err != nil {
		return err
	}
	h.lived = at
	for a := range acts {
		if h.next[a] > at {
			continue
		}
		h.next[a] = never
		if err := h.guard(func() error { return h.do(a) }); err != nil {
			return err
		}
	}
	if h.dev.Unflushed() >= FlushAfter {
		if err := h.guard(h.dev.Flush); err != nil {
			return err
		}
	}
	return h.check()
}

// FlushAfter is the number of records in volatile memory at which a meter makes them durable, with a snapshot of its state.
const FlushAfter = 16

// guard runs the function do. The mains may fail in the middle of a write of that function. The meter then starts again
// from its memory.
func (h *house) guard(do func() error) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case torn:
			h.street.result.Torn++
			err = h.reboot()
		default:
			panic(r)
		}
	}()
	return do()
}

// reboot starts the meter after a cut in the middle of a write. Data that was not yet in the memory is lost.
func (h *house) reboot() error {
	load := h.dev.Load()
	h.trace(traceBoot, nil)
	if err := h.open(); err != nil {
		return err
	}
	// The customer enters the token again.
	if len(h.bought) > 0 {
		h.next[actEnter] = min(h.next[actEnter], h.lived+minute)
	}
	if s := h.dev.State(); s.Latched != 0 {
		h.next[actClear] = min(h.next[actClear], h.lived+hour)
	}
	return errors.Join(h.dev.SetLoad(load), h.check())
}

// do performs an act.
func (h *house) do(a act) error {
	switch a {
	case actLoad:
		return h.load()
	case actShop:
		return h.shop()
	case actEnter:
		return h.enter()
	case actCut:
		return h.cut()
	case actBack:
		h.next[actCut] = h.rarely(h.street.o.CutEvery)
		return errors.Join(h.dev.Power(true), h.check())
	case actTamper:
		h.street.result.Tampers++
		h.next[actMend], h.next[actClear] = h.lived+minute, h.lived+6*hour
		return h.dev.Tamper(meter.TamperCover, true)
	case actMend:
		return h.dev.Tamper(meter.TamperCover, false)
	case actClear:
		h.next[actTamper] = h.rarely(h.street.o.TamperEvery)
		return h.clearTamper()
	default:
		return h.upload()
	}
}

// shape is the load in each hour of the day, in per cent of the mean load.
var shape = [24]int64{35, 30, 30, 30, 35, 60, 110, 130, 100, 80, 75, 85, 100, 90, 75, 75, 90, 130, 190, 220, 200, 150, 90, 50}

// meanLoad is the mean load of the usual household, in watts.
const meanLoad = 300

// load changes the load.
func (h *house) load() error {
	h.next[actLoad] = h.lived + 5*minute + h.rnd.Int64N(90*minute)
	watts := meanLoad * h.size / 100 * shape[h.lived/hour%24] / 100
	watts = watts/2 + h.rnd.Int64N(watts+1)
	if h.rnd.IntN(12) == 0 {
		watts += 1000 + h.rnd.Int64N(2000) // a kettle, an iron or a cooker
		h.next[actLoad] = h.lived + 5*minute + h.rnd.Int64N(20*minute)
	}
	return h.dev.SetLoad(unit.Power(watts))
}

// cut cuts the mains: usually with a moment's notice, sometimes in the middle of a write.
func (h *house) cut() error {
	h.street.result.Cuts++
	if h.rnd.IntN(3) == 0 {
		h.next[actCut] = h.rarely(h.street.o.CutEvery)
		h.medium.budget = h.rnd.IntN(3000)
		if len(h.bought) > 0 || h.rnd.IntN(2) == 0 {
			h.next[actEnter] = h.lived
			return h.buy(h.lived)
		}
		return nil
	}
	h.next[actBack] = h.after(h.lived, 8*hour)
	return h.dev.Power(false)
}
