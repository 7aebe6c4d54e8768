package console

import (
	"strings"

	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/words"
)

// badge is a state as sign, word and colour class, so that colour is never the only sign.
type badge struct{ Sign, Word, Class string }

// Text is the badge without its colour.
func (b badge) Text() string { return strings.TrimSpace(b.Sign + " " + b.Word) }

// Classes of badges and notes.
const (
	classOK   = "badge ok"
	classWarn = "badge warn"
	classBad  = "badge bad"
	classOff  = "badge"
)

// stateBadge is the one word for a meter's state, the same everywhere.
func stateBadge(t *words.Texts, s registry.State) badge {
	switch s {
	case registry.On:
		return badge{"●", t.MetersOn(), classOK}
	case registry.Low:
		return badge{"▲", t.MetersLow(), classWarn}
	case registry.CutOff:
		return badge{"■", t.MetersCutOff(), classBad}
	case registry.TamperState:
		return badge{"⚠", t.MetersTamper(), classBad}
	default:
		return badge{"○", t.MetersOffline(), classOff}
	}
}

// stateOf is the state of a meter. That of a meter that is not heard says when it was heard last. A meter that is gone has no state but that.
func (t site) stateOf(v registry.MeterView) badge {
	if v.Meter.Status.IsGone() {
		return badge{"○", t.say.Name("meter-status", string(v.Meter.Status)), classOff}
	}
	b := stateBadge(t.say, v.State)
	if v.State == registry.Offline && !v.LastSeen.IsZero() {
		b.Word = t.say.MetersOfflineSince(b.Word, t.clock(v.LastSeen))
	}
	return b
}

func relayWord(t *words.Texts, relay string) string {
	switch relay {
	case registry.RelayClosed:
		return t.MeterRelayClosed()
	case registry.RelayOpen:
		return t.MeterRelayOpen()
	case registry.RelayArmed:
		return t.MeterRelayArmed()
	default:
		return t.MeterRelayUnknown()
	}
}

// tokenBadge says how far a token has come, in the customer's words.
func tokenBadge(t *words.Texts, token sale.Token) badge {
	switch token.State {
	case sale.TokenAccepted:
		return badge{"✓", t.TokenLoaded(), classOK}
	case sale.TokenHeard:
		return badge{"◐", t.TokenHeard(), classWarn}
	case sale.TokenSent:
		return badge{onward(t), t.TokenSent(), classOff}
	case sale.TokenIssued:
		return badge{"○", t.TokenNotLoaded(), classOff}
	case sale.TokenReserved:
		return badge{"○", t.TokenBeingMade(), classOff}
	case sale.TokenRejected:
		return badge{"■", t.TokenRejected(plain(token.Result)), classBad}
	case sale.TokenFailed:
		return badge{"■", t.TokenNeverMade(), classBad}
	case sale.TokenReversed:
		return badge{"■", t.TokenReversed(), classWarn}
	default:
		return badge{"○", plain(string(token.State)), classOff}
	}
}

func saleWord(t *words.Texts, s sale.State) string {
	switch s {
	case sale.Completed:
		return t.SaleCompleted()
	case sale.Held:
		return t.SaleHeld()
	case sale.Failed:
		return t.SaleFailed()
	case sale.Reversing:
		return t.SaleReversing()
	case sale.Reversed:
		return t.SaleReversed()
	default:
		return plain(string(s))
	}
}

// lineWord is the name of a line before anything is sold.
func lineWord(t *words.Texts, k sale.LineKind) string {
	switch k {
	case sale.LineDebt:
		return t.SaleLineDebt()
	case sale.LineWallet:
		return t.SaleLineWallet()
	}
	return t.Name("line", string(k))
}

func commandWord(t *words.Texts, c command.Type) string {
	switch c {
	case command.Disconnect:
		return t.CommandCut()
	case command.Connect:
		return t.CommandRestore()
	case command.Read:
		return t.CommandRead()
	default:
		return t.CommandOther(plain(string(c)))
	}
}

// commandBadge says how far a command has come; only the meter's own answer ends it.
func commandBadge(t *words.Texts, c command.Command) badge {
	switch c.State {
	case command.StateQueued:
		return badge{"○", t.CommandQueued(), classOff}
	case command.StateSent:
		return badge{onward(t), t.CommandSent(), classOff}
	case command.StateAcked:
		return badge{onward(t), t.CommandAcked(), classOff}
	case command.StateDone:
		return badge{"✓", t.CommandDone(), classOK}
	case command.StateFailed:
		return badge{"■", t.CommandFailed(plain(c.Answer)), classBad}
	case command.StateExpired:
		return badge{"■", t.CommandExpired(), classWarn}
	default:
		return badge{"○", plain(string(c.State)), classOff}
	}
}

// remoteReason is the reason that a disconnect command sets and a connect command clears.
const remoteReason = "REMOTE"

// plain turns a name of the protocol into words.
func plain(name string) string { return strings.ReplaceAll(strings.ToLower(name), "_", " ") }

// groups writes digits in groups of four with real blanks, so that they can be pasted back.
func groups(digits string) string {
	out := make([]byte, 0, len(digits)+len(digits)/4)
	for i := range len(digits) {
		if i > 0 && i%4 == 0 {
			out = append(out, ' ')
		}
		out = append(out, digits[i])
	}
	return string(out)
}
