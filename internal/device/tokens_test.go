package device_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/device"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/sts"
)

// bought is a token and its energy.
type bought struct {
	digits string
	wh     int64
}

// forty returns 40 tokens for one meter, bought between a minute and some days apart, in shuffled order.
func forty(t testing.TB, seed uint64) []bought {
	t.Helper()
	rnd := rand.New(rand.NewPCG(seed, 40))
	tokens := make([]bought, 40)
	tid := sts.TID(5_871_715)
	for i := range tokens {
		tenths := 1 + rnd.Int64N(400)
		tokens[i] = bought{digits(t, tid, tenths), tenths * 100}
		tid += 1 + sts.TID(rnd.IntN(3000))
		if tid%1440 == 1 {
			tid++ // 00:01 is reserved
		}
	}
	rnd.Shuffle(len(tokens), func(i, j int) { tokens[i], tokens[j] = tokens[j], tokens[i] })
	return tokens
}

// balanceText returns a credit as the display shows it: kWh with two decimals, truncated.
func balanceText(wh int64) string { return fmt.Sprintf("%d.%02d", wh/1000, wh%1000/10) }

// shows reports whether the display shows the text, now or within 30 s as its pages rotate.
func shows(t testing.TB, d *device.Device, text string) bool {
	t.Helper()
	for range 30 {
		if strings.Contains(strings.Join(d.View().LCD, "\n"), text) {
			return true
		}
		advance(t, d, time.Second)
	}
	return false
}

// TestFortyTokensAreTakenOnceEach enters forty tokens at the keypad in several orders. Each is accepted and answered
// with the balance; entered again, each is refused as used.
func TestFortyTokensAreTakenOnceEach(t *testing.T) {
	orders := tier.TokenOrders.N()
	for seed := range uint64(orders) {
		d := open(t, newMedium())
		var balance int64
		tokens := forty(t, seed)
		for i, b := range tokens {
			balance += b.wh
			if got := enter(t, d, b.digits); got != "accept" {
				t.Fatalf("order %d, token %d: %s", seed, i, got)
			}
			if got := d.View().BalanceWh; got != balance || !shows(t, d, balanceText(balance)) {
				t.Fatalf("order %d, token %d: credit %d, display %q; want %d", seed, i, got, d.View().LCD, balance)
			}
		}
		for i, b := range tokens {
			if got := enter(t, d, b.digits); got != "used_error" || d.View().BalanceWh != balance {
				t.Fatalf("order %d, token %d again: %s, credit %d; want used_error, %d", seed, i, got, d.View().BalanceWh, balance)
			}
			if !shows(t, d, balanceText(balance)) {
				t.Fatalf("order %d, token %d again: the display does not tell the balance", seed, i)
			}
		}
	}
	t.Logf("figures: 40 tokens generated, 40 accepted by the keypad, 40 used_error on the second entry, %d shuffled orders", orders)
}

// TestFortyTokensThroughPowerCuts enters the forty tokens in shuffled order and cuts the mains after every key and in
// the middle of the writes. After each cut the meter either has the token or accepts it once more. A meter that
// had shown the token as accepted has it. The writes of the first tokens are torn at every byte.
func TestFortyTokensThroughPowerCuts(t *testing.T) {
	tier.OneGoroutine(t)
	const wholly = 2 // tokens
	stride := max(1, 1000/tier.TornBytes.N())
	story, balance := newMedium(), int64(0)
	var bytes, keys, credited int
	for i, b := range forty(t, 7) {
		for n := i % stride; ; {
			done, took := cutAt(t, story.clone(), b, balance, n)
			if took {
				credited++
			}
			bytes++
			if done {
				break
			}
			if n++; i >= wholly {
				n += stride - 1
			}
		}
		keys += cutBetweenKeys(t, story, b, balance)
		d := open(t, story)
		if got := enter(t, d, b.digits); got != "accept" {
			t.Fatalf("token %d: %s", i, got)
		}
		must(t, d.Flush())
		balance += b.wh
	}
	t.Logf("figures: 40 tokens, the mains gone at %d bytes of their writes (in %d of them the token was in) and after %d keys: none twice, none lost",
		bytes, credited, keys)
}

// cutAt enters a token into a meter whose mains fails after n written bytes. The first result reports whether the mains stayed
// on. The second result reports whether the meter had the token's credit afterwards.
func cutAt(t *testing.T, m *medium, b bought, before int64, n int) (done, took bool) {
	t.Helper()
	d := open(t, m)
	m.budget = n
	shown, done := enterUntilCut(t, d, b.digits)
	m.lose()
	d = open(t, m)
	got := d.View().BalanceWh
	took = got == before+b.wh
	if !took && got != before {
		t.Fatalf("cut at byte %d: credit %d, before %d, the token has %d", n, got, before, b.wh)
	}
	if shown && !took {
		t.Fatalf("cut at byte %d: accepted, and gone", n)
	}
	want := "accept"
	if took {
		want = "used_error"
	}
	if result := enter(t, d, b.digits); result != want || d.View().BalanceWh != before+b.wh {
		t.Fatalf("cut at byte %d: entered again: %s, credit %d; want %s, %d", n, result, d.View().BalanceWh, want, before+b.wh)
	}
	return done, took
}

// cutBetweenKeys cuts the mains after each key, without an event to the meter.
func cutBetweenKeys(t *testing.T, story *medium, b bought, before int64) (cuts int) {
	t.Helper()
	keys := "*1" + b.digits + "#"
	for n := range len(keys) + 1 {
		m := story.clone()
		d := open(t, m)
		must(t, d.Keys(keys[:n]))
		m.lose()
		d = open(t, m)
		want := before
		if n == len(keys) {
			want += b.wh
		}
		if got := d.View().BalanceWh; got != want {
			t.Fatalf("cut after %d keys: credit %d, want %d", n, got, want)
		}
		if result := enter(t, d, b.digits); (result == "accept") != (n < len(keys)) || d.View().BalanceWh != before+b.wh {
			t.Fatalf("cut after %d keys: entered again: %s, credit %d", n, result, d.View().BalanceWh)
		}
		cuts++
	}
	return cuts
}
