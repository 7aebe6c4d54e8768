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

// act is something that a household, or its surroundings, does by itself.
type act int

// The acts of a house. Each has the moment at which it is due.
const (
	// actLoad: switch something on or off.
	actLoad act = iota
	// actShop: look at the meter, and buy if there is little left.
	actShop
	// actEnter: bring the oldest bought token into the meter.
	actEnter
	// actCut: the mains goes; actBack: it is there again.
	actCut
	actBack
	// actTamper: open the cover; actMend: close it; actClear: enter the token that clears the latch.
	actTamper
	actMend
	actClear
	// actUpload: the server acknowledges what the meter has told.
	actUpload

	acts
)

// never is the moment of an act that is not due.
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
	rnd    *rand.Rand // of what happens; the street's seed and the house's number decide it all
	key    sts.Key

	dev      *device.Device
	medium   *medium
	relay    *virtual.Relay
	rtc      *ds1307.Chip
	switches *virtual.Switches
	// lived is the moment up to which the meter has lived, next when each act is due.
	lived int64
	next  [acts]int64

	// size is the household's use in percent of the usual one, stock for how many days it buys, careful at which credit.
	size, stock int64
	careful     unit.Energy

	tid sts.TID
	// bought are tokens that are not in the meter yet, used those that are.
	bought []token
	used   []token
	// credited is what accepted tokens have brought.
	credited unit.Energy
	// seq is the newest record the server has.
	seq uint64
	// offline is until when the house has no network.
	offline int64
	// register is the highest total register seen durable.
	register unit.Energy
}

// token is one that was bought.
type token struct {
	digits string
	tid    sts.TID
	units  unit.Energy
	// tried says that it was entered before, with the mains going in the middle: nobody saw what became of it.
	tried bool
}

// newHouse makes the i-th house and brings its meter up.
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

// open starts the meter from its memory. The board outlives it: calendar, switches and contact are where they were.
func (h *house) open() error {
	keep := keepDay
	if h.offline > 0 {
		keep = 0 // what a meter keeps by itself
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

// keepDay is how many records the meters keep whose server takes everything once a day.
const keepDay = 512

// phone is everybody's number: what it gets nobody reads.
const phone = "+254700000001"

// after is a moment up to a time later, evenly.
func (h *house) after(now, up int64) int64 { return now + 1 + h.rnd.Int64N(up) }

// rarely is a moment that comes once in a while; never for a while of 0.
func (h *house) rarely(every time.Duration) int64 {
	if every <= 0 {
		return never
	}
	return h.after(h.lived, 2*int64(every/time.Millisecond))
}

// due is the house's next moment: when its meter wants to be asked, or something happens.
func (h *house) due() int64 {
	at := h.lived + max(1, h.dev.Next().Milliseconds())
	for _, a := range h.next {
		at = min(at, a)
	}
	return at
}

// live lets the house live up to a moment, and do what is due then.
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

// FlushAfter is how many records a meter makes durable at once, with a snapshot of its state.
const FlushAfter = 16

// guard does something to the meter during which its mains may go. Then it starts again from its memory.
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

// reboot is a start after a cut that nobody announced. What was on its way into the memory is lost.
func (h *house) reboot() error {
	load := h.dev.Load()
	h.trace(traceBoot, nil)
	if err := h.open(); err != nil {
		return err
	}
	// People try again.
	if len(h.bought) > 0 {
		h.next[actEnter] = min(h.next[actEnter], h.lived+minute)
	}
	if s := h.dev.State(); s.Latched != 0 {
		h.next[actClear] = min(h.next[actClear], h.lived+hour)
	}
	return errors.Join(h.dev.SetLoad(load), h.check())
}

// do carries out an act.
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

// shape is how much of the mean load is on in each hour of the day, in percent.
var shape = [24]int64{35, 30, 30, 30, 35, 60, 110, 130, 100, 80, 75, 85, 100, 90, 75, 75, 90, 130, 190, 220, 200, 150, 90, 50}

// meanLoad is the usual household's, in watts.
const meanLoad = 300

// load switches something on or off.
func (h *house) load() error {
	h.next[actLoad] = h.lived + 5*minute + h.rnd.Int64N(90*minute)
	watts := meanLoad * h.size / 100 * shape[h.lived/hour%24] / 100
	watts = watts/2 + h.rnd.Int64N(watts+1)
	if h.rnd.IntN(12) == 0 {
		watts += 1000 + h.rnd.Int64N(2000) // a kettle, an iron, a cooker
		h.next[actLoad] = h.lived + 5*minute + h.rnd.Int64N(20*minute)
	}
	return h.dev.SetLoad(unit.Power(watts))
}

// cut takes the mains away: mostly with a moment's notice, sometimes in the middle of a write.
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
