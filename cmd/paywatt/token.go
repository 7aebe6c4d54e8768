package main

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/sts"
)

// token makes and reads STS tokens without a server.
func token(c console) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Make, read, explain and check STS tokens, without a server",
	}
	cmd.AddCommand(tokenEncode(c), tokenDecode(c), tokenExplain(c), tokenCheck(c))
	return cmd
}

// tokenView is a token as the commands show it: what stands in it, as far as it has that field.
type tokenView struct {
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
	Control     string  `json:"control,omitempty"` // hex
	MfrCode     *uint16 `json:"mfr_code,omitempty"`
	Section     *uint8  `json:"section,omitempty"` // of a key change
	Block       string  `json:"block,omitempty"`   // clear, hex
}

// viewToken shows what a token says. The block is shown although that of a key change holds a part of the new key:
// whoever has the token and the current key has that part.
func viewToken(k sts.Key, base sts.BaseDate, t sts.Token) tokenView {
	o := sts.Open(k, t)
	v := viewResult(o.Result)
	v.Class = &o.Class
	if o.Result != sts.Accept && o.Result != sts.FunctionError {
		return v
	}
	// Class 3 has no block to show; every other block holds a check field, so it is never 0.
	if block, _ := sts.RevealBlock(k, t); block != 0 {
		v.SubClass, v.Block = &o.SubClass, fmt.Sprintf("%016x", block)
	}
	if o.Result != sts.Accept {
		return v
	}
	v.Kind = o.Kind()
	if o.HasTID {
		tid := uint32(o.TID)
		v.TID, v.IssuedAt = &tid, base.Time(o.TID).Format(time.RFC3339)
	}
	v.contents(o)
	return v
}

func viewResult(r sts.Result) tokenView {
	v := tokenView{Result: r.String()}
	if status, ok := r.Status(); ok {
		v.Status = &status
	}
	return v
}

// contents fills in what depends on the class.
func (v *tokenView) contents(o sts.Opened) {
	switch {
	case o.Class == 0 && o.SubClass <= sts.CreditTime:
		tenths := o.Amount.Tenths()
		v.RND, v.UnitsTenths = &o.RND, &tenths
	case o.Class == 0:
		v.Amount1e5 = o.Currency.Value().String()
	case o.Class == 1:
		v.Control, v.MfrCode = strconv.FormatUint(o.Control, 16), &o.MfrCode
	case o.Section != 0:
		v.Section = &o.Section
	default:
		v.RND, v.Value = &o.RND, &o.Value
		if o.SubClass == sts.ManageMaxPower || o.SubClass == sts.ManagePhaseBalance {
			watts := sts.Amount(o.Value).Tenths()
			v.Watts = &watts
		}
	}
}

// show writes the view in the format that -o names.
func (v tokenView) show(c console, cmd *cobra.Command) error {
	return c.show(cmd, v, fields("token", v.Token, "result", v.Result, "status", decimal(v.Status), "kind", v.Kind,
		"class", decimal(v.Class), "subclass", decimal(v.SubClass), "tid", decimal(v.TID), "issued_at", v.IssuedAt,
		"rnd", decimal(v.RND), "units_tenths", decimal(v.UnitsTenths), "amount_1e5", v.Amount1e5, "value", decimal(v.Value),
		"watts", decimal(v.Watts), "control", v.Control, "mfr_code", decimal(v.MfrCode), "section", decimal(v.Section),
		"block", v.Block))
}

func decimal[T uint8 | uint16 | uint32 | int64](n *T) string {
	if n == nil {
		return ""
	}
	return strconv.FormatInt(int64(*n), 10)
}

func tokenDecode(c console) *cobra.Command {
	var keys keyOptions
	cmd := &cobra.Command{
		Use:   "decode DIGITS",
		Short: "Read a token with the key of its meter",
		Long: "Read a token with the key of its meter. Digits may be grouped with blanks or dashes. Test and display tokens\n" +
			"(class 1) need no key. Nothing is asked of a meter: a used or expired token reads as well as a new one.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return decodeToken(c, cmd, &keys, args) },
	}
	keys.flags(cmd)
	return cmd
}

func decodeToken(c console, cmd *cobra.Command, keys *keyOptions, args []string) error {
	t, err := parseDigits(args)
	if err != nil {
		return errors.Join(viewResult(sts.FormatError).show(c, cmd), err)
	}
	var k meterKey
	if t.Class() != 1 || keys.given() {
		if k, err = keys.load(c); err != nil {
			return err
		}
	}
	v := viewToken(k.key, k.baseDate, t)
	if err := v.show(c, cmd); err != nil {
		return err
	}
	switch v.Result {
	case sts.Accept.String():
		return nil
	case sts.CRCError.String():
		return &failure{code: exitRefused, what: "The token does not open (crc_error).",
			try: "It is for another meter, the key or its SGC, KRN, TI or base date differ, or a digit is wrong."}
	}
	return &failure{code: exitRefused, what: "The token opens, but the standard gives it no meaning (" + v.Result + ").",
		try: "Its class or sub-class is reserved or a manufacturer's own."}
}

// parseDigits joins the arguments, so that a token may be typed in its groups without quotes.
func parseDigits(args []string) (sts.Token, error) {
	var s string
	for _, a := range args {
		s += a
	}
	t, result := sts.ParseToken(s)
	if result == sts.Accept {
		return t, nil
	}
	digits, other := 0, 0
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9':
			digits++
		case r != ' ' && r != '-' && r != '\t':
			other++
		}
	}
	switch {
	case other > 0:
		return t, usage("The token holds something other than digits (format_error).", "Give the 20 digits; blanks and dashes do not count.")
	case digits != sts.TokenDigits:
		return t, usage(fmt.Sprintf("The token has %d digits, not 20 (format_error).", digits), "Compare it with the receipt.")
	}
	return t, usage("No token has these digits: the number is too large (format_error).", "Compare it with the receipt.")
}
