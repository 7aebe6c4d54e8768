package command

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/wallet"
)

// Limits of requests.
const (
	// MaxReason is the longest reason in characters.
	MaxReason = 200
	// MaxWaiting is how many commands may wait for one meter.
	MaxWaiting = 100
)

// Tx is the part of a transaction that commands need.
type Tx interface {
	AddTx
	Eyes() access.EyesTx
	MeterByNumber(number string) (registry.Meter, bool, error)
	MeterByID(meter id.ID) (registry.Meter, bool, error)
	// Waiting counts the commands that wait for the meter.
	Waiting(number string) (int, error)
	Switches() wallet.SwitchTx
	// TenderOfToken returns what was paid in the sale of a meter's newest token with an identifier. It reports whether such a token was sold here.
	TenderOfToken(meter, tid int64) (money.Amount, bool, error)
	CommandByID(id.ID) (Command, bool, error)
	// CommandsOf lists a meter's commands, newest first. The parameter before is a command's id: the list has only
	// commands older than that command. If before is zero, the list begins with the newest command.
	CommandsOf(meter int64, before id.ID, max int) ([]Command, error)
}

// Commands carries out the use cases of this package.
type Commands struct {
	door access.Door[Tx]
	now  func() time.Time
}

// New makes Commands over the store's door, with the server's clock.
func New(door access.Door[Tx], now func() time.Time) *Commands {
	return &Commands{door: door, now: now}
}

// Request is a request for a command.
type Request struct {
	Meter  string // the meter's number or identity
	Type   Type
	Args   map[string]any
	Reason string
}

// Sent is the queued command, or the refusal.
type Sent struct {
	refusal.Refusal
	Command Command
	Waits   *access.Approval // set if the request waits for a second person; no command was queued
}

// storedRequest is the part of a command that an approval stores.
type storedRequest struct {
	Meter  string         `json:"meter"`
	Type   Type           `json:"type"`
	Args   map[string]any `json:"args,omitempty"`
	Reason string         `json:"reason"`
}

// DoorField is the field that distinguishes a command's request from the request of a token that does the same act.
const DoorField = "type"

// Executors carry out approved acts of this package.
func (c *Commands) Executors() access.Executors {
	return access.Executors{access.ActClearCredit: c.do, access.ActClearTamper: c.do, access.ActCancelToken: c.do, access.ActForce: c.do}
}

func (c *Commands) do(ctx context.Context, maker access.Actor, body []byte) (access.Done, error) {
	var w storedRequest
	if err := json.Unmarshal(body, &w); err != nil {
		return access.Done{}, fmt.Errorf("read an approved command: %w", err)
	}
	sent, err := c.Send(ctx, maker, Request(w))
	return access.Done{Refusal: sent.Refusal, Object: sent.Command.ID.Text(id.Command)}, err
}

// Send queues a command for a meter (right: command.send and the right of the act). A connect with force also needs the right
// meter.write, because it puts voltage where nobody may expect it. The command is durable when Send returns; its State shows
// its progress. The table of acts applies: a command that removes units or evidence waits for a second person.
func (c *Commands) Send(ctx context.Context, by access.Actor, o Request) (Sent, error) {
	o, ref, no := check(by, o)
	if no.Refused() {
		return Sent{Refusal: no}, nil
	}
	sent, err := access.Through(ctx, c.door, by.Tenant, func(tx Tx) (Sent, error) { return send(tx, by, o, ref, c.moment()) })
	return sent, fault.Wrap(err, "send %s to meter %s", o.Type, o.Meter)
}

// moment returns the current time as it is stored: UTC, whole microseconds.
func (c *Commands) moment() time.Time { return access.Stored(c.now()) }

// check checks a request before anything is read: the right, the arguments, the reason and the meter's name.
func check(by access.Actor, o Request) (Request, registry.Ref, refusal.Refusal) {
	if no := by.Needs(access.SendCommands); no.Refused() {
		return o, registry.Ref{}, no
	}
	args, no := o.Type.CheckArgs(o.Args)
	if no.Refused() {
		return o, registry.Ref{}, no
	}
	if no := by.Needs(o.Type.Act(args).Right()); no.Refused() {
		return o, registry.Ref{}, no
	}
	if force, _ := args[ForceArg].(bool); force {
		if no := by.Needs(access.WriteMeters); no.Refused() {
			return o, registry.Ref{}, no
		}
	}
	o.Args, o.Reason = args, strings.TrimSpace(o.Reason)
	if n := utf8.RuneCountInString(o.Reason); n == 0 || n > MaxReason || !utf8.ValidString(o.Reason) {
		return o, registry.Ref{}, refuse.CommandWithoutReason(MaxReason)
	}
	ref, no := registry.ParseRef(o.Meter)
	return o, ref, no
}

// send is the transaction of Send.
func send(tx Tx, by access.Actor, o Request, ref registry.Ref, at time.Time) (Sent, error) {
	m, no, err := meter(tx, o.Meter, ref)
	if err != nil || no.Refused() {
		return Sent{Refusal: no}, err
	}
	if no, err = reachable(tx, m); err != nil || no.Refused() {
		return Sent{Refusal: no}, err
	}
	if m.Mode == registry.PrepayWallet && (o.Type == Disconnect || o.Type == Connect) {
		return sendSwitch(tx, by, o, ref, m, at)
	}
	eyes, err := access.SecondPerson(tx.Eyes(), by, access.ActRequest{Act: o.Type.Act(o.Args), Object: m.ID.Text(id.Meter), Summary: o.words(m.Number),
		Body: storedRequest{m.Number, o.Type, o.Args, o.Reason}, Effect: func() (access.Effect, error) { return o.effect(tx, m) }}, at)
	if err != nil || eyes.Refused() || eyes.Waits != nil {
		return Sent{Refusal: eyes.Refusal, Waits: eyes.Waits}, err
	}
	cmd, err := Add(tx, m, Command{Type: o.Type, Args: o.Args, Reason: o.Reason, By: by.String()}, o.Type.TTL(), by.Entry("", ""), eyes)
	return Sent{Command: cmd}, err
}

// effect says what a command is, and for a token that it cancels what the customer paid.
func (o Request) effect(tx Tx, m registry.Meter) (e access.Effect, err error) {
	e.Fact("command", string(o.Type))
	if o.Type.Act(o.Args) == access.ActForce {
		e.Fact("relay-closes", "without the customer's key press")
	}
	if tid, ok := o.Args["tid"].(int64); ok && o.Type == CancelToken {
		e.Fact("tid", fmt.Sprint(tid))
		tender, sold, err := tx.TenderOfToken(m.N, tid)
		if err != nil {
			return e, err
		}
		if sold {
			e.Sum("amount", tender)
		}
	}
	return e, nil
}

// words describes what a command will do, for the person who approves it.
func (o Request) words(number string) string {
	what := fmt.Sprintf("%s to meter %s", o.Type, number)
	switch {
	case o.Type == CancelToken:
		what = fmt.Sprintf("%s of TID %v (base date %v) to meter %s", o.Type, o.Args["tid"], o.Args["base_date"], number)
	case o.Type.Act(o.Args) == access.ActForce:
		what = fmt.Sprintf("%s with force to meter %s", o.Type, number)
	}
	return what + " by command: " + o.Reason
}

// sendSwitch sends a connect or disconnect to a wallet meter. The server has its own reasons for the supply to be off, so it
// uses [Commands.Cut] or [Commands.Restore]. A switch that needs no command is refused and changes nothing.
func sendSwitch(tx Tx, by access.Actor, o Request, ref registry.Ref, m registry.Meter, at time.Time) (Sent, error) {
	if len(o.Args) > 0 {
		return Sent{Refusal: refuse.CommandForceOnWallet(m.Number)}, nil
	}
	done, err := switched(tx, by, o, ref, at)
	switch {
	case err != nil || done.Refused():
		return Sent{Refusal: done.Refusal}, err
	case done.Command == nil:
		return Sent{Refusal: refuse.CommandNotNeeded(m.Number)}, nil
	}
	return Sent{Command: *done.Command}, nil
}

func meter(tx Tx, text string, ref registry.Ref) (registry.Meter, refusal.Refusal, error) {
	m, found, err := registry.Meter{}, false, error(nil)
	if ref.Number != "" {
		m, found, err = tx.MeterByNumber(ref.Number)
	} else {
		m, found, err = tx.MeterByID(ref.ID)
	}
	if err == nil && !found {
		return m, registry.NoMeter(text), nil
	}
	return m, refusal.Refusal{}, err
}

// reachable refuses a command that could never arrive, because the meter is out of service, cannot check a signature, or has
// too many waiting commands.
func reachable(tx Tx, m registry.Meter) (refusal.Refusal, error) {
	switch m.Status {
	case registry.Stock, registry.Removed, registry.Scrapped, registry.Blocked:
		return refuse.CommandToMeterOutOfService(m.Number, string(m.Status)), nil
	}
	signed, err := tx.HasLinkKey(m.ID)
	if err != nil {
		return refusal.Refusal{}, err
	}
	if !signed {
		return refuse.CommandWithoutLinkKey(m.Number), nil
	}
	n, err := tx.Waiting(m.Number)
	if err != nil || n < MaxWaiting {
		return refusal.Refusal{}, err
	}
	return refuse.TooManyCommands(int64(n), m.Number), nil
}

// Found is a command, or the refusal.
type Found struct {
	refusal.Refusal
	Command Command
}

// Command returns one command of a meter (right: meter.read).
func (c *Commands) Command(ctx context.Context, by access.Actor, meterRef, command string) (Found, error) {
	missing := Found{Refusal: refuse.CommandNotFound(refusal.Echo(command), refusal.Echo(meterRef))}
	ref, no := c.ask(by, meterRef)
	if no.Refused() {
		return Found{Refusal: no}, nil
	}
	i, err := id.Parse(id.Command, command)
	if err != nil {
		return missing, nil
	}
	found, err := access.Look(ctx, c.door, by.Tenant, func(tx Tx) (Found, error) {
		m, no, err := meter(tx, meterRef, ref)
		if err != nil || no.Refused() {
			return Found{Refusal: no}, err
		}
		cmd, ok, err := tx.CommandByID(i)
		if err != nil || !ok || cmd.Meter != m.N {
			return missing, err
		}
		return Found{Command: cmd}, nil
	})
	return found, fault.Wrap(err, "look up command %s", command)
}

// Listed is a page of commands, newest first; Next is the cursor of the next page, empty at the end.
type Listed struct {
	refusal.Refusal
	Commands []Command
	Next     string
}

// MaxPage is the largest page of a list.
const MaxPage = 200

// List returns a meter's commands, newest first (right: meter.read). cursor is the Next of the page before, or empty.
func (c *Commands) List(ctx context.Context, by access.Actor, meterRef string, limit int, cursor string) (Listed, error) {
	ref, no := c.ask(by, meterRef)
	if no.Refused() {
		return Listed{Refusal: no}, nil
	}
	before := id.ID{}
	if cursor != "" {
		var err error
		if before, err = id.Parse(id.Command, cursor); err != nil {
			return Listed{Refusal: refuse.CommandCursorOfAnotherList(refusal.Echo(cursor))}, nil
		}
	}
	if limit < 1 || limit > MaxPage {
		return Listed{Refusal: refuse.CommandPageOfWrongSize(MaxPage)}, nil
	}
	page, err := access.Look(ctx, c.door, by.Tenant, func(tx Tx) (Listed, error) {
		m, no, err := meter(tx, meterRef, ref)
		if err != nil || no.Refused() {
			return Listed{Refusal: no}, err
		}
		rows, err := tx.CommandsOf(m.N, before, limit+1)
		return Listed{Commands: rows}, err
	})
	if err != nil {
		return Listed{}, fmt.Errorf("list commands of meter %s: %w", meterRef, err)
	}
	if len(page.Commands) > limit {
		page.Commands = page.Commands[:limit]
		page.Next = page.Commands[limit-1].ID.Text(id.Command)
	}
	return page, nil
}

// ask checks the right and the meter's name for every look-up.
func (c *Commands) ask(by access.Actor, meterRef string) (registry.Ref, refusal.Refusal) {
	if no := by.Needs(access.ReadMeters); no.Refused() {
		return registry.Ref{}, no
	}
	return registry.ParseRef(meterRef)
}
