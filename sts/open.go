package sts

// Opened is the contents of a token, in the fields of IEC 62055-41. It holds no key material and no digits, so it may
// be recorded. It is a plain, comparable value without pointers. For a token that does not open, only Result and Class
// are set, and SubClass if the result is [FunctionError].
type Opened struct {
	// Result is Accept if the token opens, otherwise the reason. It is not yet the answer of a meter, see [Open].
	Result   Result
	Class    uint8 // 0 credit, 1 test, 2 management, 3 reserved
	SubClass uint8 // the purpose of the token, see the constants of each class
	// Section is the section of a key change, 1 to 4; 0 for other tokens. Its contents come from [OpenSection].
	Section uint8
	// HasTID reports whether the token carries a TID: all credit, and management other than a key change.
	HasTID bool
	TID    TID   // minute of issue
	RND    uint8 // 4 random bits; 0 in currency credit
	// Amount is the amount of unit credit, in tenths of a unit.
	Amount Amount
	// Currency is the amount of currency credit, in 0.00001 of the base currency unit.
	Currency CurrencyAmount
	// Value is the value of a management token; power limits are an [Amount] in watts.
	Value uint16
	// Control and MfrCode belong to a test or display token.
	Control uint64 // bit n-1 asks for test n, see [TestName]
	MfrCode uint16 // 0 for every meter
}

// Open reads a token with the key of a meter (every step of STS 531-1, backwards). It checks only the bits of the token.
// The result is [CRCError] for a wrong key or digit. It is [FunctionError] for class 3 and for sub-classes that the
// standard leaves undefined. Otherwise it is [Accept]. The meter itself must check lock-out, service, default key, key
// expiry ([TID.Expired]), [TIDStore], limits and manufacturer code. Tokens of class 1 open with any key; the zero Key
// opens only these.
func Open(k Key, t Token) Opened {
	o, _ := open(&k, t)
	return o
}

// RevealBlock returns the decrypted 64-bit block of a token (CTSA01), including the check field, for tools that show
// how a token is made. The block of a key change holds a part of the new key. The result is that of [Open]; the block
// is 0 if the check field does not match.
func RevealBlock(k Key, t Token) (uint64, Result) {
	o, block := open(&k, t)
	return block, o.Result
}

func open(k *Key, t Token) (Opened, uint64) {
	o := Opened{Class: t.Class()}
	if o.Class > classManagement {
		o.Result = FunctionError
		return o, 0
	}
	block := t.cipher()
	if o.Class != classTest {
		if k.ea == 0 {
			o.Result = CRCError
			return o, 0
		}
		block = k.decrypt(block)
	}
	if CheckField(o.Class, block) != uint16(block) {
		o.Result = CRCError
		return o, 0
	}
	o.SubClass = uint8(block >> subClassShift)
	switch o.Class {
	case classCredit:
		o.credit(block)
	case classTest:
		o.test(block)
	default:
		o.management(block, k.ea)
	}
	return o, block
}

func (o *Opened) credit(block uint64) {
	if o.SubClass > CurrencyTime {
		o.Result = FunctionError
		return
	}
	o.stamped(block)
	if isCurrency(o.SubClass) {
		o.Currency = CurrencyAmount(o.RND)<<currencyHigh | CurrencyAmount(o.Value)
		o.RND = 0
	} else {
		o.Amount = Amount(o.Value)
	}
	o.Value = 0
}

func (o *Opened) management(block uint64, ea EA) {
	o.Section = section(ea, o.SubClass)
	switch {
	case o.Section != 0:
		o.Result = Accept
	case hasValue(o.SubClass):
		o.stamped(block)
	default:
		o.Result = FunctionError
	}
}

func (o *Opened) test(block uint64) {
	switch o.SubClass {
	case TestShort, ExtendedRead:
		o.Control, o.MfrCode = block>>control36Shift&(1<<36-1), uint16(block>>valueShift)&0xff
	case TestLong:
		o.Control, o.MfrCode = block>>control28Shift&(1<<28-1), uint16(block>>valueShift)
	default:
		o.Result = FunctionError
		return
	}
	o.Result = Accept
}

// stamped reads the fields of a token that carries a TID.
func (o *Opened) stamped(block uint64) {
	o.Result, o.HasTID = Accept, true
	o.TID = TID(block>>tidShift) & MaxTID
	o.RND = uint8(block>>rndShift) & maxRND
	o.Value = uint16(block >> valueShift)
}
