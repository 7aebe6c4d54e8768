package gateway

import (
	"slices"
	"strings"

	"github.com/paywatt/paywatt/internal/gateway/packet"
)

// filter is one subscription of a meter: the part of its topic filter below m/{number}/down/, and the granted quality.
type filter struct {
	rest string
	qos  byte
}

// filters are the subscriptions of a meter. They are never changed in place.
type filters []filter

// with adds a filter, or changes the quality of one. It returns false if there are too many.
func (f filters) with(rest string, qos byte, most int) (filters, bool) {
	f = slices.Clone(f)
	for i := range f {
		if f[i].rest == rest {
			f[i].qos = qos
			return f, true
		}
	}
	if len(f) >= most {
		return f, false
	}
	return append(f, filter{rest, qos}), true
}

// without removes a filter. It returns false if there was no such filter.
func (f filters) without(rest string) (filters, bool) {
	left := slices.DeleteFunc(slices.Clone(f), func(x filter) bool { return x.rest == rest })
	return left, len(left) < len(f)
}

// leaves returns the quality of each kind of message to the meter.
func (f filters) leaves() (out [leaves]int8) {
	for i := range out {
		out[i] = notSubscribed
	}
	for _, x := range f {
		for i, d := range downs() {
			if leafMatches(x.rest, string(d)) {
				out[i] = max(out[i], int8(x.qos))
			}
		}
	}
	return out
}

// leafMatches reports whether the part of a filter below down/ matches a leaf.
func leafMatches(filter, leaf string) bool {
	filter = strings.TrimSuffix(filter, "/#") // x/# matches x too
	return filter == leaf || filter == "#" || filter == "+"
}

// subscribe answers a SUBSCRIBE: a meter may subscribe within its own down/, up to the limit of filters.
func (g *Gateway) subscribe(s *session, body []byte) error {
	var sub packet.Subscription
	if f := packet.ReadSubscribe(body, s.version, &sub); f != packet.None {
		return f
	}
	if sub.Properties.HasSubID {
		return refusal(packet.SubIDsNotSupported)
	}
	if sub.Count > maxFilters || sub.Properties.User > maxUserProperties {
		return refusal(packet.QuotaExceeded)
	}
	var codes [maxFilters]byte
	have := s.subscriptions()
	for i := range sub.Count {
		want, _ := sub.Filters.Next()
		have, codes[i] = s.grant(have, want)
	}
	more, err := s.subscribed(have, packet.AppendSuback(nil, s.version, packet.Suback, sub.ID, codes[:sub.Count]))
	if more {
		g.connected(s)
	}
	return err
}

// grant decides about one filter. The code is the granted quality, or says why there is none.
func (s *session) grant(have filters, want packet.Filter) (filters, byte) {
	const refused311 = 0x80
	code := packet.NotAuthorized
	switch topic := string(want.Topic); {
	case packet.Shared(want.Topic):
		code = packet.SharedNotSupported
	case own(topic, s.who.Number, "down"):
		qos := min(want.QoS, 1)
		more, ok := have.with(topic[len(s.down):], qos, s.conn.limits.Subscriptions)
		if ok {
			return more, qos
		}
		code = packet.QuotaExceeded
	}
	if s.version != packet.V5 {
		code = refused311
	}
	return have, byte(code)
}

// unsubscribe answers an UNSUBSCRIBE.
func (g *Gateway) unsubscribe(s *session, body []byte) error {
	var sub packet.Subscription
	if f := packet.ReadUnsubscribe(body, s.version, &sub); f != packet.None {
		return f
	}
	if sub.Count > maxFilters || sub.Properties.User > maxUserProperties {
		return refusal(packet.QuotaExceeded)
	}
	var codes [maxFilters]byte
	have := s.subscriptions()
	for i := range sub.Count {
		f, _ := sub.Filters.Next()
		codes[i] = byte(packet.NoSubscription)
		if rest, below := strings.CutPrefix(string(f.Topic), s.down); below {
			if left, had := have.without(rest); had {
				have, codes[i] = left, byte(packet.Success)
			}
		}
	}
	_, err := s.subscribed(have, packet.AppendSuback(nil, s.version, packet.Unsuback, sub.ID, codes[:sub.Count]))
	return err
}
