package main

import (
	"crypto/des"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/sts"
)

// Parts of the benches of loops.
const (
	// defaultLoopSeconds is how long each loop is measured.
	defaultLoopSeconds = 1
	maxLoopSeconds     = 20
)

func newBenchToken(c console) *cobra.Command {
	var seconds int
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Credit tokens made a second on one core, against DES of the standard library",
		Long: "Makes whole EA07 credit tokens with a known key (check field, encryption, transposition, 20 digits) on one core.\n" +
			"The baseline is one block of crypto/des: a cipher of the same block size, key size and number of rounds that no\n" +
			"processor has instructions for, so the ratio means the same on every machine. Under others: reading, EA11, key\n" +
			"derivation and a whole sale's token, in nanoseconds and allocations, and a row of a million vouchers on one core.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			loops, err := tokenLoops()
			if err != nil {
				return err
			}
			each, err := loopTime(seconds)
			if err != nil {
				return err
			}
			f, err := measureLoops(cmd.Context(), each, loops...)
			if err != nil {
				return err
			}
			r, cpu, baseCPU := resultOf("token", "tokens a second", loops, f)
			for _, ea := range []sts.EA{sts.EA07, sts.EA11} {
				if r.Others["million_vouchers_ea"+ea.String()], err = millionVouchers(ea); err != nil {
					return err
				}
			}
			return r.write(c, cpu, baseCPU)
		},
	}
	cmd.Flags().IntVar(&seconds, "seconds", defaultLoopSeconds, "how long each loop is measured")
	return cmd
}

// loopTime is the option --seconds.
func loopTime(seconds int) (time.Duration, error) {
	if seconds < 1 || seconds > maxLoopSeconds {
		return 0, &failure{code: exitUsage, what: fmt.Sprintf("--seconds is %d.", seconds), not: "Nothing was measured.",
			try: fmt.Sprintf("Give 1 to %d.", maxLoopSeconds)}
	}
	return time.Duration(seconds) * time.Second, nil
}

// tokenLoops are what is measured, the baseline second.
func tokenLoops() ([]benchLoop, error) {
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
	return []benchLoop{
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

// mustMake makes a token from inputs that cannot be refused.
func mustMake(k sts.Key, c sts.Credit) sts.Token {
	t, err := sts.EncodeCredit(k, c)
	if err != nil {
		panic(err)
	}
	return t
}

// nextTID counts within the 24 bits of a TID.
func nextTID(t sts.TID) sts.TID { return (t + 1) & (1<<24 - 1) }

// makeLoop makes tokens as far as their digits.
func makeLoop(name string, k sts.Key) benchLoop {
	c := sts.Credit{RND: 5, TID: 6_777_094, Amount: 347}
	digits := make([]byte, 0, sts.TokenDigits)
	return benchLoop{name, func(n int) {
		for range n {
			c.TID = nextTID(c.TID)
			digits = mustMake(k, c).AppendReveal(digits[:0])
		}
	}}
}

// readLoop reads tokens from their digits.
func readLoop(name string, k sts.Key) benchLoop {
	digits := mustMake(k, sts.Credit{RND: 5, TID: 6_777_094, Amount: 347}).Reveal()
	return benchLoop{name, func(n int) {
		for range n {
			t, result := sts.ParseToken(digits)
			if result != sts.Accept || sts.Open(k, t).Amount != 347 {
				panic("bench token: a token does not read")
			}
		}
	}}
}

func deriveLoop(name string, vk sts.VendingKey, a sts.Attributes) benchLoop {
	return benchLoop{name, func(n int) {
		for range n {
			if _, err := sts.DeriveKey(vk, a); err != nil {
				panic(err)
			}
		}
	}}
}

// saleLoop does all that a sale needs of this library: the key, the TID, the amount, the token, the digits.
func saleLoop(name string, vk sts.VendingKey, a sts.Attributes) benchLoop {
	now := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	digits := make([]byte, 0, sts.TokenDigits)
	return benchLoop{name, func(n int) {
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

// benchRow is one long run under others.
type benchRow struct {
	Tokens    int     `json:"tokens"`
	Seconds   float64 `json:"seconds"`
	PerSecond float64 `json:"per_second"`
}

// millionVouchers makes a million tokens of one key in a single call, on this goroutine alone.
func millionVouchers(ea sts.EA) (benchRow, error) {
	const tokens = 1_000_000
	pan, err := sts.ParseNumber("04140001001")
	if err != nil {
		return benchRow{}, fmt.Errorf("bench token: %w", err)
	}
	vk, err := sts.NewVendingKey([]byte("20 bytes of no worth"))
	if err != nil {
		return benchRow{}, fmt.Errorf("bench token: %w", err)
	}
	h, err := sts.Hold(vk, sts.Attributes{SGC: "123456", KRN: 1, KT: sts.DUTK, TI: "01", EA: ea, DKGA: sts.DKGA04, BaseDate: sts.Base2014, PAN: pan}, 255)
	if err != nil {
		return benchRow{}, fmt.Errorf("bench token: %w", err)
	}
	b := sts.Batch{Amounts: make([]sts.Amount, tokens), RND: make([]byte, tokens), Now: time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)}
	for i := range b.Amounts {
		b.Amounts[i], b.RND[i] = sts.Amount(1+i%int(sts.MaxCreditTenths)), byte(i)
	}
	sheet := make([]sts.Token, 0, tokens)
	began := time.Now()
	if sheet, _, err = h.AppendCredits(sheet, b); err != nil || len(sheet) != tokens {
		return benchRow{}, fmt.Errorf("bench token: a row of %d tokens has %d: %w", tokens, len(sheet), err)
	}
	took := time.Since(began).Seconds()
	return benchRow{Tokens: tokens, Seconds: rounded(took), PerSecond: rounded(tokens / took)}, nil
}
