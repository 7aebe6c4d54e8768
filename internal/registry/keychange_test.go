package registry_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/registry"
)

// keyRows are the keys of one meter.
type keyRows struct {
	of     registry.Key // the token's key
	has    id.ID        // the meter's key
	turned []string
	fails  string
}

var errKeyRows = errors.New("the disk is full")

func (k *keyRows) failing(name string) error {
	if k.fails == name {
		return errKeyRows
	}
	return nil
}

func (k *keyRows) KeyOfToken(id.ID) (registry.Key, bool, error) {
	return k.of, !k.of.ID.IsZero(), k.failing("token")
}

func (k *keyRows) CurrentKey(int64) (id.ID, bool, error) {
	return k.has, !k.has.IsZero(), k.failing("current")
}

func (k *keyRows) SetMeterKeyState(key id.ID, from, to string) error {
	k.turned = append(k.turned, fmt.Sprintf("%d %s %s", key[0], from, to))
	return k.failing(to)
}

// TestAnAcceptedTokenConfirmsItsKey: only a key with issued change tokens is confirmed, and the key before it becomes past.
func TestAnAcceptedTokenConfirmsItsKey(t *testing.T) {
	old, next := id.ID{1}, id.ID{2}
	for name, c := range map[string]struct {
		of    registry.Key
		has   id.ID
		fails string
		want  []string
	}{
		"the last section of a set":   {registry.Key{ID: next, State: registry.KeyIssued}, old, "", []string{"1 current past", "2 issued current"}},
		"the first key of a meter":    {registry.Key{ID: next, State: registry.KeyIssued}, id.ID{}, "", []string{"2 issued current"}},
		"a token of the current key":  {registry.Key{ID: old, State: registry.KeyCurrent}, old, "", nil},
		"a token of a past key":       {registry.Key{ID: old, State: registry.KeyPast}, next, "", nil},
		"a token of a planned key":    {registry.Key{ID: next, State: registry.KeyPlanned}, old, "", nil},
		"a token that has no key":     {registry.Key{}, old, "", nil},
		"the key cannot be read":      {registry.Key{ID: next, State: registry.KeyIssued}, old, "token", nil},
		"the current cannot be read":  {registry.Key{ID: next, State: registry.KeyIssued}, old, "current", nil},
		"the old one cannot be ended": {registry.Key{ID: next, State: registry.KeyIssued}, old, registry.KeyPast, []string{"1 current past"}},
	} {
		k := &keyRows{of: c.of, has: c.has, fails: c.fails}
		if err := registry.ConfirmKey(k, id.ID{9}); (err != nil) != (c.fails != "") || !slices.Equal(k.turned, c.want) {
			t.Errorf("%s: %v, %v; want %v", name, k.turned, err, c.want)
		}
	}
}
