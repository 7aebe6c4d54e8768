package meter

import (
	"fmt"

	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/supply"
)

// Code is the number of an event; log, MQTT and server share them (docs/reference/events.md#events-of-meters).
type Code uint16

// The events this version reports.
const (
	// CodePowerOff: the mains went.
	CodePowerOff Code = 101
	// CodePowerOn: the mains is back. Args: off_s where it is known.
	CodePowerOn Code = 102
	// CodeUncleanBoot: the meter starts after a stop in which it could not save. Args: cause, count.
	CodeUncleanBoot Code = 104
	// CodeLow1 and CodeLow2: the credit has fallen to a threshold. Args: balance_wh, threshold_wh.
	CodeLow1 Code = 201
	CodeLow2 Code = 202
	// CodeExhausted: the credit has ended. Args: overrun_wh.
	CodeExhausted Code = 203
	// CodeRestored: there is credit again. Args: balance_wh.
	CodeRestored Code = 204
	// CodeECOffered, CodeECActivated, CodeECExhausted and CodeECRepaid: the emergency credit has changed state. Args:
	// balance_wh, ec_used_wh.
	CodeECOffered   Code = 205
	CodeECActivated Code = 206
	CodeECExhausted Code = 207
	CodeECRepaid    Code = 208
	// CodeFriendlyStart and CodeFriendlyEnd: a friendly window begins and ends.
	CodeFriendlyStart Code = 209
	CodeFriendlyEnd   Code = 210
	// CodeOverrun: the overrun is above the configured limit. Args: overrun_wh, limit_wh.
	CodeOverrun Code = 211
	// CodeAccepted: a token was accepted. Args: units_wh, source.
	CodeAccepted Code = 301
	// CodeRejected: a token was rejected. Args: result, its status number where it has one, source.
	CodeRejected Code = 302
	// CodeLockStart and CodeLockEnd: a channel refuses tokens after too many wrong tokens. Args: source, for_s.
	CodeLockStart Code = 303
	CodeLockEnd   Code = 304
	// CodeKeyChanged: the meter has a new key. Args: krn, ti, kt, ken, base_date, and sgc where it is known.
	CodeKeyChanged Code = 305
	// CodeCreditCleared: a token has cleared the credit. Args: cleared_wh, register_wh.
	CodeCreditCleared Code = 306
	// CodePowerLimit: a token has set the maximum power limit. Args: limit_w.
	CodePowerLimit Code = 307
	// CodeOpened: the relay has opened. Args: reasons.
	CodeOpened Code = 401
	// CodeClosed: the relay has closed.
	CodeClosed Code = 402
	// CodeArmed: the supply waits for the customer's key press.
	CodeArmed Code = 403
	// CodeTrip: the load was above the limit for too long. Args: w, limit_w.
	CodeTrip Code = 405
	// CodeTripLock: the load tripped the relay too often, which locks it. Args: w, limit_w.
	CodeTripLock Code = 406
	// CodeTamperCover and the five after it: tampering of the kind was noticed. Args: when, count.
	CodeTamperCover     Code = 501
	CodeTamperTerminal  Code = 502
	CodeTamperMagnet    Code = 503
	CodeTamperReverse   Code = 504
	CodeTamperBypass    Code = 505
	CodeTamperPhaseLoss Code = 506
	// CodeTamperCleared: the tamper latch is open again. Args: by.
	CodeTamperCleared Code = 520
	// CodeClockSet: the clock is set. Args: old, new.
	CodeClockSet Code = 601
	// CodeClockInvalid: the clock can no longer be trusted. CodeClockRestored: it can be trusted again.
	CodeClockInvalid  Code = 602
	CodeClockRestored Code = 603
	// CodeSnapshot: a snapshot is bad and the other snapshot was used, or the snapshot has an unknown newer format
	// and tokens are refused. Args: newer.
	CodeSnapshot Code = 701
	// CodeTorn: the log has a torn record, which did not take effect, or has lost a record that had taken effect.
	// Args: lost.
	CodeTorn Code = 702
	// CodeOnline and CodeOffline: the connection to the server is up, or down.
	CodeOnline  Code = 801
	CodeOffline Code = 802
	// CodeConfig: a configuration was applied. Args: version.
	CodeConfig Code = 803
	// CodeCommand: a command was done or refused. Args: command, reason.
	CodeCommand Code = 804
	// CodeLease: a lease is in force, or its time has run out. Args: lease, seq, max_register_wh.
	CodeLease Code = 805
)

// codeTamper in the tables means the event code of the tamper kind.
const codeTamper = CodeTamperCover

// These values say who has opened a tamper latch.
const (
	clearedByToken   = 0
	clearedByCommand = 1
)

// Args returns the arguments of an event by their names on the wire. It allocates; it is for hosts.
func (r *Report) Args() map[string]any {
	switch r.Code {
	case CodePowerOn:
		if r.A > 0 {
			return map[string]any{"off_s": r.A}
		}
	case CodeUncleanBoot:
		return map[string]any{"cause": Reset(r.A).String(), "count": r.B}
	case CodeLow1, CodeLow2:
		return map[string]any{"balance_wh": r.A, "threshold_wh": r.B}
	case CodeExhausted:
		return map[string]any{"overrun_wh": r.A}
	case CodeRestored:
		return map[string]any{"balance_wh": r.A}
	case CodeAccepted:
		return map[string]any{"units_wh": r.A, "source": Source(r.B).String()}
	case CodeRejected:
		args := map[string]any{"result": sts.Result(r.A).String(), "source": Source(r.B).String()}
		if status, has := sts.Result(r.A).Status(); has {
			args["status"] = int64(status)
		}
		return args
	case CodeLockStart:
		return map[string]any{"source": Source(r.A).String(), "for_s": r.B}
	case CodeLockEnd:
		return map[string]any{"source": Source(r.A).String()}
	case CodeKeyChanged:
		return keyArgs(r.A, r.B)
	case CodeCreditCleared:
		return map[string]any{"cleared_wh": r.A, "register_wh": r.B}
	case CodePowerLimit:
		return map[string]any{"limit_w": r.A}
	case CodeTamperCleared:
		return map[string]any{"by": [...]string{clearedByToken: "token", clearedByCommand: "command"}[r.A&1]}
	case CodeOpened:
		return map[string]any{"reasons": supply.Reasons(r.A).Names()}
	case CodeTorn:
		return map[string]any{"lost": r.A != 0}
	case CodeSnapshot:
		return map[string]any{"newer": r.A != 0}
	case CodeConfig:
		return map[string]any{"version": r.A}
	case CodeMismatch, CodeCard, CodeWorn, CodeFault:
		return r.boardArgs()
	case CodeCommand:
		return map[string]any{"command": Command(r.A).String(), "reason": Answer(r.B).Reason()}
	}
	return r.moreArgs()
}

// moreArgs returns the arguments of events about emergency credit, power limit, tampering and clock.
func (r *Report) moreArgs() map[string]any {
	switch r.Code {
	case CodeECOffered, CodeECActivated, CodeECExhausted, CodeECRepaid:
		return map[string]any{"balance_wh": r.A, "ec_used_wh": r.B}
	case CodeOverrun:
		return map[string]any{"overrun_wh": r.A, "limit_wh": r.B}
	case CodeTrip, CodeTripLock:
		return map[string]any{"w": r.A, "limit_w": r.B}
	case CodeClockSet:
		return map[string]any{"old": r.A, "new": r.B}
	case CodeLease:
		what := [...]string{leaseApplied: "applied", leaseExpired: "expired"}[r.A&1]
		return map[string]any{"lease": what, "seq": r.A >> 1, "max_register_wh": r.B}
	}
	if r.Code >= CodeTamperCover && r.Code <= CodeTamperPhaseLoss {
		when := [...]string{tamperSeen: "now", tamperOff: "mains_off", tamperStill: "still"}
		return map[string]any{"when": when[min(r.A, tamperStill)], "count": r.B}
	}
	return map[string]any{}
}

// packed packs the description of a key into the two arguments of an event.
func (k *KeyInfo) packed() (a, b int64) {
	return int64(k.KRN) | int64(k.TI)<<8 | int64(k.Type)<<16 | int64(k.KEN)<<24, int64(k.Base) | int64(k.SGC)<<16
}

func keyArgs(a, b int64) map[string]any {
	args := map[string]any{
		"krn": a & 0xff, "ti": a >> 8 & 0xff, "kt": a >> 16 & 0xff, "ken": a >> 24 & 0xff, "base_date": b & 0xffff,
	}
	if sgc := b >> 16; sgc != 0 {
		args["sgc"] = fmt.Sprintf("%06d", sgc)
	}
	return args
}
