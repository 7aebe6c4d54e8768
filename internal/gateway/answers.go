package gateway

import (
	"errors"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// answers adapts mochi's answers to the client's version of MQTT, and announces every enforced limit to MQTT 5 clients.
type answers struct {
	mqtt.HookBase
	limits Limits
}

// ID names the hook.
func (a *answers) ID() string { return "paywatt-answers" }

// Provides lists what is hooked.
func (a *answers) Provides(what byte) bool { return what == mqtt.OnPacketEncode }

// A client that takes only packets below this size gets no reason strings: mochi measures them without the rest of their packet.
const plainBelow = 128

// leastTaken is the size that the packets of a program may have at least. Every CONNACK of mochi fits, and every DISCONNECT.
const leastTaken = 64

// errSmallClient ends the connection of a program that takes only smaller packets.
var errSmallClient = errors.New("the program takes only packets of less than 64 bytes")

// A packet with this reserved type is never sent, because mochi cannot write it.
const nothing = packets.Reserved

// OnPacketEncode sees every packet before it is written.
func (a *answers) OnPacketEncode(cl *mqtt.Client, pk packets.Packet) packets.Packet {
	five := cl.Properties.ProtocolVersion == 5
	if most := cl.Properties.Props.MaximumPacketSize; most > 0 && most < plainBelow {
		pk.Properties.ReasonString = "" // MQTT-3.2.2-19, MQTT-3.14.2-3
	}
	switch {
	case pk.FixedHeader.Type == packets.Disconnect && !five:
		pk.FixedHeader.Type = nothing // before MQTT 5 a server closes the connection without a packet
	case pk.FixedHeader.Type == packets.Connack && !five:
		code, ok := connackCode(pk.ReasonCode, pk.Properties.ReasonString)
		if pk.ReasonCode = code; !ok {
			pk.FixedHeader.Type = nothing
		}
	case pk.FixedHeader.Type == packets.Connack && pk.ReasonCode == packets.CodeSuccess.Code:
		a.announce(&pk.Properties)
	}
	return pk
}

// connackCode returns the return code of MQTT 3.1.1 §3.2.2.3 for mochi's MQTT 5 reason code and its text. A CONNECT that breaks
// the protocol is not answered (MQTT 3.1.1 §3.1.4).
func connackCode(reason byte, text string) (code byte, answered bool) {
	const (
		version, identifier, unavailable, password, authorised = 1, 2, 3, 4, 5
	)
	switch {
	case reason < packets.ErrUnspecifiedError.Code:
		return reason, true // this reason is a return code of 3.1.1 already
	case reason == packets.ErrUnsupportedProtocolVersion.Code, text == packets.ErrProtocolViolationProtocolVersion.Reason:
		return version, true
	case reason == packets.ErrUnspecifiedError.Code, reason == packets.ErrClientIdentifierNotValid.Code:
		return identifier, true // mochi has no better code for a persistent session without a client id
	case reason == packets.ErrServerUnavailable.Code, reason == packets.ErrServerBusy.Code:
		return unavailable, true
	case reason == packets.ErrBadUsernameOrPassword.Code:
		return password, true
	case reason == packets.ErrNotAuthorized.Code, reason == packets.ErrQosNotSupported.Code, reason == packets.ErrRetainNotSupported.Code:
		return authorised, true
	}
	return 0, false
}

// announce adds the enforced limits that mochi does not announce.
func (a *answers) announce(p *packets.Properties) {
	p.MaximumPacketSize = uint32(a.limits.PacketSize)
	p.SharedSubAvailable, p.SharedSubAvailableFlag = 0, true
}
