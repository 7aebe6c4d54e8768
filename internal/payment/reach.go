package payment

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/paywatt/paywatt/internal/reach"
)

// allowPrivate is the part of the configuration of any kind of provider that lets the server call private addresses for it. AddProvider always
// stores it, so that the second person sees it. A provider that was stored before this part existed has none, and is called as it was then.
const allowPrivate = "allow_private"

// errAllowPrivate says that the part is of the wrong form.
var errAllowPrivate = errors.New("config: " + allowPrivate + " is not true or false")

// splitReach takes the part out of a configuration. Without it, said is false and the configuration is unchanged.
func splitReach(config []byte) (rest []byte, private, said bool, err error) {
	var parts map[string]json.RawMessage
	if json.Unmarshal(config, &parts) != nil {
		return config, false, false, nil // the adapter says what is wrong with it
	}
	text, said := parts[allowPrivate]
	if !said {
		return config, false, false, nil
	}
	switch string(bytes.TrimSpace(text)) {
	case "true":
		private = true
	case "false":
	default:
		return nil, false, true, errAllowPrivate
	}
	delete(parts, allowPrivate)
	rest, err = json.Marshal(parts)
	return rest, private, true, err
}

// withReach returns a configuration with the part.
func withReach(rest []byte, private bool) ([]byte, error) {
	parts := map[string]json.RawMessage{}
	if err := json.Unmarshal(rest, &parts); err != nil {
		return nil, err
	}
	parts[allowPrivate] = json.RawMessage("false")
	if private {
		parts[allowPrivate] = json.RawMessage("true")
	}
	return json.Marshal(parts)
}

// Approved reports whether a second person has ever agreed to the provider, or the law of four eyes did not bind when it was added. A provider
// that was never enabled is disabled since the moment when it was added.
func (p Provider) Approved() bool { return !p.Disabled() || p.DisabledAt.After(p.AddedAt) }

// reachOf says which addresses the server may call for a provider. It calls none before the provider is approved.
func (p Provider) reachOf(private, said bool) reach.Reach {
	switch {
	case !p.Approved():
		return reach.Nowhere
	case said && !private:
		return reach.Internet
	}
	return reach.Anywhere
}
