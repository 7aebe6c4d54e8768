package command

import (
	"fmt"

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

// Envelope signs the command for its meter's topic, in the format that the meter reads.
func (s Signing) Envelope(keys Opener, f wire.Format) (payload []byte, err error) {
	raw, err := keys.Open(registry.LinkKeyContext(s.MeterID), s.LinkKey)
	if err != nil {
		return nil, fmt.Errorf("open the link key of meter %s: %w", s.Command.Number, err)
	}
	defer clear(raw)
	key, err := wire.NewLinkKey(raw)
	if err != nil {
		return nil, fmt.Errorf("link key of meter %s: %w", s.Command.Number, err)
	}
	body, err := wire.EncodeBody(wire.Command{
		Order: wire.Order{ID: s.Command.ID.Text(id.Command), Counter: s.Command.Counter, ExpiresAt: s.Command.ExpiresAt.Unix()},
		Type:  string(s.Command.Type), Args: s.Command.Args,
	})
	if err != nil {
		return nil, fmt.Errorf("encode command %s: %w", s.Command.ID.Text(id.Command), err)
	}
	payload, err = wire.Sign(f, key, wire.DownTopic(s.Command.Number, wire.DownCommand), body)
	if err != nil {
		return nil, fmt.Errorf("sign command %s: %w", s.Command.ID.Text(id.Command), err)
	}
	return payload, nil
}
