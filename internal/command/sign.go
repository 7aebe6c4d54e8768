package command

import (
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/wire"
)

// Signing is a command with what is needed to sign it once. Its counter was taken for this signature alone.
type Signing struct {
	Command Command
	MeterID id.ID
	LinkKey []byte // sealed; nil for a command that is not to be sent
}

// Opener opens what was sealed under the data key.
type Opener interface {
	Open(context string, sealed []byte) ([]byte, error)
}

// Envelope signs the command for its meter's topic, in the format that the meter reads. at is the moment of sending, to
// which a clock is set.
func (s Signing) Envelope(keys Opener, f wire.Format, at time.Time) (payload []byte, err error) {
	raw, err := keys.Open(registry.LinkKeyContext(s.MeterID), s.LinkKey)
	if err != nil {
		return nil, fmt.Errorf("open the link key of meter %s: %w", s.Command.Number, err)
	}
	defer clear(raw)
	key, err := wire.NewLinkKey(raw)
	if err != nil {
		return nil, fmt.Errorf("link key of meter %s: %w", s.Command.Number, err)
	}
	body, err := s.body(at)
	if err != nil {
		return nil, fmt.Errorf("encode command %s: %w", s.Command.ID.Text(id.Command), err)
	}
	payload, err = wire.Sign(f, key, wire.DownTopic(s.Command.Number, s.Command.Type.Down()), body)
	if err != nil {
		return nil, fmt.Errorf("sign command %s: %w", s.Command.ID.Text(id.Command), err)
	}
	return payload, nil
}

// body is what is signed.
func (s Signing) body(at time.Time) ([]byte, error) {
	c := s.Command
	o := wire.Order{ID: c.ID.Text(id.Command), Counter: c.Counter, ExpiresAt: c.ExpiresAt.Unix()}
	whole := func(name string) int64 { n, _ := c.Args[name].(int64); return n }
	switch c.Type {
	case Lease:
		return wire.EncodeBody(wire.Lease{Order: o, Seq: uint64(whole("seq")), MaxRegisterWh: whole("max_register_wh"), TTLs: whole("ttl_s")})
	case Config:
		doc, _ := c.Args["config"].(map[string]any)
		hash, _ := c.Args["hash"].(string)
		return wire.EncodeBody(wire.Config{Order: o, Version: whole("version"), Hash: hash, Config: doc})
	case SetTime:
		return wire.EncodeBody(wire.Time{Order: o, At: at.Unix()})
	}
	return wire.EncodeBody(wire.Command{Order: o, Type: string(c.Type), Args: c.Args})
}
