package notify_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/notify"
)

// TestThePagesStateTheLimits checks the numbers on the pages, because operators plan with them.
func TestThePagesStateTheLimits(t *testing.T) {
	thousands := func(n int) string { return fmt.Sprintf("%d,%03d", n/1000, n%1000) }
	days := func(d time.Duration) int { return int(d / (24 * time.Hour)) }
	for page, rows := range map[string][]string{
		"../../docs/operate/sms.md": {
			"| messages of a tenant that wait | " + thousands(notify.MaxWaiting) + ". Tokens, and the warnings that must precede a cut-off, are still queued until " + thousands(notify.MaxTokensWaiting) + " messages wait |",
			fmt.Sprintf("| messages to one telephone or meter that wait | %d. Tokens and these warnings are still queued until %d messages wait,", notify.MaxPerPhone, notify.MaxTokensPerPhone),
			fmt.Sprintf("| answers to one telephone | %d an hour, %d a day |", notify.MaxPerSender, notify.MaxPerSenderDay),
			fmt.Sprintf("| answers about one meter | %d a day |", notify.MaxPerMeter),
			fmt.Sprintf("| answers to a number that is not registered | %d a day,", notify.MaxHelp),
			fmt.Sprintf("| messages of one sender that are stored | %d an hour |", notify.MaxArrivals),
			"| messages of all numbers that are not registered | " + thousands(notify.MaxStrangers) + fmt.Sprintf(" an hour are stored; %d answers a day |", notify.MaxPublic),
			fmt.Sprintf("| messages from and to numbers that are not registered | stored for %d days |", days(notify.KeepStrangers)),
			fmt.Sprintf("| every other message, and its tries | stored for %d days after", days(notify.KeepMessages)),
			fmt.Sprintf("| tries of one message | %d |", notify.MaxTries),
			fmt.Sprintf("that was sent to this meter in the last %d days |", days(notify.AnswerHorizon)),
		},
		"../../docs/reference/sms-texts.md": {
			fmt.Sprintf("or %d digits and more", notify.TokenLike),
			fmt.Sprintf("Names are cut to %d characters", notify.MaxName), fmt.Sprintf("longer than %d characters, only its telephone number", notify.MaxContact),
		},
	} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			if !strings.Contains(string(text), row) {
				t.Errorf("%s does not say %q", page, row)
			}
		}
	}
	for _, c := range []struct {
		said      string // on these pages, and in comments of routes
		got, want any
	}{
		{"twelve messages at most", notify.MaxMeterTries, 12}, {"not more than once in five minutes", notify.WakeEvery, 5 * time.Minute}, {"nor after its twentieth try", notify.MaxTriesWoken, 20},
		{"a text of a person", notify.MaxWritten, 480}, {"what ten parts hold", notify.MaxText, 1600}, {"a route's own name of a message", notify.MaxReference, 100}, {"a reason", notify.MaxWhy, 300},
		{"a report that a reference names", notify.ReportWindow, 72 * time.Hour}, {"meters to choose from", notify.MaxChoices, 4},
		{"what strangers sent", notify.KeepStrangers, 30 * 24 * time.Hour}, {"every other message", notify.KeepMessages, 400 * 24 * time.Hour}, {"an answer of a meter", notify.AnswerHorizon, 30 * 24 * time.Hour},
	} {
		if c.got != c.want {
			t.Errorf("%s: %v, want %v", c.said, c.got, c.want)
		}
	}
}

// TestAllMessagesTogetherAreBounded also checks that tokens and the warnings before a cut-off may fill twice as much of the queue.
func TestAllMessagesTogetherAreBounded(t *testing.T) {
	for _, c := range []struct {
		draft notify.Draft
		most  int
	}{{text(), 10_000}, {toMeter(), 20_000}, {warning(), 20_000}} {
		for waiting, want := range map[int]string{c.most - 1: "", c.most: "too many messages wait"} {
			h, _, _ := newHall(t)
			h.all = waiting
			if m := h.of(h.queues(c.draft)); m.Failure != want || m.Open != (want == "") {
				t.Errorf("%s while %d wait: open %t, %q; want %q", c.draft.Purpose, waiting, m.Open, m.Failure, want)
			}
		}
	}
}

// TestTheStoreIsAskedForABoundedNumberOfRows checks that no list grows with messages from strangers or with a year of data.
func TestTheStoreIsAskedForABoundedNumberOfRows(t *testing.T) {
	all := map[string]operation{}
	for _, o := range operations() {
		all[o.name] = o
	}
	for _, c := range []struct {
		operation, statement string
		rows                 int
	}{
		{"a text", "MessagesStray", 50}, {"a meter that rejects everything", "MessageList", 24}, {"routes are shown", "MessageTotals", 24}, {"a token is ordered", "VendTokens", 50},
		{"a meter: loaded", "VendTokens", 200}, {"a meter: loaded", "MeterMessages", 200}, {"messages are listed", "MessageList", 51},
		{stranger + " hello", "Subscriptions", 20}, {stranger + " hello", "MessagesOf from-stranger", 1000}, {stranger + " hello", "MessagesOf public-help", 500}, {stranger + " hello", "MessagesWaiting", 10_000},
		{amina + " use", "Readings", 250}, {amina + " last", "MessagesWaiting", 20_000},
	} {
		b, err := all[c.operation].runs(t, 0)
		if got := b.most[c.statement]; err != nil || got != c.rows {
			t.Errorf("%s: %s is asked for %d rows, %v; want %d", c.operation, c.statement, got, err, c.rows)
		}
	}
}
