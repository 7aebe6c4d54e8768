package tokenlab

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/paywatt/paywatt/sts"
)

// vector is one test case of a vector file. Every field but the kind is optional. A field that is present is checked.
type vector struct {
	Name          string       `json:"name"`
	Kind          string       `json:"kind"`
	Expect        string       `json:"expect"`
	EA            vectorInt    `json:"ea"`
	DKGA          vectorInt    `json:"dkga"`
	VendingKeyHex string       `json:"vending_key_hex"`
	DecoderKeyHex string       `json:"decoder_key_hex"`
	Meter         *vectorMeter `json:"meter"`
	Class         vectorInt    `json:"token_class"`
	SubClass      vectorInt    `json:"token_subclass"`
	Fields        vectorFields `json:"fields"`
	BlockHex      string       `json:"block_hex"`
	CipherHex     string       `json:"cipher_hex"`
	Token20       vectorText   `json:"token20"`
}

// vectorMeter is a meter of a vector, or its state after a key change.
type vectorMeter struct {
	IIN      vectorText `json:"iin"`
	DRN      vectorText `json:"drn"`
	PAN      vectorText `json:"pan"`
	SGC      vectorText `json:"sgc"`
	TI       vectorText `json:"ti"`
	KRN      vectorInt  `json:"krn"`
	KT       vectorInt  `json:"kt"`
	KEN      vectorInt  `json:"ken"`
	BaseDate vectorInt  `json:"base_date"`
}

// vectorFields are the fields of all kinds. Fields called input_* hold values as a person would enter them, before they are encoded in a
// token's block.
type vectorFields struct {
	// These fields are for tokens with a TID.
	TID      vectorInt `json:"tid"`
	TIDTime  string    `json:"tid_time"`
	IssuedAt string    `json:"issued_at"`
	RND      vectorInt `json:"rnd"`
	CRC      string    `json:"crc"`
	Value16  vectorInt `json:"value16"`
	Watts    vectorInt `json:"watts"`
	Register vectorInt `json:"register"`
	ExtIndex vectorInt `json:"ext_index"`
	ExtValue vectorInt `json:"ext_value10"`

	AmountRaw    vectorInt `json:"amount_raw"`
	AmountTenths vectorInt `json:"amount_tenths"`
	InputTenths  vectorInt `json:"input_tenths"`
	InputWatts   vectorInt `json:"input_watts"`

	// These fields are for tokens with an amount of currency.
	Amount1e5   vectorInt  `json:"amount_1e5"`
	AmountRaw20 vectorInt  `json:"amount_raw20"`
	Input1e5    vectorInt  `json:"input_amount_1e5"`
	InputBase   vectorText `json:"input_amount_base_units"`
	Decoded1e5  vectorInt  `json:"decoded_1e5"`
	Raw20       vectorInt  `json:"raw20"`

	// These fields are for tokens of class 1.
	Control36    string    `json:"control36"`
	Control28    string    `json:"control28"`
	MfrCode      vectorInt `json:"mfr_code"`
	MeterMfrCode vectorInt `json:"meter_mfr_code"`
	TokenMfrCode vectorInt `json:"token_mfr_code"`

	// These fields are for key changes.
	KENHO         vectorInt    `json:"kenho"`
	KENLO         vectorInt    `json:"kenlo"`
	KRN           vectorInt    `json:"krn"`
	KT            vectorInt    `json:"kt"`
	RO            vectorInt    `json:"ro"`
	KCT3          vectorInt    `json:"kct3"`
	TI            vectorInt    `json:"ti"`
	NKHO          string       `json:"nkho"`
	NKLO          string       `json:"nklo"`
	NKMO1         string       `json:"nkmo1"`
	NKMO2         string       `json:"nkmo2_or_rest"`
	SGCLow        vectorInt    `json:"sgclo_or_sgc_msb12"`
	SGCHigh       vectorInt    `json:"sgcho"`
	NewKeyHex     string       `json:"new_decoder_key_hex"`
	NewVendingHex string       `json:"new_vending_key_hex"`
	NewMeter      *vectorMeter `json:"new_meter"`

	// These fields are for sequences of tokens.
	ManufactureTID vectorInt    `json:"manufacture_tid"`
	StoreSize      vectorInt    `json:"tid_store_size"`
	Steps          []vectorStep `json:"steps"`

	// These fields are for the small kinds of vectors.
	Class      vectorInt  `json:"class"`
	BlockNoCRC string     `json:"block_without_crc_hex"`
	CRCInput   string     `json:"crc_input_hex"`
	KeyHex     string     `json:"key_hex"`
	PlainHex   string     `json:"plain_hex"`
	CipherHex  string     `json:"cipher_hex"`
	SubkeysHex string     `json:"expanded_k_prime_hex"`
	BaseDate   vectorInt  `json:"base_date"`
	Time       string     `json:"time"`
	Body       vectorText `json:"body"`
	CheckDigit vectorText `json:"check_digit"`
	DRN        vectorText `json:"drn"`
	PAN        vectorText `json:"pan"`
	Units      vectorInt  `json:"units"`
	Decoded    vectorInt  `json:"decoded"`
	Raw16      vectorInt  `json:"raw16"`
}

// vectorStep is one token entered at a meter.
type vectorStep struct {
	Token20 vectorText `json:"token20"`
	TID     vectorInt  `json:"tid"`
	Expect  string     `json:"expect"`
}

// vectorInt is a whole number of any size, written as a number or as a string. Absent and null mean no number.
type vectorInt struct{ v *big.Int }

// UnmarshalJSON reads the number.
func (n *vectorInt) UnmarshalJSON(b []byte) error {
	s := strings.Trim(string(b), `"`)
	if s == "null" || s == "" {
		return nil
	}
	v, ok := new(big.Int).SetString(s, 10)
	if !ok {
		return fmt.Errorf("%s is not a whole number", b)
	}
	n.v = v
	return nil
}

func wholeNumber(n uint64) vectorInt { return vectorInt{new(big.Int).SetUint64(n)} }

func (n vectorInt) given() bool { return n.v != nil }

// int returns the number, or 0 if there is none. It returns -1 if the number does not fit into 64 bits.
// Only a currency amount may need more than 64 bits. In no field is -1 a valid number.
func (n vectorInt) int() int64 {
	switch {
	case n.v == nil:
		return 0
	case !n.v.IsInt64():
		return -1
	}
	return n.v.Int64()
}

// within returns the number if it has at most this many bits.
func (n vectorInt) within(name string, bits int) (uint64, error) {
	if n.v != nil && (n.v.Sign() < 0 || n.v.BitLen() > bits) {
		return 0, fmt.Errorf("%s %s does not fit in %d bits", name, n.v, bits)
	}
	return uint64(n.int()), nil
}

// vectorText is a text that may be written as a number, such as a meter number.
type vectorText string

// UnmarshalJSON reads the text.
func (t *vectorText) UnmarshalJSON(b []byte) error {
	if b[0] == '"' || string(b) == "null" {
		return json.Unmarshal(b, (*string)(t))
	}
	*t = vectorText(b)
	return nil
}

// padded adds the leading zeros that a number loses.
func (t vectorText) padded(n int) string {
	if t == "" || len(t) >= n {
		return string(t)
	}
	return strings.Repeat("0", n-len(t)) + string(t)
}

// key returns the decoder key: it is derived, or given, or both, which must then agree. The error is errNoKey if the vector has none.
func (v *vector) key() (sts.Key, error) {
	return vectorKey(v.DecoderKeyHex, v.VendingKeyHex, v.Meter, v.EA, v.DKGA)
}

var errNoKey = errors.New("no key")

func vectorKey(decoder, vending string, m *vectorMeter, ea, dkga vectorInt) (sts.Key, error) {
	var given, derived sts.Key
	var err error
	if decoder != "" {
		if given, err = givenKey(decoder, ea); err != nil {
			return sts.Key{}, err
		}
	}
	if vending == "" || m == nil || !dkga.given() {
		if decoder == "" {
			return sts.Key{}, errNoKey
		}
		return given, nil
	}
	if derived, err = derivedKey(vending, m, ea, dkga); err != nil {
		return sts.Key{}, err
	}
	if decoder != "" && !derived.Equal(given) {
		return sts.Key{}, errors.New("the derived key is not decoder_key_hex")
	}
	return derived, nil
}

func givenKey(digits string, ea vectorInt) (sts.Key, error) {
	b, err := hex.DecodeString(digits)
	if err != nil {
		return sts.Key{}, fmt.Errorf("decoder key: %w", err)
	}
	a := sts.EA(ea.int())
	if !ea.given() {
		a = sts.EA07
		if len(b) == sts.EA11.KeySize() {
			a = sts.EA11
		}
	}
	return sts.NewKey(a, b)
}

func derivedKey(vending string, m *vectorMeter, ea, dkga vectorInt) (sts.Key, error) {
	b, err := hex.DecodeString(vending)
	if err != nil {
		return sts.Key{}, fmt.Errorf("vending key: %w", err)
	}
	vk, err := sts.NewVendingKey(b)
	if err != nil {
		return sts.Key{}, err
	}
	a, err := m.attributes()
	if err != nil {
		return sts.Key{}, err
	}
	a.EA, a.DKGA = sts.EA07, sts.DKGA(dkga.int())
	if ea.given() {
		a.EA = sts.EA(ea.int())
	}
	return sts.DeriveKey(vk, a)
}

func (m *vectorMeter) attributes() (sts.Attributes, error) {
	pan, err := m.number()
	if err != nil {
		return sts.Attributes{}, err
	}
	for _, f := range []struct {
		name string
		n    vectorInt
		max  int64
	}{{"krn", m.KRN, 9}, {"kt", m.KT, 3}, {"ken", m.KEN, 255}} {
		if f.n.int() < 0 || f.n.int() > f.max {
			return sts.Attributes{}, fmt.Errorf("meter: %s is %s", f.name, f.n.v)
		}
	}
	base := sts.BaseDate(m.BaseDate.int())
	if m.BaseDate.given() && !base.Valid() {
		return sts.Attributes{}, fmt.Errorf("meter: base_date is %s", m.BaseDate.v)
	}
	return sts.Attributes{SGC: m.SGC.padded(6), KRN: uint8(m.KRN.int()), KT: sts.KeyType(m.KT.int()), TI: m.TI.padded(2),
		BaseDate: base, PAN: pan}, nil
}

// number returns the PAN of the meter, from its number, its PAN or both, which must agree.
func (m *vectorMeter) number() (sts.PAN, error) {
	if m.DRN == "" {
		return sts.ParsePAN(string(m.PAN))
	}
	p, err := sts.ParseNumber(string(m.DRN))
	switch {
	case err != nil:
		return p, err
	case m.PAN != "" && p.String() != string(m.PAN):
		return p, fmt.Errorf("meter: number %s gives PAN %s, not %s", m.DRN, p, m.PAN)
	case m.IIN != "" && p.Issuer() != string(m.IIN):
		return p, fmt.Errorf("meter: number %s has issuer %s, not %s", m.DRN, p.Issuer(), m.IIN)
	}
	return p, nil
}

// ken returns the meter's key expiry number, by default a number that never expires.
func (v *vector) ken() uint8 {
	if v.Meter == nil || !v.Meter.KEN.given() {
		return 255
	}
	return uint8(v.Meter.KEN.int())
}

// vectorTime parses the forms of times in vectors; they have no time zone.
func vectorTime(s string) (time.Time, error) {
	for _, layout := range []string{"2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02T15:04:05", time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("time %q", s)
}
