package webhook_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/webhook"
)

func noon() time.Time { return time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC) }

// TestTheScheduleOfAttempts follows a delivery that always fails: 0, 5 s, 5 min, 30 min, 2, 5, 10, 14, 20 and 24 h, each pause at most a tenth
// longer.
func TestTheScheduleOfAttempts(t *testing.T) {
	want := []time.Duration{5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour}
	for _, chance := range []float64{0, 0.999} {
		e, d, now := webhook.Endpoint{}, webhook.Delivery{State: webhook.Waiting}, noon()
		var got []time.Duration
		for d.State == webhook.Waiting && len(got) < 20 {
			e, d = webhook.Judge(e, d, webhook.Answer{Status: 500}, now, chance)
			if d.State != webhook.Waiting {
				break
			}
			got = append(got, d.NextAt.Sub(now))
			now = d.NextAt
		}
		if d.State != webhook.Failed || d.Attempts != 10 || !e.Enabled() || len(got) != len(want) {
			t.Fatalf("chance %v: %s after %d attempts, pauses %v", chance, d.State, d.Attempts, got)
		}
		for i, p := range got {
			if p < want[i] || p > want[i]+want[i]/10 || chance == 0 && p != want[i] {
				t.Errorf("chance %v: pause %d is %s, want %s and at most a tenth more", chance, i, p, want[i])
			}
		}
	}
}

func TestWhatAnAnswerMeans(t *testing.T) {
	failing := noon().Add(-time.Hour)
	for _, c := range []struct {
		name   string
		answer webhook.Answer
		since  time.Time
		state  webhook.State
		next   time.Duration // of the delivery
		pause  time.Duration // of the endpoint
		why    webhook.Why
	}{
		{name: "taken", answer: webhook.Answer{Status: 204}, since: failing, state: webhook.Delivered},
		{name: "redirect", answer: webhook.Answer{Status: 302}, state: webhook.Waiting, next: 5 * time.Second},
		{name: "no answer", answer: webhook.Answer{Err: "refused"}, state: webhook.Waiting, next: 5 * time.Second},
		{name: "gone", answer: webhook.Answer{Status: 410}, state: webhook.Waiting, next: 5 * time.Second, why: webhook.Gone},
		{name: "too many", answer: webhook.Answer{Status: 429}, state: webhook.Waiting, next: time.Minute, pause: time.Minute},
		{name: "bad gateway", answer: webhook.Answer{Status: 502}, state: webhook.Waiting, next: time.Minute, pause: time.Minute},
		{name: "unavailable, wait 10 s", answer: webhook.Answer{Status: 503, RetryAfter: 10 * time.Second}, state: webhook.Waiting, next: 10 * time.Second, pause: 10 * time.Second},
		{name: "wait 1 s", answer: webhook.Answer{Status: 504, RetryAfter: time.Second}, state: webhook.Waiting, next: 5 * time.Second, pause: time.Second},
		{name: "wait for ever", answer: webhook.Answer{Status: 429, RetryAfter: 1000 * time.Hour}, state: webhook.Waiting, next: 24 * time.Hour, pause: 24 * time.Hour},
		{name: "an answer to another question", answer: webhook.Answer{Status: 500, RetryAfter: time.Hour}, state: webhook.Waiting, next: 5 * time.Second},
		{name: "five days", answer: webhook.Answer{Status: 500}, since: noon().Add(-5 * 24 * time.Hour), state: webhook.Waiting, next: 5 * time.Second, why: webhook.Failing},
		{name: "a second less", answer: webhook.Answer{Status: 500}, since: noon().Add(time.Second - 5*24*time.Hour), state: webhook.Waiting, next: 5 * time.Second},
	} {
		e, d := webhook.Judge(webhook.Endpoint{FailingSince: c.since}, webhook.Delivery{State: webhook.Waiting, NextAt: noon()}, c.answer, noon(), 0)
		pause := time.Duration(0)
		if !e.PausedUntil.IsZero() {
			pause = e.PausedUntil.Sub(noon())
		}
		if d.State != c.state || d.NextAt.Sub(noon()) != c.next || pause != c.pause || e.DisabledWhy != c.why || e.Enabled() != (c.why == "") {
			t.Errorf("%s: %s, next in %s, pause %s, disabled %q", c.name, d.State, d.NextAt.Sub(noon()), pause, e.DisabledWhy)
		}
		if failed := e.FailingSince; failed.IsZero() != (c.answer.Status == 204) || !c.since.IsZero() && c.answer.Status != 204 && !failed.Equal(c.since) {
			t.Errorf("%s: failing since %s", c.name, failed)
		}
	}
}

// TestTheLogOfADeliveryIsShort: it keeps the newest attempts and the beginning of an answer, and of a private endpoint no answer at all.
func TestTheLogOfADeliveryIsShort(t *testing.T) {
	long := webhook.Answer{Status: 500, Text: strings.Repeat("é", 300)}
	var d webhook.Delivery
	for i := range 30 {
		d.Attempts = 0 // as if somebody asked again
		_, d = webhook.Judge(webhook.Endpoint{}, d, long, noon().Add(time.Duration(i)*time.Hour), 0)
	}
	if n := len(d.Log); n != webhook.MaxAttempts || len(d.Log[0].Answer) != webhook.MaxAnswer || !d.Log[n-1].At.Equal(noon().Add(29*time.Hour)) {
		t.Errorf("%d attempts, answer of %d bytes, newest %s", n, len(d.Log[0].Answer), d.Log[n-1].At)
	}
	if _, d = webhook.Judge(webhook.Endpoint{AllowPrivate: true}, webhook.Delivery{}, long, noon(), 0); d.Log[0].Answer != "" || d.Log[0].Status != 500 {
		t.Errorf("the log has the answer %q of a program inside", d.Log[0].Answer)
	}
}

func TestASignature(t *testing.T) {
	mac := hmac.New(sha256.New, []byte("new"))
	mac.Write([]byte("evt_1.1764072000.{}"))
	got := webhook.Sign([][]byte{[]byte("new"), []byte("old")}, "evt_1", time.Unix(1764072000, 999), "{}")
	parts := strings.Split(got, " ")
	if len(parts) != 2 || parts[0] != "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)) || parts[0] == parts[1] {
		t.Errorf("signature %q", got)
	}
}

func TestAChoiceOfEvents(t *testing.T) {
	c := webhook.ChoiceOf([]webhook.Type{webhook.AlarmRaised, webhook.VendCompleted, "vend.completed.more", webhook.VendCompleted})
	if c != "vend.completed alarm.raised" || !c.Has(webhook.AlarmRaised) || c.Has("vend") || c.Has(webhook.Test) || c.Has("") || !slices.Equal(c.Types(), []webhook.Type{webhook.VendCompleted, webhook.AlarmRaised}) {
		t.Errorf("choice %q", c)
	}
}
