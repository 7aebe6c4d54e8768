package profile

import (
	"slices"
	"strings"
	"time"
)

// MaxDeviceName is the length of the longest name or client id of a device of the shared listener, in bytes.
const MaxDeviceName = 64

// GoodName reports whether a text may name a device of the shared listener, or may be its MQTT client id. The names that devices are
// delivered with have only these characters. Other texts could look like another name, or change the direction of a line.
func GoodName(name string) bool {
	if name == "" || len(name) > MaxDeviceName {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_.:-", r))
	})
}

// NamesIn returns the name that a message gives its device, and the profiles that understand the message under this name. A profile names a
// device by the level {id} of its topics. If its topics have no such level, the device's fixed client id is the name.
func (l Library) NamesIn(client, topic string, payload []byte) (name string, profiles []string) {
	for _, p := range l.Names() {
		m := l[p].Understand(topic, payload)
		if m.Kind == Ignored || m.Kind == Unreadable {
			continue
		}
		called := m.Device
		if called == "" {
			if l[p].Device.ClientID == "" || l[p].Device.ClientID != client {
				continue
			}
			called = client
		}
		if name == "" {
			name = called
		}
		if called == name {
			profiles = append(profiles, p)
		}
	}
	return name, profiles
}

// NamedByClient returns the profiles whose devices are named by this client id.
func (l Library) NamedByClient(client string) []string {
	return slices.DeleteFunc(l.Names(), func(p string) bool { return client == "" || l[p].Device.ClientID != client })
}

// Claims returns the name of another device in whose topics a message is. If the topic belongs to the device itself, or to no device that the
// profile describes, ok is false.
func (p *Profile) Claims(topic, self string) (other string, ok bool) {
	for i := range p.Up {
		if device, fits := matchTopic(p.Up[i].Topic, topic); fits && device != "" {
			if device == self {
				return "", false
			}
			other = device
		}
	}
	return other, other != ""
}

// Listens reports whether a device may subscribe to a filter: the filter matches a topic on which the server may send it something.
func (p *Profile) Listens(device string, matches func(topic string) bool) bool {
	topics := []string{p.Supply.Topic}
	for i := range p.Poll {
		topics = append(topics, p.Poll[i].Topic)
	}
	for _, m := range []*Message{p.Warning, p.Summary} {
		if m != nil {
			topics = append(topics, m.Topic)
		}
	}
	return slices.ContainsFunc(topics, func(t string) bool { return t != "" && matches(strings.ReplaceAll(t, deviceLevel, device)) })
}

// UnknownDevice is a device that talks at the shared listener and belongs to no meter. The server remembers a limited number of them, in memory
// only, and does nothing for them.
type UnknownDevice struct {
	Name     string
	Client   string   // its MQTT client id
	Address  string   // the IP address from which it connects
	Profiles []string // the profiles that understand its messages
	Said     string   // its last message, printable
	First    time.Time
	Last     time.Time
	Messages int64
	On       bool // it is connected now
}

// Claim is an attempt of another client to use the name of an adopted device, or of another device to use the listener of one meter. The
// server refused it.
type Claim struct {
	// Name is the other device that sent to the listener of one meter. It is empty if the client used the name of the adopted device.
	Name            string
	Client, Address string
	At              time.Time
	Times           int64
}
