package sts_test

import (
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/paywatt/paywatt/sts"
)

// The first step of STS 531-1-0-02: 0.1 kWh.
func ExampleEncodeCredit() {
	token, err := sts.EncodeCredit(exampleKey(), sts.Credit{SubClass: sts.CreditElectricity, RND: 5, TID: 5_871_715, Amount: 1})
	fmt.Println(token.RevealGrouped(), err)
	_, err = sts.EncodeCredit(exampleKey(), sts.Credit{RND: 16})
	fmt.Println(errors.Is(err, sts.ErrField))
	// Output:
	// 2371 6100 5011 8319 4197 <nil>
	// true
}

func ExampleEncodeCurrencyCredit() {
	amount, err := sts.EncodeCurrency(big.NewInt(12_50000)) // 12.50
	if err != nil {
		panic(err)
	}
	token, err := sts.EncodeCurrencyCredit(exampleKey(), sts.CurrencyCredit{SubClass: sts.CurrencyElectricity, TID: 5_871_715, Amount: amount})
	if err != nil {
		panic(err)
	}
	o := sts.Open(exampleKey(), token)
	fmt.Println(o.Kind(), o.Currency.Value())
	// Output: electricity currency credit 1250024
}

func ExampleEncodeManagement() {
	limit, err := sts.EncodeTenths(5000) // watts
	if err != nil {
		panic(err)
	}
	token, err := sts.EncodeManagement(exampleKey(), sts.Management{SubClass: sts.ManageMaxPower, RND: 5, TID: 5_871_716, Value: uint16(limit)})
	if err != nil {
		panic(err)
	}
	o := sts.Open(exampleKey(), token)
	fmt.Println(o.Kind(), sts.Amount(o.Value).Tenths(), "W")
	// Output: set maximum power limit 5000 W
}

// The token for all tests, which works on every meter with an 11-digit number.
func ExampleEncodeTest() {
	token, err := sts.EncodeTest(sts.MeterTest{SubClass: sts.TestShort, Control: 1<<36 - 1})
	fmt.Println(token.RevealGrouped(), err)
	// Output: 5649 3153 7254 5031 3471 <nil>
}

func ExampleTestName() {
	o := sts.Open(sts.Key{}, mustToken("18446744073843772416")) // no key is needed
	for n := 1; n <= sts.MaxTest; n++ {
		if o.Control>>(n-1)&1 == 1 {
			fmt.Println(n, sts.TestName(n))
		}
	}
	// Output: 4 show key revision and key type
}

func mustToken(digits string) sts.Token {
	t, result := sts.ParseToken(digits)
	if result != sts.Accept {
		panic(result)
	}
	return t
}

func ExampleRevealBlock() {
	block, result := sts.RevealBlock(exampleKey(), mustToken("23716100501183194197"))
	fmt.Printf("%016x %s\n", block, result)
	// Output: 05599863000119e6 accept
}

// 4,000 kWh need three tokens.
func ExampleAppendSplit() {
	amounts, err := sts.AppendSplit(nil, 40_000)
	for _, a := range amounts {
		fmt.Println(a.Tenths())
	}
	fmt.Println(err)
	// Output:
	// 16383
	// 16383
	// 7234
	// <nil>
}

func ExampleHold() {
	h, err := sts.Hold(exampleVendingKey(), exampleMeter(), 255)
	fmt.Println(h.PAN.Number(), h.KT, h.Key, err)
	// Output: 12345678903 DUTK sts.Key(masked) <nil>
}

func ExampleHolding_MayCredit() {
	h := exampleHolding()
	h.KT = sts.DDTK
	fmt.Println(h.MayCredit(6_777_094))
	h.KT, h.KEN = sts.DUTK, 102
	fmt.Println(h.MayCredit(6_777_094))
	// Output:
	// sts: credit under a DDTK: not allowed with this type of key
	// sts: TID 6777094 under a key with expiry number 102: the key has expired
}

func ExampleHolding_MayManage() {
	h := exampleHolding()
	h.KT = sts.DDTK
	fmt.Println(h.MayManage(6_777_094))
	// Output: <nil>
}

// A sheet of vouchers for one meter. The newest TID must be durable before a token is shown.
func ExampleHolding_AppendCredits() {
	h := exampleHolding()
	tokens, newest, err := h.AppendCredits(nil, sts.Batch{SubClass: sts.CreditElectricity, Amounts: []sts.Amount{100, 100, 250},
		RND: []byte{3, 14, 7}, Last: 6_777_093, Now: time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)})
	if err != nil {
		panic(err)
	}
	for _, token := range tokens {
		o := sts.Open(h.Key, token)
		fmt.Println(h.BaseDate.Time(o.TID).Format("2006-01-02 15:04"), o.Amount.Tenths(), token)
	}
	fmt.Println("keep", newest)
	// Output:
	// 2026-11-20 08:00 100 1650 **** **** **** 8370
	// 2026-11-20 08:01 100 4878 **** **** **** 3150
	// 2026-11-20 08:02 250 3211 **** **** **** 3137
	// keep 6777122
}

// A meter rolls from base date 2014 over to 2035.
func ExampleHolding_ChangeTo() {
	now := exampleHolding()
	next := exampleMeter()
	next.SGC, next.KRN, next.BaseDate = "203557", 6, sts.Base2035
	then, err := sts.Hold(exampleVendingKey(), next, 255)
	if err != nil {
		panic(err)
	}
	set, err := now.ChangeTo(&then, time.Date(2045, 6, 1, 0, 0, 0, 0, time.UTC), false)
	fmt.Println(len(set), "tokens", err)
	first, _ := sts.OpenSection(now.Key, set[0])
	fmt.Println("rollover", first.Rollover())

	_, err = then.ChangeTo(&now, time.Date(2045, 6, 1, 0, 0, 0, 0, time.UTC), false)
	fmt.Println(err)
	// Output:
	// 2 tokens <nil>
	// rollover true
	// sts: key change from base date 2035 back to 2014: outside the range of the base date
}

// This example lists the tokens that may have been meant by somebody who typed this token.
func ExampleSlips() {
	n, swapped := 0, 0
	for s := range sts.Slips(mustToken("23716100501183194197")) {
		n++
		if s.Swapped {
			swapped++
		}
	}
	fmt.Println(n, "tokens,", swapped, "of them with two digits swapped")
	// Output: 195 tokens, 17 of them with two digits swapped
}

// A customer's token does not work.
func ExampleExplain() {
	keys := []sts.Key{exampleHolding().Key, exampleKey()}
	e := sts.Explain("2371 6100 5011 8319 4179", keys, nil)
	fmt.Println(e.Result, "after", e.Tried, "slips:")
	for _, f := range e.Fits {
		fmt.Println("key", f.Key, "swapped", f.Swapped, "at", f.At, f.Opened.Kind(), f.Token)
	}
	// Output:
	// crc_error after 195 slips:
	// key 1 swapped true at 19 electricity credit 2371 **** **** **** 4197
}
