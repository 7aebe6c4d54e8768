package smpp

import (
	"fmt"

	"github.com/paywatt/paywatt/internal/notify"
)

// Status is the result in an answer (SMPP 3.4 §5.1.3).
type Status uint32

// The results that the client distinguishes.
const (
	StatusOK         Status = 0x00
	StatusLength     Status = 0x01 // ESME_RINVMSGLEN
	StatusUnitLength Status = 0x02 // ESME_RINVCMDLEN
	StatusCommand    Status = 0x03 // ESME_RINVCMDID
	StatusNotBound   Status = 0x04 // ESME_RINVBNDSTS
	StatusBound      Status = 0x05 // ESME_RALYBND
	StatusSystem     Status = 0x08 // ESME_RSYSERR
	StatusBindFailed Status = 0x0D // ESME_RBINDFAIL
	StatusPassword   Status = 0x0E // ESME_RINVPASWD
	StatusSystemID   Status = 0x0F // ESME_RINVSYSID
	StatusQueueFull  Status = 0x14 // ESME_RMSGQFUL
	StatusSubmit     Status = 0x45 // ESME_RSUBMITFAIL
	StatusThrottled  Status = 0x58 // ESME_RTHROTTLED
	StatusTemporary  Status = 0x64 // ESME_RX_T_APPN
	StatusUnknown    Status = 0xFF // ESME_RUNKNOWNERR
	firstOfMaker     Status = 0x0400
	lastOfMaker      Status = 0x04FF
)

// String returns the number as centres' manuals write it, with words for the frequent ones.
func (s Status) String() string {
	words := map[Status]string{
		StatusOK: "ok", StatusNotBound: "not bound", StatusBound: "already bound", StatusSystem: "system error", StatusBindFailed: "bind failed",
		StatusPassword: "wrong password", StatusSystemID: "unknown system_id", StatusQueueFull: "message queue full",
		StatusSubmit: "submit failed", StatusThrottled: "throttled", StatusTemporary: "temporary error", StatusUnknown: "unknown error",
		0x0A: "invalid source address", 0x0B: "invalid destination address",
	}
	if w := words[s]; w != "" {
		return fmt.Sprintf("0x%02X (%s)", uint32(s), w)
	}
	return fmt.Sprintf("0x%02X", uint32(s))
}

// throttled reports whether the centre wants messages more slowly.
func (s Status) throttled() bool { return s == StatusThrottled || s == StatusQueueFull }

// credentials reports whether a bind will always be refused with this configuration.
func (s Status) credentials() bool {
	return s == StatusBindFailed || s == StatusPassword || s == StatusSystemID
}

// outcome returns the outcome of a message with this answer. Every answer but OK means that the centre does not have the message. The
// outcome tells whether another try may help. After a vendor-specific code, whose meaning is unknown, another try does no harm.
func (s Status) outcome() notify.Outcome {
	switch {
	case s == StatusOK:
		return notify.Accepted
	case s.throttled(), s == StatusNotBound, s == StatusSystem, s == StatusSubmit, s == StatusTemporary, s == StatusUnknown:
		return notify.NotSent
	case s >= firstOfMaker && s <= lastOfMaker:
		return notify.NotSent
	}
	return notify.Refused
}
