package command

import (
	"errors"
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

// Signing is a command with what is needed to sign it once. Its counter was taken for this signature only.
type Signing struct {
	Command Command
	MeterID id.ID
	LinkKey []byte // sealed; nil for a command that must not be sent
	// NextLinkKey is the sealed key that replaces LinkKey; nil if none does. Nobody knows which of the two the meter has.
	NextLinkKey []byte
}

// SignTx is the part of a transaction that signs a command.
type SignTx interface {
	WalletCommands() wallet.SigningTx
	// Moment returns the start of the transaction.
	Moment() time.Time
	CommandByID(id.ID) (Command, bool, error)
	MeterByNumber(number string) (registry.Meter, bool, error)
	// MeterClock returns the current time of a meter. A simulated meter has its own time; every other meter has the time of
	// the transaction.
	MeterClock(m registry.Meter) (time.Time, error)
	// ExpireCommand ends a command that is not sent any more.
	ExpireCommand(id.ID) error
	AuditLog(access.Entry) error
	// KnowsCommands reports whether the server can judge commands: its data key is that of the database.
	KnowsCommands() (bool, error)
	// CommandCounter returns the last counter used for a meter, and locks the meter.
	CommandCounter(meter int64) (uint64, error)
	// CommandSigned writes the counter and the arguments of a signed command.
	CommandSigned(Command) error
	// LinkKey returns a meter's sealed link key, with the identity in its sealing context, and the sealed key that replaces it, if
	// any.
	LinkKey(meter int64) (who id.ID, sealed, next []byte, found bool, err error)
}

// Sign prepares a command for sending. It takes the meter's next counter, which is durable before the signature leaves, and
// returns what is needed to sign. For a command that is no longer open it takes no counter; the returned state shows why. Sign
// ends the command as expired if its time has passed by the meter's own clock, or if the command is no longer right.
func Sign(tx SignTx, i id.ID) (Signing, error) {
	s, err := sign(tx, i)
	if err != nil {
		return Signing{}, fmt.Errorf("sign command %s: %w", i.Text(id.Command), err)
	}
	return s, nil
}

func sign(tx SignTx, i id.ID) (Signing, error) {
	c, found, err := tx.CommandByID(i)
	if err == nil && !found {
		err = errors.New("it does not exist")
	}
	if err != nil {
		return Signing{}, err
	}
	if c.Forged {
		c.State = StateExpired
		return Signing{Command: c}, refuseForged(tx, c)
	}
	m, found, err := tx.MeterByNumber(c.Number)
	if err == nil && !found {
		err = fmt.Errorf("meter %s does not exist", c.Number)
	}
	if err != nil {
		return Signing{}, err
	}
	s := Signing{Command: c, MeterID: m.ID}
	if !c.State.Open() {
		return s, nil
	}
	clock, err := tx.MeterClock(m)
	if err != nil {
		return Signing{}, err
	}
	if !clock.Before(c.ExpiresAt) {
		s.Command.State = StateExpired
		return s, tx.ExpireCommand(i)
	}
	last, err := tx.CommandCounter(c.Meter) // lock the meter before its account's wallets
	if err != nil {
		return Signing{}, err
	}
	may, err := mayLeave(tx, c)
	if err != nil {
		return Signing{}, err
	}
	if !may {
		s.Command.State = StateExpired
		return s, tx.ExpireCommand(i)
	}
	s.Command.Counter = NextCounter(last, tx.Moment())
	return s, s.prepare(tx)
}

// refuseForged ends a waiting command that the server did not give in this form: somebody added or changed its row in the database, or it was
// given before the server marked commands. The log keeps the type and the meter that the row names. A server with another data key than the
// database's ends nothing, because it can judge nothing.
func refuseForged(tx SignTx, c Command) error {
	knows, err := tx.KnowsCommands()
	if err == nil && !knows {
		err = errors.New("the data key is not that of the database, so nobody can tell who gave it")
	}
	if err == nil {
		err = tx.ExpireCommand(c.ID)
	}
	if err != nil {
		return err
	}
	e := access.SystemActor(0, "commands").Entry("command.refused", c.ID.Text(id.Command))
	e.After = fmt.Sprintf("%.40s meter %s", c.Type, c.Number)
	e.Reason = "the server has not given this command in this form"
	return tx.AuditLog(e)
}

// mayLeave reports whether a command may still be sent. A person's command that takes something away is dropped if it is dated
// in the future. A person's cut-off is also dropped if a person has taken it back and the rules would not cut.
func mayLeave(tx SignTx, c Command) (bool, error) {
	if c.By != access.SystemActor(0, wallet.Actor).String() {
		if c.Type == Disconnect {
			return wallet.StillWanted(tx.WalletCommands(), c.Meter, c.CreatedAt, tx.Moment())
		}
		return c.Type != ClearCredit || !wallet.NotYet(c.CreatedAt, tx.Moment()), nil
	}
	most, _ := c.Args["max_register_wh"].(int64)
	return wallet.StillRight(tx.WalletCommands(), c.Meter, wallet.CommandType(c.Type), unit.Energy(most), c.CreatedAt, tx.Moment())
}

// prepare numbers a lease, reads the key for signing, and writes what will be signed.
func (s *Signing) prepare(tx SignTx) (err error) {
	c := &s.Command
	if _, has := c.Args["seq"]; c.Type == Lease && !has {
		if c.Args["seq"], err = wallet.NumberLease(tx.WalletCommands(), c.Meter, c.ID, tx.Moment()); err != nil {
			return err
		}
	}
	var found bool
	if s.MeterID, s.LinkKey, s.NextLinkKey, found, err = tx.LinkKey(c.Meter); err == nil && !found {
		err = errors.New("the meter has no link key")
	}
	if err != nil {
		return err
	}
	return tx.CommandSigned(*c)
}

// NextCounter returns the counter of the next command: the milliseconds since 1970, or the previous counter plus one if that is
// greater. So a restored database never signs with a counter that the lost database has already used.
func NextCounter(last uint64, now time.Time) uint64 {
	return max(last+1, uint64(now.UnixMilli()))
}

// Opener opens a value sealed under the data key.
type Opener interface {
	Open(context string, sealed []byte) ([]byte, error)
}

// Envelopes signs the command for its meter's topic, in the format that the meter reads: once with the link key, and once
// more with the next key while the link key is being replaced. All carry the same id and counter, so the meter executes the
// command at most once, whichever key it has. The parameter at is the time of sending. A set-time command sets the meter's
// clock to that time.
func (s Signing) Envelopes(keys Opener, f wire.Format, at time.Time) (payloads [][]byte, err error) {
	body, err := s.body(at)
	if err != nil {
		return nil, fmt.Errorf("encode command %s: %w", s.Command.ID.Text(id.Command), err)
	}
	first, err := s.envelope(keys, registry.LinkKeyContext(s.MeterID), s.LinkKey, f, body)
	if err != nil {
		return nil, err
	}
	if s.NextLinkKey == nil {
		return [][]byte{first}, nil
	}
	next, err := s.envelope(keys, registry.NextLinkKeyContext(s.MeterID), s.NextLinkKey, f, body)
	if err != nil {
		return nil, err
	}
	return [][]byte{first, next}, nil
}

// envelope signs the body with one sealed key.
func (s Signing) envelope(keys Opener, context string, sealed []byte, f wire.Format, body []byte) ([]byte, error) {
	raw, err := keys.Open(context, sealed)
	if err != nil {
		return nil, fmt.Errorf("open the link key of meter %s: %w", s.Command.Number, err)
	}
	defer clear(raw)
	key, err := wire.NewLinkKey(raw)
	if err != nil {
		return nil, fmt.Errorf("link key of meter %s: %w", s.Command.Number, err)
	}
	payload, err := wire.Sign(f, key, wire.DownTopic(s.Command.Number, s.Command.Type.Down()), body)
	if err != nil {
		return nil, fmt.Errorf("sign command %s: %w", s.Command.ID.Text(id.Command), err)
	}
	return payload, nil
}

// body returns the bytes to sign.
func (s Signing) body(at time.Time) ([]byte, error) {
	c := s.Command
	o := wire.SignedHeader{ID: c.ID.Text(id.Command), Counter: c.Counter, ExpiresAt: c.ExpiresAt.Unix()}
	whole := func(name string) int64 { n, _ := c.Args[name].(int64); return n }
	switch c.Type {
	case Lease:
		return wire.EncodeBody(wire.Lease{SignedHeader: o, Seq: uint64(whole("seq")), MaxRegisterWh: whole("max_register_wh"), TTLs: whole("ttl_s")})
	case Config:
		doc, _ := c.Args["config"].(map[string]any)
		hash, _ := c.Args["hash"].(string)
		return wire.EncodeBody(wire.Config{SignedHeader: o, Version: whole("version"), Hash: hash, Config: doc})
	case SetTime:
		return wire.EncodeBody(wire.Time{SignedHeader: o, At: at.Unix()})
	}
	return wire.EncodeBody(wire.Command{SignedHeader: o, Type: string(c.Type), Args: c.Args})
}
