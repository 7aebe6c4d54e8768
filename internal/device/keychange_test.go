package device_test

import (
	"bytes"
	"testing"

	"github.com/paywatt/paywatt/internal/device"
	"github.com/paywatt/paywatt/internal/device/flight"
	"github.com/paywatt/paywatt/sts"
)

func newKey(t testing.TB) sts.Key {
	t.Helper()
	k, err := sts.NewKey(sts.EA07, []byte("new key!"))
	must(t, err)
	return k
}

// keyChange returns the set of three tokens that gives the meter another key.
func keyChange(t testing.TB) []string {
	t.Helper()
	tokens, err := sts.EncodeKeyChange(testKey(t), sts.KeyChange{Key: newKey(t), KEN: 200, KRN: 2, KT: sts.DUTK, TI: "07", SGC: "654321"})
	must(t, err)
	var all []string
	for _, token := range tokens {
		all = append(all, token.Reveal())
	}
	return all
}

func creditUnder(t testing.TB, k sts.Key, tid sts.TID) string {
	t.Helper()
	token, err := sts.EncodeCredit(k, sts.Credit{TID: tid, Amount: 100})
	must(t, err)
	return token.Reveal()
}

func TestAKeyChangeSurvivesRestartsAndBecomesTheKey(t *testing.T) {
	m := newMedium()
	c := config(t, m)
	var tape bytes.Buffer
	c.Recorder = flight.NewRecorder(&tape)
	d, err := device.Open(c)
	must(t, err)
	set := keyChange(t)
	for i, want := range []string{"kct_1st", "kct_nth", "accept"} {
		if got := enter(t, d, set[i]); got != want {
			t.Fatalf("section %d: %s, want %s", i+1, got, want)
		}
		if i == 1 { // the process is killed with two sections stored, and restarted with the key the meter was made with
			m.lose()
			d = open(t, m)
		}
	}
	b := d.Box().Boot()
	if *b.Key.SGC != "654321" || *b.Key.KRN != 2 || *b.Key.TI != "07" || *b.Key.KEN != 200 {
		t.Errorf("boot message says SGC %s KRN %d TI %s KEN %d", *b.Key.SGC, *b.Key.KRN, *b.Key.TI, *b.Key.KEN)
	}
	m.lose()
	d = open(t, m)
	if got := enter(t, d, creditUnder(t, testKey(t), 5_871_715)); got != "crc_error" {
		t.Errorf("a token under the old key: %s", got)
	}
	if got := enter(t, d, creditUnder(t, newKey(t), 5_871_716)); got != "accept" {
		t.Errorf("a token under the new key: %s", got)
	}
	if bytes.Contains(tape.Bytes(), []byte("new key!")) || bytes.Contains(tape.Bytes(), []byte("6e6577206b657921")) {
		t.Error("the recording holds the new key")
	}
}

// TestAPowerCutAtEveryByteOfAKeyChange checks that after each power cut the meter either has the old key and accepts
// the section again, or has the new key. The meter must never be left without a working key.
func TestAPowerCutAtEveryByteOfAKeyChange(t *testing.T) {
	set := keyChange(t)
	base := newMedium()
	d := open(t, base)
	enter(t, d, set[0])
	enter(t, d, set[1])
	must(t, d.Flush())
	var before, after int
	for n := 0; ; n++ {
		m := base.clone()
		d := open(t, m)
		m.budget = n
		_, done := enterUntilCut(t, d, set[2])
		m.lose()
		d = open(t, m)
		switch got := enter(t, d, creditUnder(t, newKey(t), 5_871_715)); got {
		case "accept":
			after++
		case "crc_error":
			before++
			if got := enter(t, d, set[2]); got != "accept" {
				t.Fatalf("cut at byte %d: the old key is there and the last section gives %s", n, got)
			}
		default:
			t.Fatalf("cut at byte %d: %s", n, got)
		}
		if done {
			break
		}
	}
	if before == 0 || after == 0 {
		t.Errorf("%d cuts left the old key, %d the new one; want both", before, after)
	}
}
