package sts_test

import (
	"encoding/hex"
	"fmt"
	"math/big"
	"time"

	"github.com/paywatt/paywatt/sts"
)

// This example sells 25.6 kWh to a meter. The vending key is the public test key; real vending keys live in a
// security module.
func Example() {
	secret, _ := hex.DecodeString("abababababababab949494949494949401234567")
	vending, err := sts.NewVendingKey(secret)
	if err != nil {
		panic(err)
	}
	pan, err := sts.ParseNumber("12345678903") // as printed on the meter
	if err != nil {
		panic(err)
	}
	key, err := sts.DeriveKey(vending, sts.Attributes{SGC: "201457", KRN: 1, KT: sts.DUTK, TI: "01",
		EA: sts.EA07, DKGA: sts.DKGA04, BaseDate: sts.Base2014, PAN: pan})
	if err != nil {
		panic(err)
	}
	lastTID := sts.TID(0) // stored with the key, in the same transaction as the sale
	tid, err := sts.Base2014.Next(lastTID, time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC))
	if err != nil {
		panic(err)
	}
	amount, err := sts.EncodeTenths(256)
	if err != nil {
		panic(err)
	}
	token, err := sts.EncodeCredit(key, sts.Credit{SubClass: sts.CreditElectricity, RND: 5, TID: tid, Amount: amount})
	if err != nil {
		panic(err)
	}
	fmt.Println("in a log: ", token)
	fmt.Println("on paper: ", token.RevealGrouped())
	// Output:
	// in a log:  1118 **** **** **** 0580
	// on paper:  1118 2638 4605 1780 0580
}

// A meter reads a token, checks its own rules, and then its store of TIDs.
func ExampleOpen() {
	secret, _ := hex.DecodeString("e653341f9d5bf36f")
	key, err := sts.NewKey(sts.EA07, secret)
	if err != nil {
		panic(err)
	}
	var store sts.TIDStore
	enter := func(digits string) sts.Result {
		token, result := sts.ParseToken(digits)
		if result != sts.Accept {
			return result
		}
		o := sts.Open(key, token)
		switch {
		case o.Result != sts.Accept:
			return o.Result
		case o.Class != 0 || o.SubClass != sts.CreditElectricity:
			return sts.FunctionError // this meter knows only electricity
		case o.TID.Expired(255):
			return sts.KeyExpiredError
		}
		result = store.Check(o.TID)
		if result == sts.Accept {
			store.Add(o.TID) // durable, together with the credit
			fmt.Println(o.Amount.Tenths(), "tenths of a kWh")
		}
		return result
	}
	fmt.Println(enter("2371 6100 5011 8319 4197"))
	fmt.Println(enter("2371 6100 5011 8319 4197"))
	fmt.Println(enter("2371 6100 5011 8319 4179"))
	fmt.Println(enter("2371 6100"))
	// Output:
	// 1 tenths of a kWh
	// accept
	// used_error
	// crc_error
	// format_error
}

func ExampleEncodeTenths() {
	for _, tenths := range []int64{256, 180_223, 1_818_623} {
		a, err := sts.EncodeTenths(tenths)
		fmt.Println(tenths, "is carried as", a.Tenths(), err)
	}
	_, err := sts.EncodeTenths(sts.MaxTenths + 1)
	fmt.Println(err)
	// Output:
	// 256 is carried as 256 <nil>
	// 180223 is carried as 180224 <nil>
	// 1818623 is carried as 1818624 <nil>
	// sts: amount 18201625: out of range
}

func ExampleEncodeCurrency() {
	for _, v := range []int64{100_000, -100_000} {
		a, err := sts.EncodeCurrency(big.NewInt(v))
		fmt.Println(v, "is carried as", a.Value(), err)
	}
	// Output:
	// 100000 is carried as 100004 <nil>
	// -100000 is carried as -99994 <nil>
}

func ExampleBaseDate_Next() {
	now := time.Date(2026, 7, 29, 0, 1, 0, 0, time.UTC) // the reserved minute of the day
	var last sts.TID
	for range 3 {
		tid, err := sts.Base2014.Next(last, now)
		fmt.Println(sts.Base2014.Time(tid).Format("15:04"), err)
		last = tid
	}
	// Output:
	// 00:02 <nil>
	// 00:03 <nil>
	// 00:04 <nil>
}

func ExampleParseNumber() {
	pan, err := sts.ParseNumber("12345678903")
	fmt.Println(pan, pan.Number(), err)
	_, err = sts.ParseNumber("12345678904")
	fmt.Println(err)
	// Output:
	// 600727123456789030 12345678903 <nil>
	// sts: meter number "12345678904": check digit does not fit
}

func ExampleEncodeKeyChange() {
	b, _ := hex.DecodeString("e653341f9d5bf36f")
	current, err := sts.NewKey(sts.EA07, b)
	if err != nil {
		panic(err)
	}
	b, _ = hex.DecodeString("060b8643c59a27f1")
	next, err := sts.NewKey(sts.EA07, b)
	if err != nil {
		panic(err)
	}
	set, err := sts.EncodeKeyChange(current, sts.KeyChange{Key: next, KEN: 255, KRN: 1, KT: sts.DUTK, TI: "02"})
	fmt.Println(len(set), "tokens", err)

	var sections sts.KeySections // in the meter
	for _, token := range set {
		if s, ok := sts.OpenSection(current, token); ok {
			sections.Add(s)
		}
	}
	change, complete := sections.Complete()
	fmt.Println(complete, change.Key.Equal(next), change.TI)
	fmt.Println(change.Key)
	// Output:
	// 2 tokens <nil>
	// true true 02
	// sts.Key(masked)
}
