package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/internal/exit"
	"github.com/paywatt/paywatt/internal/tokenlab"
	"github.com/paywatt/paywatt/sts"
)

// token makes and reads STS tokens without a server.
func token(c console) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Make, read, explain and check STS tokens",
	}
	cmd.AddCommand(tokenEncode(c), tokenDecode(c), tokenExplain(c), tokenCheck(c))
	return cmd
}

// showToken writes a token in the format of --output.
func (c console) showToken(cmd *cobra.Command, v tokenlab.View) error {
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
		Long: "Read a token with the key of its meter. Digits may be grouped with blanks or dashes. Test and display tokens (class 1) need\n" +
			"no key. No meter is asked: a used or expired token reads like a new one.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return decodeToken(c, cmd, &keys, args) },
	}
	keys.flags(cmd)
	return cmd
}

func decodeToken(c console, cmd *cobra.Command, keys *keyOptions, args []string) error {
	t, err := parseDigits(args)
	if err != nil {
		return errors.Join(c.showToken(cmd, tokenlab.Outcome(sts.FormatError)), err)
	}
	var k tokenlab.Key
	if t.Class() != 1 || keys.given() {
		if k, err = keys.load(c); err != nil {
			return err
		}
	}
	v := tokenlab.Read(k, t)
	if err := c.showToken(cmd, v); err != nil {
		return err
	}
	switch v.Result {
	case sts.Accept.String():
		return nil
	case sts.CRCError.String():
		return &exit.Failure{Code: exit.Refused, What: "The token does not fit this key (crc_error).",
			Not: "The token was not decoded.",
			Try: "Check the digits, the meter, and the SGC, KRN, TI and base date of the key."}
	}
	return &exit.Failure{Code: exit.Refused, What: "The token fits this key, but the standard does not define it (" + v.Result + ").", Not: "Its content was not decoded.",
		Try: "Ask the manufacturer of the meter. The class or sub-class is reserved or the manufacturer's own."}
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
	f := usage("The number is too large for a token (format_error).", "Compare it with the receipt.")
	f.Not = "No token was read."
	switch {
	case other > 0:
		f.What, f.Try = "The token contains other characters than digits (format_error).", "Give the 20 digits. Blanks and dashes do not count."
	case digits != sts.TokenDigits:
		f.What = fmt.Sprintf("The token has %d digits, not 20 (format_error).", digits)
	}
	return t, f
}

func tokenCheck(c console) *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE",
		Short: "Check this program with a file of test vectors",
		Long: "Check this program with a file of test vectors. FILE is a JSON array in the form of sts/testdata/vectors.json, or - for\n" +
			"standard input. Each vector that fails is printed with the reason. The last line has the counts.",
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return checkVectors(c, args[0]) },
	}
}

func checkVectors(c console, name string) error {
	r := c.in
	if name != "-" {
		f, err := os.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			return &exit.Failure{Code: exit.NotFound, What: "File " + name + " was not found.", Not: "No checks were made.", Try: "Check the path."}
		}
		if err != nil {
			return &exit.Failure{Code: exit.Failed, What: "The file cannot be read: " + err.Error() + ".", Not: "No checks were made.", Try: "Check who may read it."}
		}
		defer f.Close()
		r = f
	}
	passed, failed, err := tokenlab.Check(r, c.out)
	if err != nil {
		return &exit.Failure{Code: exit.Usage, What: fmt.Sprintf("%s is not a file of vectors: %v.", name, err),
			Not: fmt.Sprintf("Only %d vectors were checked.", passed+failed), Try: "Give a JSON array in the form of sts/testdata/vectors.json."}
	}
	fmt.Fprintf(c.out, "%d passed, %d failed\n", passed, failed)
	if failed > 0 {
		return &exit.Failure{Code: exit.Failed, What: fmt.Sprintf("%d of %d vectors failed.", failed, passed+failed), Not: "No changes were made.", Try: "Look at the lines of the vectors that failed."}
	}
	return nil
}

func tokenEncode(c console) *cobra.Command {
	o, keys := &tokenlab.Fields{}, &keyOptions{}
	cmd := &cobra.Command{
		Use:   "encode",
		Short: "Make a token",
		Long: "Make a token without a server. Units are rounded up to what a token can carry. A meter refuses the second of two tokens with\n" +
			"the same TID and key. This command makes no key-change tokens.",
		Example: "  paywatt token encode --units 25.6 --tid 5871715 --key 0ABC12DEF3456789 --ea 07\n" +
			"  paywatt token encode --class 2 --subclass 0 --watts 5000 --vending-key-file vk.hex --dkga 02 \\\n" +
			"    --number 12345678903 --sgc 123456 --krn 1 --ti 01",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Set = cmd.Flags().Changed
			return encodeToken(c, cmd, o, keys)
		},
	}
	f := cmd.Flags()
	f.Uint8Var(&o.Class, "class", 0, "class of the token: 0 credit, 1 test and display, 2 management")
	f.Uint8Var(&o.SubClass, "subclass", 0, "sub-class: 0 electricity, 1 water, 2 gas, 3 time, 4 to 7 the same in currency")
	f.StringVar(&o.Units, "units", "", "credit in kWh, m3 or minutes, such as 25.6")
	f.StringVar(&o.Amount, "amount", "", "credit in the base unit of the currency, up to 5 decimals")
	f.Uint32Var(&o.TID, "tid", 0, "token identifier, in minutes since the base date (default: from --issued-at)")
	f.StringVar(&o.IssuedAt, "issued-at", "", "time of issue, such as 2026-11-20T08:00:00Z (default: now)")
	f.Int8Var(&o.RND, "rnd", -1, "the 4 random bits, 0 to 15 (default: random)")
	f.Uint16Var(&o.Value, "value", 0, "value of a management token")
	f.Int64Var(&o.Watts, "watts", 0, "power limit of a management token in watts, instead of --value")
	f.Uint64Var(&o.Control, "control", 0, "control bits of a test token, in hex with 0x")
	f.Uint16Var(&o.MfrCode, "mfr-code", 0, "manufacturer code of a test token, 0 for every meter")
	keys.flags(cmd)
	return cmd
}

func encodeToken(c console, cmd *cobra.Command, o *tokenlab.Fields, keys *keyOptions) error {
	var k tokenlab.Key
	var err error
	if o.Class != 1 {
		if k, err = keys.load(c); err != nil {
			return err
		}
	}
	t, err := o.Encode(k)
	switch {
	case errors.As(err, new(*exit.Failure)):
		return err
	case errors.Is(err, sts.ErrBaseDate):
		return &exit.Failure{Code: exit.Refused, What: sentence(err) + ".", Not: "No token was made.",
			Try: "Change the key of the meter to the next base date."}
	case err != nil:
		return &exit.Failure{Code: exit.Usage, What: sentence(err) + ".", Not: "No token was made.", Try: "Correct the options."}
	}
	v := tokenlab.Read(k, t)
	v.Token = t.Reveal()
	return c.showToken(cmd, v)
}
