package profile

import (
	"regexp"
	"strings"
)

// deviceLevel is the level of a topic that names the device.
const deviceLevel = "{id}"

// words are the fields that a warning or a summary may contain in braces.
var words = [...]string{"balance", "total_kwh", "month_kwh", "relay", "meter"}

// matchTopic compares a topic with a profile's pattern of a topic. It returns the level at {id} as the device.
func matchTopic(pattern, topic string) (device string, ok bool) {
	if len(topic) > 4*maxTopic {
		return "", false
	}
	for {
		p, restP, moreP := strings.Cut(pattern, "/")
		t, restT, moreT := strings.Cut(topic, "/")
		switch {
		case p == deviceLevel && t != "":
			device = t
		case p != t:
			return "", false
		}
		if moreP != moreT {
			return "", false
		}
		if !moreP {
			return device, true
		}
		pattern, topic = restP, restT
	}
}

// bracesIn lists the words in braces.
func bracesIn(text string) []string {
	var out []string
	for _, m := range regexp.MustCompile(`\{([^{}]*)\}`).FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	return out
}

// packetSize returns the length of a PUBLISH packet of QoS 0, with its fixed header.
func packetSize(topic, payload string) int {
	rest := 2 + len(topic) + len(payload)
	if rest < 128 {
		return 2 + rest
	}
	return 3 + rest
}

// fill builds a message to a device. ok is false if the packet would be longer than MaxDown. It is also false if the topic
// contains the device's name and the device has not sent its name yet. A payload with words is cut to fit.
func fill(m *Message, device string, say map[string]string) (out Message, ok bool) {
	if m == nil || strings.Contains(m.Topic, deviceLevel) && device == "" {
		return Message{}, false
	}
	out = Message{Topic: strings.ReplaceAll(m.Topic, deviceLevel, device), Payload: m.Payload}
	for word, text := range say {
		out.Payload = strings.ReplaceAll(out.Payload, "{"+word+"}", text)
	}
	if over := packetSize(out.Topic, out.Payload) - MaxDown; over > 0 {
		if say == nil || over >= len(out.Payload) {
			return Message{}, false
		}
		out.Payload = strings.ToValidUTF8(out.Payload[:len(out.Payload)-over], "")
	}
	return out, true
}

// Switch returns the message that closes or opens the relay of a device with absolute commands.
func (p *Profile) Switch(device string, on bool) (Message, bool) {
	if p.Supply.Kind != Absolute {
		return Message{}, false
	}
	payload := p.Supply.Off
	if on {
		payload = p.Supply.On
	}
	return fill(&Message{p.Supply.Topic, payload}, device, nil)
}

// Toggle returns the message that toggles the relay of a toggling device. Send the message once, on a person's command.
// Never send it unasked, and never repeat it.
func (p *Profile) Toggle(device string) (Message, bool) {
	if p.Supply.Kind != Toggle {
		return Message{}, false
	}
	return fill(&Message{p.Supply.Topic, p.Supply.Toggle}, device, nil)
}

// Ask returns the messages that request the device's values.
func (p *Profile) Ask(device string) []Message {
	var out []Message
	for i := range p.Poll {
		if m, ok := fill(&p.Poll[i], device, nil); ok {
			out = append(out, m)
		}
	}
	return out
}

// Words are the fields of a warning or summary.
type Words struct {
	Meter, Relay       string
	Balance            string // the balance with its currency
	TotalKWh, MonthKWh string // the register, and the use in the current local month
}

func (w Words) say() map[string]string {
	return map[string]string{"meter": w.Meter, "balance": w.Balance, "relay": w.Relay, "total_kwh": w.TotalKWh, "month_kwh": w.MonthKWh}
}

// Warn returns the warning to send to a device. ok is false if the profile has none.
func (p *Profile) Warn(device string, w Words) (Message, bool) {
	return fill(p.Warning, device, w.say())
}

// Summarise returns the usage summary to send to a device. ok is false if the profile has none.
func (p *Profile) Summarise(device string, w Words) (Message, bool) {
	return fill(p.Summary, device, w.say())
}

// Wanted reports whether the relay may be closed. The account decides, but the profile's rule on the raw counts can also
// open the relay. The parameter last is the newest data message, or the zero Meaning if there is none.
func (p *Profile) Wanted(account bool, last Meaning) bool {
	if p.Rule == nil || !p.Rule.Enabled || last.V1 == nil || last.V2 == nil {
		return account
	}
	if p.Rule.OffWhen == "v1<v2" {
		return account && !(*last.V1 < *last.V2)
	}
	return account && !(*last.V1 > *last.V2)
}
