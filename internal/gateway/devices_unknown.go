package gateway

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/paywatt/paywatt/internal/profile"
)

// Limits of what the server remembers of devices that belong to no meter. An entry has at most some 300 bytes, and is only in memory.
const (
	maxUnknown   = 256
	maxOfAddress = 64             // names from one IP address
	maxNew       = 60             // new names in a minute
	unknownAge   = 24 * time.Hour // time without a message after which a name is forgotten
	maxSaid      = 60             // characters of the last message
)

// unknownDevices are the unknown devices that talk. When the table is full, the name that has been silent for longest goes.
type unknownDevices struct {
	mu     sync.Mutex
	all    map[string]*profile.UnknownDevice // by name and client id
	minute time.Time                         // when the count of new names began
	fresh  int
}

func unknownKey(name, client string) string { return name + " " + client }

// note records a message of an unknown device. It reports false if the device has no place in the table.
func (t *unknownDevices) note(s profile.UnknownDevice, payload []byte, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	have := t.all[unknownKey(s.Name, s.Client)]
	if have == nil {
		if !t.room(s.Address, now) {
			return false
		}
		have = &profile.UnknownDevice{Name: s.Name, Client: s.Client, First: now}
		t.all[unknownKey(s.Name, s.Client)] = have
	}
	for _, p := range s.Profiles {
		if !slices.Contains(have.Profiles, p) {
			have.Profiles = append(have.Profiles, p)
		}
	}
	have.Address, have.Said, have.Last, have.On = s.Address, plain(payload), now, true
	have.Messages++
	return true
}

// room makes room for a new name.
func (t *unknownDevices) room(address string, now time.Time) bool {
	if now.Sub(t.minute) >= time.Minute || now.Before(t.minute) {
		t.minute, t.fresh = now, 0
	}
	if t.fresh >= maxNew {
		return false
	}
	var same []*profile.UnknownDevice
	for key, s := range t.all {
		if !s.On && now.Sub(s.Last) > unknownAge {
			delete(t.all, key)
		} else if s.Address == address {
			same = append(same, s)
		}
	}
	if len(same) >= maxOfAddress && !t.forget(same) {
		return false
	}
	if len(t.all) >= maxUnknown && !t.forget(t.sorted()) {
		return false
	}
	t.fresh++
	return true
}

// forget removes the device that has been silent for longest among those that are not connected.
func (t *unknownDevices) forget(among []*profile.UnknownDevice) bool {
	among = slices.DeleteFunc(among, func(s *profile.UnknownDevice) bool { return s.On })
	if len(among) == 0 {
		return false
	}
	oldest := slices.MinFunc(among, func(a, b *profile.UnknownDevice) int { return a.Last.Compare(b.Last) })
	delete(t.all, unknownKey(oldest.Name, oldest.Client))
	return true
}

// left records that an unknown device has disconnected.
func (t *unknownDevices) left(name, client string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.all[unknownKey(name, client)]; s != nil {
		s.On = false
	}
}

// drop forgets the devices of a name that was adopted or released. One that still talks appears again.
func (t *unknownDevices) drop(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	maps.DeleteFunc(t.all, func(_ string, d *profile.UnknownDevice) bool { return d.Name == name })
}

func (t *unknownDevices) sorted() []*profile.UnknownDevice {
	out := make([]*profile.UnknownDevice, 0, len(t.all))
	for _, s := range t.all {
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b *profile.UnknownDevice) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Client, b.Client))
	})
	return out
}

// list returns the devices in the order of their names.
func (t *unknownDevices) list() []profile.UnknownDevice {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []profile.UnknownDevice
	for _, s := range t.sorted() {
		one := *s
		one.Profiles = slices.Clone(s.Profiles)
		out = append(out, one)
	}
	return out
}

// plain returns a payload for people: printable ASCII of limited length.
func plain(payload []byte) string {
	out := make([]byte, 0, maxSaid)
	for _, b := range payload[:min(len(payload), maxSaid)] {
		if b < ' ' || b > '~' {
			b = ' '
		}
		out = append(out, b)
	}
	return strings.TrimSpace(string(out))
}
