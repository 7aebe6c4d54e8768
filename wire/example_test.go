package wire_test

import (
	"fmt"

	"github.com/paywatt/paywatt/wire"
)

// A server reads a payload that a meter published. The second record is bad; its number can be read, so the record
// goes to quarantine and does not hold up the meter.
func ExampleDecodeUp() {
	payload := []byte(`[
		{"seq":7,"at":1795161600,"up":1200,"clock":"valid","register_wh":120433,"balance_wh":8120,"relay":"closed"},
		{"seq":8,"at":1795163400,"up":1201,"clock":"valid","register_wh":"much","balance_wh":8000,"relay":"closed"}
	]`)
	number, _, leaf, _ := wire.ParseTopic("m/04140001001/up/reading")
	good, bad, err := wire.DecodeUp(wire.Kind(leaf), payload)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range good {
		fmt.Println(number, r.Head.Seq, r.Reading.RegisterWh)
	}
	for _, b := range bad {
		fmt.Println(number, b.Seq, b.HasSeq, b.Reason)
	}
	// Output:
	// 04140001001 7 120433
	// 04140001001 8 true register_wh: not a whole number of 64 bits
}

// A server signs a command; the meter checks the signature before it reads the body.
func ExampleSign() {
	key, err := wire.ParseLinkKey("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")
	if err != nil {
		fmt.Println(err)
		return
	}
	topic := wire.DownTopic("04140001001", wire.DownCommand)
	body, err := wire.EncodeBody(wire.Command{
		SignedHeader: wire.SignedHeader{ID: "cmd_01", Counter: 17, ExpiresAt: 1795165200}, Type: "disconnect",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	message, err := wire.Sign(wire.JSON, key, topic, body)
	if err != nil {
		fmt.Println(err)
		return
	}

	opened, err := wire.Open(key, topic, message)
	if err != nil {
		fmt.Println(err)
		return
	}
	command, err := wire.DecodeBody[wire.Command](opened)
	fmt.Println(command.ID, command.Counter, command.Type, err)
	_, err = wire.Open(key, wire.DownTopic("04140001019", wire.DownCommand), message)
	fmt.Println(err)
	// Output:
	// cmd_01 17 disconnect <nil>
	// message to the meter is not authentic
}
