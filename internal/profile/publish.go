package profile

import (
	"regexp"
	"strings"
)

// deviceLevel is the level of a topic that names the device.
const deviceLevel = "{id}"

// words are what a warning or a summary may say, in braces.
var words = [...]string{"balance", "total_kwh", "month_kwh", "relay", "meter"}

// matchTopic compares a topic with a profile's; device is the level that {id} stands for.
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

// bracesIn lists what stands in braces.
func bracesIn(text string) []string {
	var out []string
	for _, m := range regexp.MustCompile(`\{([^{}]*)\}`).FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	return out
}

// packetSize is the length of a PUBLISH of quality 0, fixed header included.
func packetSize(topic, payload string) int {
	rest := 2 + len(topic) + len(payload)
	if rest < 128 {
		return 2 + rest
	}
	return 3 + rest
}

// fill makes a message for a device. ok is false while the topic names a device that has not said its name yet, and
// where the packet would be longer than MaxDown; a payload of words is cut to fit.
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

// Switch is the message that closes or opens the relay of a device with absolute commands.
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

// Toggle is the message that turns the relay of a toggling device over. It is for a person's command, once; never send it
// unasked and never repeat it.
func (p *Profile) Toggle(device string) (Message, bool) {
	if p.Supply.Kind != Toggle {
		return Message{}, false
	}
	return fill(&Message{p.Supply.Topic, p.Supply.Toggle}, device, nil)
}

// Ask are the messages that make the device send its values.
func (p *Profile) Ask(device string) []Message {
	var out []Message
	for i := range p.Poll {
		if m, ok := fill(&p.Poll[i], device, nil); ok {
			out = append(out, m)
		}
	}
	return out
}

// Words is what a warning or summary can say.
type Words struct {
	Meter, Relay       string
	Balance            string // with its currency
	TotalKWh, MonthKWh string // register, and used in the present local month
}

func (w Words) say() map[string]string {
	return map[string]string{"meter": w.Meter, "balance": w.Balance, "relay": w.Relay, "total_kwh": w.TotalKWh, "month_kwh": w.MonthKWh}
}

// Warn is the warning signal, for a device whose profile has one.
func (p *Profile) Warn(device string, w Words) (Message, bool) {
	return fill(p.Warning, device, w.say())
}

// Summarise is the usage summary, for a device whose profile has one.
func (p *Profile) Summarise(device string, w Words) (Message, bool) {
	return fill(p.Summary, device, w.say())
}

// Wanted is whether the relay may be closed: what the account says, unless the profile's rule on the raw counts says
// off. last is the newest data message, the zero Meaning where there is none.
func (p *Profile) Wanted(account bool, last Meaning) bool {
	if p.Rule == nil || !p.Rule.Enabled || last.V1 == nil || last.V2 == nil {
		return account
	}
	if p.Rule.OffWhen == "v1<v2" {
		return account && !(*last.V1 < *last.V2)
	}
	return account && !(*last.V1 > *last.V2)
}
