package command_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/wire"
)

// carrying is a command's item as a worker claims it.
func carrying(c command.Command) job.Claim {
	return claimed(job.KindCommand, c.Type.Key(c.Number), `{"command_id":"`+c.ID.Text(id.Command)+`"}`)
}

// pushing is a token's item as a worker claims it.
func pushing(number string, token id.ID) job.Claim {
	return claimed(job.KindToken, number, `{"token_id":"`+token.Text(id.Token)+`"}`)
}

// TestTheCourierTriesAgainUntilItIsTooLate: an item rests while its meter is away, and is repeated with growing pauses while
// the meter does not answer. Nothing is signed for a meter that is away.
func TestTheCourierTriesAgainUntilItIsTooLate(t *testing.T) {
	h := newHouse(t)
	m := h.meter(1)
	token := h.issued(m.Meter.Meter)
	now := time.Now()
	away := job.Again(now.Add(6*time.Hour), "the meter is not connected")
	sent := func(pause time.Duration) job.Verdict {
		return job.Again(now.Add(pause), "sent; the meter has not answered yet")
	}
	tooLate := job.Dead("the meter did not take the token in time; its digits remain valid")
	type result struct {
		verdict job.Verdict
		state   string
		signed  bool
	}
	for _, c := range []struct {
		name      string
		up, taken bool
		ends      time.Time // when the item expires
		attempts  int
		command   result
		token     result
	}{
		{"away", false, true, time.Time{}, 0, result{away, "queued", false}, result{away, "issued", false}},
		{"away, in time", false, true, now.Add(1), 0, result{away, "queued", false}, result{away, "issued", false}},
		{"away, at its end", false, true, now, 0, result{job.Done(), "expired", false}, result{tooLate, "issued", false}},
		{"there, at its end", true, true, now, 0, result{job.Done(), "expired", false}, result{tooLate, "issued", false}},
		{"leaves", true, false, time.Time{}, 0, result{away, "queued", true}, result{away, "issued", false}},
		{"there", true, true, time.Time{}, 0, result{sent(time.Minute), "sent", true}, result{sent(time.Minute), "sent", false}},
		{"there, in time", true, true, now.Add(1), 1, result{sent(5 * time.Minute), "sent", true}, result{sent(5 * time.Minute), "sent", false}},
		{"there, later", true, true, time.Time{}, 2, result{sent(30 * time.Minute), "sent", true}, result{sent(30 * time.Minute), "sent", false}},
		{"there, much later", true, true, time.Time{}, 9, result{sent(2 * time.Hour), "sent", true}, result{sent(2 * time.Hour), "sent", false}},
	} {
		cmd := h.send(command.Request{Meter: m.Meter.Meter.Number, Type: command.Read, Reason: "look"}).Command
		if c.ends.Equal(now) {
			h.exec(`UPDATE command SET expires_at = created_at WHERE id = $1`, cmd.ID)
		}
		h.exec(`UPDATE token SET state = 'issued' WHERE id = $1`, token)
		for i, item := range []job.Claim{carrying(cmd), pushing(m.Meter.Meter.Number, token)} {
			want := []result{c.command, c.token}[i]
			w := &wires{up: c.up, taken: c.taken}
			item.ExpiresAt, item.Attempts = c.ends, c.attempts
			got := result{}
			var err error
			if got.verdict, err = h.courier(w, func() time.Time { return now }).Send(t.Context(), store.FirstTenant, item); err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			got.state, got.signed = h.progress(item.Kind, cmd.ID, token)
			if got != want || (len(w.sent) == 1) != (want.state == "sent") {
				t.Errorf("%s: %s: %+v, %d messages; want %+v", c.name, item.Kind, got, len(w.sent), want)
			}
		}
	}
}

// progress is the state of a command or of a token, and whether a counter was taken for the command.
func (h *house) progress(kind string, cmd, token id.ID) (state string, signed bool) {
	h.t.Helper()
	err := h.engine.View(h.t.Context(), store.FirstTenant, func(tx *store.Tx) error {
		if kind == job.KindToken {
			v, _, _, err := tx.TokenForPush(token)
			state = string(v.State)
			return err
		}
		c, _, err := tx.CommandByID(cmd)
		state, signed = string(c.State), c.Counter > 0
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return state, signed
}

// TestWhatCannotBeOpenedIsNotSent: if digits or a link key cannot be opened, the courier sends no message. It returns
// the error, so that the item is tried again.
func TestWhatCannotBeOpenedIsNotSent(t *testing.T) {
	h := newHouse(t)
	m := h.meter(1).Meter.Meter
	w := &wires{up: true, taken: true}
	broken := errors.New("sealed under another key")
	courier := command.NewCourier(door[command.CourierTx]{h.engine, func(tx *store.Tx) command.CourierTx { return tx }}, &opener{err: broken}, w, time.Now)
	token := h.issued(m)
	cmd := h.send(command.Request{Meter: m.Number, Type: command.Read, Reason: "look"}).Command
	for _, c := range []struct {
		item job.Claim
		want string
	}{
		{pushing(m.Number, token), "open the digits of token " + token.Text(id.Token) + ": "},
		{carrying(cmd), "open the link key of meter " + m.Number + ": "},
	} {
		v, err := courier.Send(t.Context(), store.FirstTenant, c.item)
		if !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), c.want) || v != (job.Verdict{}) || len(w.sent) != 0 {
			t.Errorf("%s: %s, %v, %d messages; want the error %q", c.item.Kind, v, err, len(w.sent), c.want+broken.Error())
		}
	}
	missing := carrying(command.Command{ID: id.ID{1}, Number: m.Number, Type: command.Read})
	if v, err := courier.Send(t.Context(), store.FirstTenant, missing); err == nil || v != (job.Verdict{}) {
		t.Errorf("a command that does not exist: %s, %v; want an error", v, err)
	}
}

// held is a link that keeps a reference to the published payload.
type held struct {
	wires
	payload []byte
	digits  string // read from the payload when it was published
}

func (l *held) Publish(_ string, _ wire.Down, payload []byte) bool {
	l.payload = payload
	down, _ := wire.DecodeTokenDown(payload)
	l.digits = down.Digits.Reveal()
	return true
}

// TestDigitsAreWipedAfterTheyWereSent: neither the digits nor the message with them stays in memory.
func TestDigitsAreWipedAfterTheyWereSent(t *testing.T) {
	h := newHouse(t)
	m := h.meter(1).Meter.Meter
	token := h.issued(m)
	keys, link := &opener{plain: []byte(tokenDigits)}, &held{wires: wires{up: true, format: wire.CBOR}}
	courier := command.NewCourier(door[command.CourierTx]{h.engine, func(tx *store.Tx) command.CourierTx { return tx }}, keys, link, time.Now)
	if _, err := courier.Send(t.Context(), store.FirstTenant, pushing(m.Number, token)); err != nil {
		t.Fatal(err)
	}
	if link.digits != tokenDigits || keys.context != sale.TokenContext(token) {
		t.Errorf("sent the digits %q, opened as %s", link.digits, keys.context)
	}
	for what, left := range map[string][]byte{"digits": keys.plain, "message": link.payload} {
		if len(left) == 0 || strings.Trim(string(left), "\x00") != "" {
			t.Errorf("%q is left of the %s", left, what)
		}
	}
}
