package tokenlab

import (
	"fmt"
	"strconv"
	"time"

	"github.com/paywatt/paywatt/sts"
)

// Key is the key of a meter with the known facts about it.
type Key struct {
	Key      sts.Key
	BaseDate sts.BaseDate
	// Attributes are known only if the key was derived.
	Attributes sts.Attributes
	Derived    bool
}

// View is a token as the commands show it. Fields that the token does not have are empty.
type View struct {
	Token       string  `json:"token,omitempty"`
	Result      string  `json:"result"`
	Status      *uint8  `json:"status,omitempty"`
	Kind        string  `json:"kind,omitempty"`
	Class       *uint8  `json:"class,omitempty"`
	SubClass    *uint8  `json:"subclass,omitempty"`
	TID         *uint32 `json:"tid,omitempty"`
	IssuedAt    string  `json:"issued_at,omitempty"`
	RND         *uint8  `json:"rnd,omitempty"`
	UnitsTenths *int64  `json:"units_tenths,omitempty"`
	Amount1e5   string  `json:"amount_1e5,omitempty"` // currency, in 0.00001 of the base unit
	Value       *uint16 `json:"value,omitempty"`
	Watts       *int64  `json:"watts,omitempty"`
	Control     string  `json:"control,omitempty"` // hexadecimal digits
	MfrCode     *uint16 `json:"mfr_code,omitempty"`
	Section     *uint8  `json:"section,omitempty"` // section of a key change
	Block       string  `json:"block,omitempty"`   // decrypted block in hexadecimal digits
}

// Read returns the contents of a token. It shows the block even of a key-change token, which holds a part of the new key: whoever has the
// token and the current key can compute that part anyway.
func Read(k Key, t sts.Token) View {
	o := sts.Open(k.Key, t)
	v := Outcome(o.Result)
	v.Class = &o.Class
	if o.Result != sts.Accept && o.Result != sts.FunctionError {
		return v
	}
	// Class 3 has no block. The blocks of the other classes hold a check field, so they are never 0.
	if block, _ := sts.RevealBlock(k.Key, t); block != 0 {
		v.SubClass, v.Block = &o.SubClass, fmt.Sprintf("%016x", block)
	}
	if o.Result != sts.Accept {
		return v
	}
	v.Kind = o.Kind()
	if o.HasTID {
		v.TID, v.IssuedAt = new(uint32(o.TID)), k.BaseDate.Time(o.TID).Format(time.RFC3339)
	}
	v.contents(o)
	return v
}

// Outcome returns the view of a token that shows only the result of reading it.
func Outcome(r sts.Result) View {
	v := View{Result: r.String()}
	if status, ok := r.Status(); ok {
		v.Status = &status
	}
	return v
}

// contents fills in the fields that depend on the class.
func (v *View) contents(o sts.Opened) {
	switch {
	case o.Class == 0 && o.SubClass <= sts.CreditTime:
		v.RND, v.UnitsTenths = &o.RND, new(o.Amount.Tenths())
	case o.Class == 0:
		v.Amount1e5 = o.Currency.Value().String()
	case o.Class == 1:
		v.Control, v.MfrCode = strconv.FormatUint(o.Control, 16), &o.MfrCode
	case o.Section != 0:
		v.Section = &o.Section
	default:
		v.RND, v.Value = &o.RND, &o.Value
		if o.SubClass == sts.ManageMaxPower || o.SubClass == sts.ManagePhaseBalance {
			v.Watts = new(sts.Amount(o.Value).Tenths())
		}
	}
}
