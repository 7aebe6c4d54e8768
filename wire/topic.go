package wire

import "strings"

// Down is a kind of message to a meter, and the last part of its topic.
type Down string

// The messages to a meter. Command, Config, Lease and Time are signed; a token authenticates itself.
const (
	DownAck     Down = "ack"
	DownToken   Down = "token"
	DownCommand Down = "command"
	DownConfig  Down = "config"
	DownLease   Down = "lease"
	DownTime    Down = "time"
)

// maxNumber is the longest meter number a topic may hold; STS numbers have 11 or 13 digits, wallet meters may have other names.
const maxNumber = 64

// UpTopic returns the topic on which the meter publishes records of a kind.
func UpTopic(number string, k Kind) string { return "m/" + number + "/up/" + string(k) }

// DownTopic returns the topic on which the meter receives a kind of message.
func DownTopic(number string, d Down) string { return "m/" + number + "/down/" + string(d) }

// DownFilter returns the topic filter to which a meter subscribes.
func DownFilter(number string) string { return "m/" + number + "/down/#" }

// ParseTopic splits m/{number}/up/{kind} or m/{number}/down/{leaf}; ok is false for everything else, including filters
// with + or # and leaves that this package does not know.
func ParseTopic(topic string) (number string, up bool, leaf string, ok bool) {
	rest, found := strings.CutPrefix(topic, "m/")
	if !found {
		return "", false, "", false
	}
	number, rest, found = strings.Cut(rest, "/")
	if !found || number == "" || len(number) > maxNumber || strings.ContainsAny(number, "+#\x00") {
		return "", false, "", false
	}
	way, leaf, found := strings.Cut(rest, "/")
	if !found {
		return "", false, "", false
	}
	switch way {
	case "up":
		switch Kind(leaf) {
		case KindBoot, KindReading, KindEvent, KindToken, KindCommand, KindClose:
			return number, true, leaf, true
		}
	case "down":
		switch Down(leaf) {
		case DownAck, DownToken, DownCommand, DownConfig, DownLease, DownTime:
			return number, false, leaf, true
		}
	}
	return "", false, "", false
}
