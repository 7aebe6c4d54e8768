package device

import (
	"fmt"
	"math"
	"strings"

	"github.com/paywatt/paywatt/internal/device/outbox"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

// announce gives the outbox the contents of the up/boot message.
func (d *Device) announce() {
	info := d.keys.Info()
	key := &wire.KeyRef{}
	if info.Base.Valid() {
		ken, base := int(info.KEN), int(info.Base)
		key.KEN, key.BaseDate = &ken, &base
	}
	if info.Named {
		krn, ti := int(info.KRN), fmt.Sprintf("%02d", info.TI)
		key.KRN, key.TI = &krn, &ti
	}
	if info.Named && info.SGC != 0 {
		key.SGC = new(fmt.Sprintf("%06d", info.SGC))
	}
	d.box.Announce(wire.Boot{
		Memory: d.boot.store, Boot: uint64(d.state.Boots), Proto: protocol, FW: firmware, Reset: d.boot.reset.String(),
		Caps:   []string{"lease", "cbor", "arm"},
		Config: wire.ConfigRef{Version: int64(d.config.Version), Hash: d.boot.hash}, Key: key,
	})
}

// Receive handles a message of the server. A message that is not authentic or cannot be read is dropped without an
// answer, because it cannot come from the server. Every other message is answered with a record.
func (d *Device) Receive(down wire.Down, topic string, payload []byte) error {
	if !d.on {
		return ErrOff
	}
	var err error
	switch down {
	case wire.DownToken:
		err = d.tokenDown(payload)
	case outbox.Online, outbox.Offline:
		return d.Online(down == outbox.Online)
	case wire.DownCommand, wire.DownConfig, wire.DownLease, wire.DownTime:
		err = d.signed(down, topic, payload)
	default:
		err = fmt.Errorf("%w: message of kind %q", ErrInput, string(down))
	}
	if err != nil {
		d.log.Warn("message from the server dropped", logkey.Meter, d.c.Number, logkey.Kind, string(down), logkey.Err, err)
	}
	return d.broken
}

func (d *Device) tokenDown(payload []byte) error {
	t, err := wire.DecodeTokenDown(payload)
	if err != nil {
		return err
	}
	if !fits(t.Request) {
		return fmt.Errorf("%w: request id of %d bytes", ErrInput, len(t.Request))
	}
	d.token(t.Digits.Reveal(), meter.Remote, d.requests.add(t.Request))
	return nil
}

// fits reports whether the memory can store an id.
func fits(id string) bool {
	for i := range len(id) {
		if id[i] == 0 {
			return false
		}
	}
	return id != "" && len(id) <= meter.MaxRequest
}

// signed checks a signature and passes on the body.
func (d *Device) signed(down wire.Down, topic string, payload []byte) error {
	if !d.c.HasLink {
		return fmt.Errorf("%w: this meter has no link key", wire.ErrMAC)
	}
	body, err := wire.Open(d.c.LinkKey, topic, payload)
	if err != nil {
		return err
	}
	switch down {
	case wire.DownCommand:
		c, err := wire.DecodeBody[wire.Command](body)
		if err != nil {
			return err
		}
		return d.order(c.SignedHeader, commandEvent(c))
	case wire.DownConfig:
		c, err := wire.DecodeBody[wire.Config](body)
		if err != nil {
			return err
		}
		return d.configDown(c)
	case wire.DownLease:
		l, err := wire.DecodeBody[wire.Lease](body)
		if err != nil {
			return err
		}
		return d.order(l.SignedHeader, leaseEvent(l))
	default:
		t, err := wire.DecodeBody[wire.Time](body)
		if err != nil {
			return err
		}
		return d.order(t.SignedHeader, meter.Event{Kind: meter.EventCommand, Command: meter.CommandSetTime, NewAt: t.At})
	}
}

// order passes a signed message to the core, marked as expired if it has expired.
func (d *Device) order(o wire.SignedHeader, ev meter.Event) error {
	if !fits(o.ID) {
		return fmt.Errorf("%w: order id of %d bytes", ErrInput, len(o.ID))
	}
	ev.Request, ev.Counter = d.requests.add(o.ID), o.Counter
	// A clock that cannot be trusted cannot decide that a message has expired; the counter still protects against replays.
	if d.clock.quality != meter.ClockInvalid && d.clock.at/1000 > o.ExpiresAt {
		ev.Refused = meter.AnswerExpired
	}
	d.give(ev)
	return nil
}

// commandEvent translates a command. A command with missing arguments counts as unknown.
func commandEvent(c wire.Command) meter.Event {
	ev := meter.Event{Kind: meter.EventCommand, Command: meter.ParseCommand(c.Type)}
	if ev.Command.Own() {
		ev.Command = meter.CommandUnknown
	}
	switch ev.Command {
	case meter.CommandConnect:
		ev.Force, _ = c.Args["force"].(bool)
	case meter.CommandCancelToken:
		tid, hasTID := c.Args["tid"].(int64)
		base, hasBase := c.Args["base_date"].(int64)
		if !hasTID || !hasBase || tid < 0 || tid >= 1<<24 || base < 0 || base > math.MaxUint16 {
			ev.Command = meter.CommandUnknown
			break
		}
		ev.TID, ev.Base = sts.TID(tid), sts.BaseDate(base)
	}
	return ev
}

// leaseEvent translates a lease. If a value is out of range the event gets an empty lease, which the core refuses.
func leaseEvent(l wire.Lease) meter.Event {
	ev := meter.Event{Kind: meter.EventCommand, Command: meter.CommandLease}
	if l.Seq <= math.MaxUint32 && l.TTLs >= 0 && l.TTLs <= math.MaxUint32 {
		ev.Lease = meter.Lease{Seq: uint32(l.Seq), TTL: uint32(l.TTLs), Max: unit.Energy(l.MaxRegisterWh)}
	}
	return ev
}

// configDown checks a configuration as a whole. The first bad key makes the meter refuse all of it.
func (d *Device) configDown(c wire.Config) error {
	ev := meter.Event{Kind: meter.EventConfig}
	var next meter.Config
	bad := "version"
	if c.Version >= 0 && c.Version <= math.MaxUint32 {
		ev.Version = uint32(c.Version)
		next, bad = meter.NewConfig(d.config, ev.Version, c.Config)
	}
	if bad != "" || len(c.Hash) > meter.MaxRequest {
		d.log.Warn("configuration refused", logkey.Meter, d.c.Number, logkey.Version, c.Version, "key", bad)
		ev.Refused, d.bad = meter.AnswerConfig, badKey{c.ID, bad}
	} else {
		d.next = &nextConfig{config: next, texts: meter.TextsOf(c.Config), hash: c.Hash}
		ev.Wallet = next.Wallet
	}
	err := d.order(c.SignedHeader, ev)
	d.next = nil
	d.announce()
	return err
}

// badKey is the first bad key of a configuration that the meter has refused. It is not stored: after a power cut the answer does not name it.
type badKey struct{ id, key string }

// maxBadKey is how many bytes of a bad key an answer repeats.
const maxBadKey = 40

// named adds the first bad key to the answer that refuses a configuration.
func (d *Device) named(r wire.Record) wire.Record {
	a := r.Command
	if a != nil && a.Reason == meter.AnswerConfig.Reason() && a.ID == d.bad.id && d.bad.key != "" {
		a.Reason = strings.ToValidUTF8(a.Reason+" "+d.bad.key[:min(len(d.bad.key), maxBadKey)], "")
	}
	return r
}
