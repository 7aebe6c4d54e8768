package sts

import (
	"encoding/hex"
	"math/bits"
	"strconv"
	"testing"
)

// This file walks through one token step by step, with all intermediate values. The file belongs to the package
// itself, because it uses steps that the package does not export.

func hexOf(t *testing.T, digits string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(digits, 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func wantHex(t *testing.T, what string, got uint64, want string) {
	t.Helper()
	if got != hexOf(t, want) {
		t.Errorf("%s = %016x, want %s", what, got, want)
	}
}

func workedAttributes(t *testing.T) Attributes {
	t.Helper()
	pan, err := ParsePAN("600727000000000009")
	if err != nil {
		t.Fatal(err)
	}
	return Attributes{SGC: "123456", KRN: 1, KT: DUTK, TI: "01", EA: EA07, DKGA: DKGA02, BaseDate: Base1993, PAN: pan}
}

func TestWorkedExampleOfDKGA02(t *testing.T) {
	a := workedAttributes(t)
	vk := hexOf(t, "abababababababab")
	wantHex(t, "PAN block", panBlock(&a), "0072700000000000")
	wantHex(t, "control block", controlBlock(&a), "2123456011ffffff")
	x := panBlock(&a) ^ controlBlock(&a)
	wantHex(t, "X", x, "2151356011ffffff")
	wantHex(t, "DES(VK, X)", desEncrypt(vk, x), "6ca9aad4270fa73b")
	wantHex(t, "decoder key", derive02(vk, &a), "e653341f9d5bf36f")
}

func TestWorkedExampleOfEA07(t *testing.T) {
	key := hexOf(t, "e653341f9d5bf36f")
	const tid, tenths, rnd = 5871715, 1, 5
	wantHex(t, "TID", tid, "599863")
	block := valueBlock(CreditElectricity, rnd, tid, tenths)
	check := Checksum([]byte{0x00, 0x05, 0x59, 0x98, 0x63, 0x00, 0x01})
	wantHex(t, "CRC", uint64(check), "19e6")
	wantHex(t, "CRC of the block", uint64(CheckField(classCredit, block)), "19e6")
	block |= uint64(check)
	wantHex(t, "block", block, "05599863000119e6")

	k := bits.RotateLeft64(^key, -12)
	wantHex(t, "first round key", k, "c9019accbe062a40")
	x := block
	for round := 1; round <= 16; round++ {
		x = staRun(&staSubstitutePermute, k, x, 1, 1)
		switch round {
		case 1:
			wantHex(t, "round 1 after S", unpermute(x), "c6305b1dcceaa562")
			wantHex(t, "round 1 after P", x, "ad6f3656c623a094")
		case 2:
			wantHex(t, "round 2 after S", unpermute(x), "982b9261417dfe5c")
			wantHex(t, "round 2 after P", x, "f52cdb608d4e1f60")
		case 16:
			wantHex(t, "round 16 key", k, "cd665f0315206480")
			wantHex(t, "round 16 after S", unpermute(x), "b49552a0a961172c")
			wantHex(t, "round 16 after P", x, "492083c0ae7ce455")
		}
		k = bits.RotateLeft64(k, 1)
	}
	wantHex(t, "encrypted at once", staEncrypt(key, block), "492083c0ae7ce455")
	wantHex(t, "decrypted", staDecrypt(key, x), "05599863000119e6")
	if got, want := newToken(classCredit, x).Reveal(), "23716100501183194197"; got != want {
		t.Errorf("token = %s, want %s", got, want)
	}
}

func TestWorkedExampleOfDKGA04(t *testing.T) {
	a := workedAttributes(t)
	a.SGC, a.DKGA, a.BaseDate = "201457", DKGA04, Base2014
	vk, err := hex.DecodeString("abababababababab949494949494949401234567")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		ea                   EA
		message, mac, cipher string
		token                string
	}{
		{EA11, "04023034023134023131023031000406323031343537013201311236303037323730303030303030303030303900000080",
			"929bd3a415c9420a05ec5ee9f3ce91c3ca9002830bf6a61185e64bc9799d7e63", "2d98a5617b45be2e", "58625789986991357486"},
		{EA07, "04023034023134023037023031000406323031343537013201311236303037323730303030303030303030303900000040",
			"87f3ecbb2e46b48f", "d431f4b09e0e9f62", "70630503470028726114"},
	} {
		a.EA = c.ea
		m := message04(&a)
		if got := hex.EncodeToString(m[:]); got != c.message {
			t.Errorf("EA%s: message %s, want %s", c.ea, got, c.message)
		}
		mac := derive04(vk, &a)
		if got := hex.EncodeToString(mac[:len(c.mac)/2]); got != c.mac {
			t.Errorf("EA%s: HMAC %s, want %s", c.ea, got, c.mac)
		}
		k, err := NewKey(c.ea, mac[:c.ea.KeySize()])
		if err != nil {
			t.Fatal(err)
		}
		wantHex(t, "cipher", k.Encrypt(hexOf(t, "05014eec00013188")), c.cipher)
		token, err := EncodeCredit(k, Credit{RND: 5, TID: 85740, Amount: 1})
		if err != nil || token.Reveal() != c.token {
			t.Errorf("EA%s: token %s, %v, want %s", c.ea, token.Reveal(), err, c.token)
		}
	}
}

// unpermute undoes the permutation that ends a round.
func unpermute(x uint64) uint64 {
	var out uint64
	for n := range 16 {
		out ^= staInversePermute[n][x>>(4*n)&15]
	}
	return out
}
