package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/internal/diagnosis"
	"github.com/paywatt/paywatt/internal/tokenlab"
	"github.com/paywatt/paywatt/sts"
)

// explainView is the diagnosis of the token doctor as the table shows it, with or without a server. Token is masked. Without
// a server this is also the JSON output; a server's JSON is printed unchanged.
type explainView struct {
	Verdict  string          `json:"verdict"`
	Findings []apiv1.Finding `json:"findings"`
	tokenlab.View
	Meter       string              `json:"meter,omitempty"`
	Key         *apiv1.FittingKey   `json:"key,omitempty"`
	Sold        bool                `json:"sold"`
	Vend        string              `json:"-"`
	State       string              `json:"-"`
	MeterResult string              `json:"-"` // the meter's last report about the token
	Reports     []apiv1.TokenReport `json:"-"`
	Tests       []string            `json:"tests,omitempty"` // what a test token requests
	Typing      *apiv1.Typing       `json:"typing,omitempty"`
	Keys        string              `json:"keys"`
}

func tokenExplain(c console) *cobra.Command {
	var keys keyOptions
	var ken uint8
	cmd := &cobra.Command{
		Use:   "explain DIGITS",
		Short: "Explain what is wrong with a token",
		Long: "Explain what a token is, whether it fits the meter, and whether it looks like a typing error: one wrong digit, or two\n" +
			"neighbours swapped. With a key the answer needs no server. Without a key the command asks the server that\n" +
			"PAYWATT_URL names. The server also knows what was sold and what the meter reported, as far as the role of your API key may\n" +
			"see it. -o json then prints the server's answer (POST /v1/token-diagnoses).",
		Example: "  paywatt token explain 2371 6100 5011 8319 4197 --number 04140001001\n" +
			"  paywatt token explain 23716100501183194197 --vending-key-file vk.hex --dkga 02 --number 12345678903 --sgc 123456 --krn 1 --ti 01",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return explainToken(c, cmd, &keys, ken, strings.Join(args, ""))
		},
	}
	keys.flags(cmd)
	cmd.Flags().Uint8Var(&ken, "ken", 255, "key expiry number, 255 for never")
	return cmd
}

// explainToken answers without a server if it can: with a key, or if the digits alone are enough.
func explainToken(c console, cmd *cobra.Command, keys *keyOptions, ken uint8, digits string) error {
	e := sts.Explain(digits, nil, nil)
	local := diagnosis.Local{KT: sts.DUTK, KEN: ken, Now: time.Now()}
	v := explainView{Keys: string(diagnosis.KeysNotAsked), Meter: keys.number}
	switch {
	case keys.given():
		k, err := keys.load(c)
		if err != nil {
			return err
		}
		local.HasKey, local.KT, local.BaseDate = true, sts.KeyType(keys.kt), k.BaseDate
		e = sts.Explain(digits, []sts.Key{k.Key}, nil)
		v.Keys = string(diagnosis.KeysUsed)
		v.offline(e, k, ken)
	case e.Result == sts.Accept || e.Result == sts.FormatError || c.getenv("PAYWATT_KEY") == "":
		v.offline(e, tokenlab.Key{}, ken)
	default:
		return c.asking(func(cmd *cobra.Command, api *client.Client, _ []string) error {
			d, err := api.DiagnoseToken(cmd.Context(), digits, keys.number)
			if err != nil {
				return err
			}
			v.online(d)
			return c.show(cmd, d, v.table())
		})(cmd, nil)
	}
	for _, f := range diagnosis.Offline(e, local) {
		v.Findings = append(v.Findings, apiv1.Finding{Code: string(f.Code), Text: f.Text.English, Do: f.Do.English})
	}
	v.Verdict = v.Findings[0].Code
	v.answered()
	return c.show(cmd, v, v.table())
}

// answered sets the result of a token that the meter can decrypt but still refuses. This happens if the meter's key is a default key, or if
// the key has expired. A meter checks the type of its key before the expiry number.
func (v *explainView) answered() {
	for _, refusal := range []struct {
		finding diagnosis.Code
		result  sts.Result
	}{{diagnosis.DefaultKey, sts.DDTKError}, {diagnosis.Expired, sts.KeyExpiredError}} {
		if slices.ContainsFunc(v.Findings, func(f apiv1.Finding) bool { return f.Code == string(refusal.finding) }) {
			r := tokenlab.Outcome(refusal.result)
			v.Result, v.Status = r.Result, r.Status
			return
		}
	}
}

// offline fills in the facts that the digits and the key reveal. It shows the corrections, because anyone with the key could work them out.
func (v *explainView) offline(e sts.Explanation, k tokenlab.Key, ken uint8) {
	v.View = tokenlab.Outcome(e.Result)
	if e.Result == sts.FormatError {
		return
	}
	v.View = tokenlab.Read(k, e.Token)
	v.Token = e.Token.String()
	if e.Opened.Class == 1 {
		for n := 1; n <= sts.MaxTest; n++ {
			if e.Opened.Control>>(n-1)&1 == 1 {
				v.Tests = append(v.Tests, sts.TestName(n))
			}
		}
	}
	if a := k.Attributes; e.Key >= 0 && k.Derived {
		v.Key = &apiv1.FittingKey{SGC: a.SGC, KRN: int(a.KRN), KT: int(a.KT), TI: a.TI, KEN: int(ken), EA: a.EA.String(), DKGA: a.DKGA.String(),
			BaseDate: int(a.BaseDate), Registered: true}
	}
	if k.Key.EA() == 0 && v.Result == sts.CRCError.String() {
		v.Result, v.Status = unknownResult, nil // no key was tried
	}
	if e.Tried == 0 || k.Key.EA() == 0 && len(e.Fits) == 0 {
		return
	}
	v.Typing = &apiv1.Typing{Tried: e.Tried, Meant: []string{}}
	for _, f := range e.Fits {
		if f.Swapped {
			v.Typing.Swapped++
		} else {
			v.Typing.OneDigit++
		}
		v.Typing.Meant = append(v.Typing.Meant, f.Token.Reveal())
	}
}

// online fills in the server's diagnosis.
func (v *explainView) online(d apiv1.Diagnosis) {
	v.Verdict, v.Findings, v.Token, v.Result, v.Kind = d.Verdict, d.Findings, d.Token, openingOf(d), d.Kind
	v.Class, v.SubClass, v.Section = small(d.Class), small(d.SubClass), nil
	if d.Section > 0 {
		v.Section = small(&d.Section)
	}
	if d.TID != nil {
		v.TID = new(uint32(*d.TID))
	}
	if d.IssuedAt != nil {
		v.IssuedAt = d.IssuedAt.UTC().Format(time.RFC3339)
	}
	if d.UnitsWh != nil {
		v.UnitsTenths = new(*d.UnitsWh / 100)
	}
	v.Meter, v.Key, v.Sold, v.Vend, v.State, v.MeterResult = d.Meter, d.Key, d.Sold, d.Vend, d.State, d.Result
	v.Reports, v.Tests, v.Typing, v.Keys = d.Reports, d.Tests, d.Typing, d.Keys
	v.answered()
}

// unknownResult is the result if no key was tried.
const unknownResult = "unknown"

// openingOf names the result of opening the token, in the words of decode.
func openingOf(d apiv1.Diagnosis) string {
	switch {
	case d.Verdict == string(diagnosis.NoToken):
		return sts.FormatError.String()
	case d.Verdict == string(diagnosis.NoMeaning):
		return sts.FunctionError.String()
	case d.Kind != "":
		return sts.Accept.String()
	case d.Keys == string(diagnosis.KeysUsed):
		return sts.CRCError.String()
	}
	return unknownResult
}

// small narrows a number of the API to the width it has on a token.
func small(n *int) *uint8 {
	if n == nil {
		return nil
	}
	return new(uint8(*n))
}

// table shows the findings and then the facts.
func (v explainView) table() table {
	pairs := []string{"verdict", v.Verdict}
	for _, f := range v.Findings {
		pairs = append(pairs, f.Code, f.Text, "do", f.Do)
	}
	pairs = append(pairs, "token", v.Token, "result", v.Result, "kind", v.Kind, "class", decimal(v.Class), "subclass", decimal(v.SubClass),
		"tid", decimal(v.TID), "issued_at", v.IssuedAt, "units_tenths", decimal(v.UnitsTenths), "amount_1e5", v.Amount1e5, "value", decimal(v.Value),
		"watts", decimal(v.Watts), "section", decimal(v.Section), "tests", testsText(v.Tests), "meter", v.Meter)
	if k := v.Key; k != nil {
		pairs = append(pairs, "key", fmt.Sprintf("SGC %s KRN %d KT %d TI %s EA%s DKGA%s base %d", k.SGC, k.KRN, k.KT, k.TI, k.EA, k.DKGA, k.BaseDate))
	}
	if v.Sold {
		pairs = append(pairs, "sale", v.Vend, "state", v.State, "meter_result", v.MeterResult)
	}
	for _, r := range v.Reports {
		pairs = append(pairs, "meter answered", r.Result+" at "+r.At.Format(time.RFC3339))
	}
	if t := v.Typing; t != nil {
		pairs = append(pairs, "typing errors tried", strconv.Itoa(t.Tried), "one digit changed", strconv.Itoa(t.OneDigit), "two digits swapped", strconv.Itoa(t.Swapped))
		for _, meant := range t.Meant {
			pairs = append(pairs, "perhaps", grouped(meant))
		}
	}
	return fields(pairs...)
}

// testsText lists in one line what a test token requests.
func testsText(tests []string) string {
	if len(tests) == sts.MaxTest {
		return "all"
	}
	return strings.Join(tests, ", ")
}
