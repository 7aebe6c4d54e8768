package sts_test

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/paywatt/paywatt/sts"
)

func ExampleLuhn() {
	digit, err := sts.Luhn("1234567890")
	fmt.Println(string(digit), err)
	_, err = sts.Luhn("12x")
	fmt.Println(err)
	// Output:
	// 3 <nil>
	// sts: check digit of "12x": not digits: not a meter number
}

func ExampleParsePAN() {
	pan, err := sts.ParsePAN("6007 2712 3456 7890 30")
	fmt.Println(pan, err)
	_, err = sts.ParsePAN("600727123456789031")
	fmt.Println(err)
	// Output:
	// 600727123456789030 <nil>
	// sts: PAN "600727123456789031": check digit does not fit
}

func ExamplePAN() {
	for _, number := range []string{"12345678903", "0100000000008"} {
		pan, err := sts.ParseNumber(number)
		fmt.Println(pan, pan.Issuer(), pan.Number(), err)
	}
	// Output:
	// 600727123456789030 600727 12345678903 <nil>
	// 000001000000000082 0000 0100000000008 <nil>
}

func ExamplePAN_UnmarshalText() {
	var meter struct{ PAN sts.PAN }
	err := json.Unmarshal([]byte(`{"PAN":"600727123456789030"}`), &meter)
	b, _ := json.Marshal(meter)
	fmt.Println(meter.PAN.Number(), err, string(b))
	// Output: 12345678903 <nil> {"PAN":"600727123456789030"}
}

// The example of sts.org.za: class 0, sub-class 0, RND 5, a TID and 1,000.0 units.
func ExampleChecksum() {
	fmt.Printf("%04x\n", sts.Checksum([]byte{0x00, 0x05, 0xc0, 0x2a, 0x55, 0x27, 0x10}))
	// Output: 1970
}

func ExampleCheckField() {
	fmt.Printf("%04x\n", sts.CheckField(0, 0x05c02a5527100000)) // credit in units
	fmt.Printf("%04x\n", sts.CheckField(0, 0x4052b13960aa0000)) // credit in currency
	// Output:
	// 1970
	// c385
}

func ExampleParseBaseDate() {
	for _, s := range []string{"2014", "93", "2020"} {
		b, err := sts.ParseBaseDate(s)
		fmt.Println(b, b.Valid(), err)
	}
	// Output:
	// 2014 true <nil>
	// 1993 true <nil>
	// 0000 false sts: base date "2020": unsupported
}

func ExampleBaseDate_TIDAt() {
	at := time.Date(2014, 3, 1, 13, 0, 0, 0, time.UTC)
	fmt.Println(sts.Base2014.TIDAt(at))
	_, err := sts.Base1993.TIDAt(time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC))
	fmt.Println(err)
	// Output:
	// 85740 <nil>
	// sts: 2026-11-20 08:00 with base date 1993: outside the range of the base date
}

func ExampleBaseDate_Time() {
	fmt.Println(sts.Base2014.Time(85_740))
	// Output: 2014-03-01 13:00:00 +0000 UTC
}

func ExampleBaseDate_End() {
	fmt.Println(sts.Base2014.End())
	// Output: 2045-11-24 20:15:00 +0000 UTC
}

func ExampleBaseDate_Successor() {
	fmt.Println(sts.Base1993.Successor())
	fmt.Println(sts.Base2035.Successor())
	// Output:
	// 2014 true
	// 0000 false
}

func ExampleBaseDate_Expiry() {
	fmt.Println(sts.Base2014.Expiry(104))
	_, expires := sts.Base2014.Expiry(255)
	fmt.Println(expires)
	// Output:
	// 2027-01-31 16:00:00 +0000 UTC true
	// false
}

func ExampleTID_Expired() {
	tid, _ := sts.Base2014.TIDAt(time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC))
	fmt.Println(tid>>16, tid.Expired(103), tid.Expired(102), tid.Expired(255))
	// Output: 103 false true false
}

func ExampleTIDStore() {
	var store sts.TIDStore
	store.Fill(1000) // the minute of manufacture
	for _, tid := range []sts.TID{2000, 1500, 2000, 999} {
		result := store.Check(tid)
		if result == sts.Accept {
			store.Add(tid)
		}
		fmt.Println(tid, result)
	}
	// Output:
	// 2000 accept
	// 1500 accept
	// 2000 used_error
	// 999 old_error
}

func ExampleTIDStore_Fill() {
	var store sts.TIDStore
	store.Add(2000)
	store.Fill(0) // a key change with rollover
	fmt.Println(store.Check(2000), store.Check(1))
	// Output: accept accept
}

// A meter reads its memory back.
func ExampleNewTIDStore() {
	var store sts.TIDStore
	store.Add(2000)
	again := sts.NewTIDStore(store.TIDs())
	fmt.Println(again == store)
	// Output: true
}

func ExampleParseToken() {
	for _, s := range []string{"2371 6100-5011 8319 4197", "2371 6100", "99999999999999999999"} {
		token, result := sts.ParseToken(s)
		fmt.Println(result, token.Class())
	}
	// Output:
	// accept 0
	// format_error 0
	// format_error 0
}

func ExampleToken() {
	token, _ := sts.ParseToken("23716100501183194197")
	b, _ := json.Marshal(token)
	fmt.Printf("%v %d %s\n", token, token, b)
	// Output: 2371 **** **** **** 4197 2371 **** **** **** 4197 "2371 **** **** **** 4197"
}

func ExampleToken_Reveal() {
	token, _ := sts.ParseToken("2371 6100 5011 8319 4197")
	fmt.Println(token.Reveal())
	// Output: 23716100501183194197
}

func ExampleToken_RevealGrouped() {
	token, _ := sts.ParseToken("23716100501183194197")
	fmt.Println(token.RevealGrouped())
	// Output: 2371 6100 5011 8319 4197
}

func ExampleToken_AppendReveal() {
	token, _ := sts.ParseToken("23716100501183194197")
	line := []byte("*02#")
	fmt.Println(string(token.AppendReveal(line)))
	// Output: *02#23716100501183194197
}

func ExampleResult() {
	fmt.Println(sts.Accept, sts.KCT1st, sts.UsedError, sts.Result(0))
	// Output: accept kct_1st used_error none
}

func ExampleResult_Status() {
	fmt.Println(sts.CRCError.Status())
	fmt.Println(sts.StorageError.Status()) // ours: no meter shows it
	// Output:
	// 13 true
	// 17 false
}

func ExampleParseResult() {
	fmt.Println(sts.ParseResult("used_error"))
	fmt.Println(sts.ParseResult("no_such_thing"))
	// Output:
	// used_error true
	// none false
}
