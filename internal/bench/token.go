package bench

import (
	"context"
	"crypto/des"
	"fmt"
	"time"

	"github.com/paywatt/paywatt/sts"

	"github.com/paywatt/paywatt/internal/exit"
)

// Settings of the benches that run loops.
const (
	// LoopSeconds is the default duration of each loop.
	LoopSeconds    = 1
	maxLoopSeconds = 20
)

// Token measures how many credit tokens per second are made on one core, with DES of the standard library as the
// baseline. Each loop takes this many seconds.
func Token(ctx context.Context, seconds int) (Measured, error) {
	loops, err := tokenLoops()
	if err != nil {
		return Measured{}, err
	}
	each, err := loopTime(seconds)
	if err != nil {
		return Measured{}, err
	}
	f, err := measureLoops(ctx, each, loops...)
	if err != nil {
		return Measured{}, err
	}
	r, cpu, baseCPU := resultOf("token", "tokens a second", loops, f)
	for _, ea := range []sts.EA{sts.EA07, sts.EA11} {
		if r.Others["million_vouchers_ea"+ea.String()], err = millionVouchers(ea); err != nil {
			return Measured{}, err
		}
	}
	return r.with(cpu, baseCPU), nil
}

// loopTime converts and checks the option --seconds.
func loopTime(seconds int) (time.Duration, error) {
	if seconds < 1 || seconds > maxLoopSeconds {
		return 0, &exit.Failure{Code: exit.Usage, What: fmt.Sprintf("--seconds cannot be %d.", seconds), Not: "Nothing was measured.",
			Try: fmt.Sprintf("Give 1 to %d.", maxLoopSeconds)}
	}
	return time.Duration(seconds) * time.Second, nil
}

// tokenLoops returns the loops: the measured one first, its baseline second.
func tokenLoops() ([]loop, error) {
	k7, err7 := sts.NewKey(sts.EA07, []byte("8 bytes."))
	k11, err11 := sts.NewKey(sts.EA11, []byte("these are 16 b.."))
	vk2, err2 := sts.NewVendingKey([]byte("8 bytes!"))
	vk4, err4 := sts.NewVendingKey([]byte("20 bytes of no worth"))
	pan, errPAN := sts.ParseNumber("04140001001")
	block, errDES := des.NewCipher([]byte("8 bytes."))
	for _, err := range []error{err7, err11, err2, err4, errPAN, errDES} {
		if err != nil {
			return nil, fmt.Errorf("bench token: %w", err)
		}
	}
	facts := sts.Attributes{SGC: "123456", KRN: 1, KT: sts.DUTK, TI: "01", EA: sts.EA07, DKGA: sts.DKGA02, BaseDate: sts.Base2014, PAN: pan}
	facts4 := facts
	facts4.DKGA = sts.DKGA04
	return []loop{
		makeLoop("make", k7),
		{"crypto/des, one block of 8 bytes", func(n int) {
			var b [des.BlockSize]byte
			for range n {
				block.Encrypt(b[:], b[:])
			}
		}},
		readLoop("read", k7), makeLoop("ea11_make", k11), readLoop("ea11_read", k11),
		deriveLoop("derive_dkga02", vk2, facts), deriveLoop("derive_dkga04", vk4, facts4), saleLoop("sale_dkga04", vk4, facts4),
	}, nil
}

// mustMake makes a token from valid inputs.
func mustMake(k sts.Key, c sts.Credit) sts.Token {
	t, err := sts.EncodeCredit(k, c)
	if err != nil {
		panic(err)
	}
	return t
}

// nextTID returns the next TID within 24 bits.
func nextTID(t sts.TID) sts.TID { return (t + 1) & (1<<24 - 1) }

// makeLoop returns a loop that makes tokens and their digits.
func makeLoop(name string, k sts.Key) loop {
	c := sts.Credit{RND: 5, TID: 6_777_094, Amount: 347}
	digits := make([]byte, 0, sts.TokenDigits)
	return loop{name, func(n int) {
		for range n {
			c.TID = nextTID(c.TID)
			digits = mustMake(k, c).AppendReveal(digits[:0])
		}
	}}
}

// readLoop returns a loop that reads tokens from their digits.
func readLoop(name string, k sts.Key) loop {
	digits := mustMake(k, sts.Credit{RND: 5, TID: 6_777_094, Amount: 347}).Reveal()
	return loop{name, func(n int) {
		for range n {
			t, result := sts.ParseToken(digits)
			if result != sts.Accept || sts.Open(k, t).Amount != 347 {
				panic("bench token: a token does not read")
			}
		}
	}}
}

func deriveLoop(name string, vk sts.VendingKey, a sts.Attributes) loop {
	return loop{name, func(n int) {
		for range n {
			if _, err := sts.DeriveKey(vk, a); err != nil {
				panic(err)
			}
		}
	}}
}

// saleLoop does everything that a sale needs from package sts: key, TID, amount, token and digits.
func saleLoop(name string, vk sts.VendingKey, a sts.Attributes) loop {
	now := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	digits := make([]byte, 0, sts.TokenDigits)
	return loop{name, func(n int) {
		for range n {
			k, err := sts.DeriveKey(vk, a)
			if err != nil {
				panic(err)
			}
			tid, err := a.BaseDate.Next(0, now)
			if err != nil {
				panic(err)
			}
			amount, err := sts.EncodeTenths(347)
			if err != nil {
				panic(err)
			}
			digits = mustMake(k, sts.Credit{RND: 5, TID: tid, Amount: amount}).AppendReveal(digits[:0])
		}
	}}
}

// row is one long run in Measured.Others.
type row struct {
	Tokens    int     `json:"tokens"`
	Seconds   float64 `json:"seconds"`
	PerSecond float64 `json:"per_second"`
}

// millionVouchers makes a million tokens of one key in a single call, on this goroutine alone.
func millionVouchers(ea sts.EA) (row, error) {
	const tokens = 1_000_000
	pan, err := sts.ParseNumber("04140001001")
	if err != nil {
		return row{}, fmt.Errorf("bench token: %w", err)
	}
	vk, err := sts.NewVendingKey([]byte("20 bytes of no worth"))
	if err != nil {
		return row{}, fmt.Errorf("bench token: %w", err)
	}
	h, err := sts.Hold(vk, sts.Attributes{SGC: "123456", KRN: 1, KT: sts.DUTK, TI: "01", EA: ea, DKGA: sts.DKGA04, BaseDate: sts.Base2014, PAN: pan}, 255)
	if err != nil {
		return row{}, fmt.Errorf("bench token: %w", err)
	}
	b := sts.Batch{Amounts: make([]sts.Amount, tokens), RND: make([]byte, tokens), Now: time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)}
	for i := range b.Amounts {
		b.Amounts[i], b.RND[i] = sts.Amount(1+i%int(sts.MaxCreditTenths)), byte(i)
	}
	sheet := make([]sts.Token, 0, tokens)
	began := time.Now()
	if sheet, _, err = h.AppendCredits(sheet, b); err != nil || len(sheet) != tokens {
		return row{}, fmt.Errorf("bench token: a row of %d tokens has %d: %w", tokens, len(sheet), err)
	}
	took := time.Since(began).Seconds()
	return row{Tokens: tokens, Seconds: rounded(took), PerSecond: rounded(tokens / took)}, nil
}
