package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/paywatt/paywatt/internal/catalogue"
)

// kind says how a place gets its value: the Go type, and the expression that formats it, with %s for the argument.
type kind struct{ typ, write string }

// kinds are the places of refusals that take a value other than words.
var kinds = map[string]kind{
	"units": {"unit.Energy", "%s.KWh(1)"}, "most": {"unit.Energy", "%s.KWh(1)"},
	"register": {"unit.Energy", "%s.KWh(3)"}, "before": {"unit.Energy", "%s.KWh(3)"},
	"amount": {"money.Amount", "%s.String()"}, "limit": {"money.Amount", "%s.String()"},
	"at": {"time.Time", "stamp(%s)"}, "since": {"time.Time", "stamp(%s)"}, "now": {"time.Time", "stamp(%s)"},
	"had": {"money.Amount", "%s.String()"}, "step": {"int64", "strconv.FormatInt(%s, 10)"}, "watts": {"int64", "strconv.FormatInt(%s, 10)"}, "size": {"int64", "strconv.FormatInt(%s, 10)"},
	"n": {"int64", "strconv.FormatInt(%s, 10)"}, "min": {"int64", "strconv.FormatInt(%s, 10)"}, "max": {"int64", "strconv.FormatInt(%s, 10)"},
	"krn": {"uint8", "strconv.FormatInt(int64(%s), 10)"}, "kt": {"uint8", "strconv.FormatInt(int64(%s), 10)"}, "ken": {"uint8", "strconv.FormatInt(int64(%s), 10)"},
	"verdict": {"*diagnosistext.Text", "%s.English"}, "advice": {"*diagnosistext.Text", "%s.English"},
	"days": {"int64", "strconv.FormatInt(%s, 10)"}, "minutes": {"int64", "strconv.FormatInt(%s, 10)"},
}

// sentences are the parts of a refusal, in order.
var sentences = []string{"what", "not", "try"}

// writeRefuse writes a constructor for each refusal.
func writeRefuse(b *bytes.Buffer, read texts) error {
	all, err := read("refusals")
	if err != nil {
		return err
	}
	var body bytes.Buffer
	for _, s := range all[0].Sections {
		if s.Name != "shared" {
			writeRefusal(&body, s)
		}
	}
	b.WriteString("package refuse\n\nimport (\n")
	for _, use := range [][2]string{{"strconv", "strconv.FormatInt"}, {"time", "time.Time"}, {"github.com/paywatt/paywatt/internal/diagnosistext", "diagnosistext.Text"}, {"github.com/paywatt/paywatt/internal/money", "money.Amount"},
		{"github.com/paywatt/paywatt/internal/refusal", "refusal.Refusal"}, {"github.com/paywatt/paywatt/unit", "unit.Energy"}} {
		if bytes.Contains(body.Bytes(), []byte(use[1])) {
			fmt.Fprintf(b, "%q\n", use[0])
		}
	}
	b.WriteString(")\n")
	b.Write(body.Bytes())
	return nil
}

// writeRefusal writes the constructor of one refusal: its arguments are the places in the order in which they first occur.
func writeRefusal(b *bytes.Buffer, s catalogue.Section) {
	code, fixed := s.Text("code")
	var said [3]string
	var places []string
	for i, part := range sentences {
		t, _ := s.Text(part)
		said[i] = t.Say
		for _, p := range t.Places() {
			if !slices.Contains(places, p) {
				places = append(places, p)
			}
		}
	}
	var params, args []string
	named := fmt.Sprintf("%q", code.Say)
	if !fixed { // the caller passes the code
		params, named = []string{"code refusal.Code"}, "code"
	}
	values := map[string]string{}
	for _, p := range places {
		k, special := kinds[p]
		if !special {
			k = kind{"string", "%s"}
		}
		params = append(params, argument(p)+" "+k.typ)
		values[p] = fmt.Sprintf(k.write, argument(p))
		of := ""
		if written := slices.Contains([]string{"time.Time", "money.Amount", "unit.Energy", "*diagnosistext.Text"}, k.typ); written {
			of = ", Of: " + argument(p)
		}
		args = append(args, fmt.Sprintf("{Place: %q, Value: %s%s}", p, values[p], of))
	}
	name := upper(camel(s.Name))
	if !fixed && said[0]+said[2] == "" && len(places) == 0 { // the refusal only says what did not happen
		fmt.Fprintf(b, "\n// %s replaces what a refusal says did not happen: %s\nfunc %s(no refusal.Refusal) refusal.Refusal {\nno.Not, no.Instead = %q, %q\nreturn no\n}\n", name, said[1], name, said[1], s.Name)
		return
	}
	fmt.Fprintf(b, "\n// %s: %s\nfunc %s(%s) refusal.Refusal {\nreturn refusal.Refusal{Code: %s, Text: %q", name, strings.TrimSpace(said[0]+" "+said[2]), name, strings.Join(params, ", "), named, s.Name)
	for i, part := range sentences {
		if said[i] != "" {
			fmt.Fprintf(b, ", %s: %s", upper(part), concatenation(said[i], values))
		}
	}
	if len(args) > 0 {
		fmt.Fprintf(b, ", Args: []refusal.Arg{%s}", strings.Join(args, ", "))
	}
	b.WriteString("}\n}\n")
}

// argument returns the name of a place as a Go parameter. It appends a letter to a word that has another meaning in
// Go.
func argument(place string) string {
	if slices.Contains([]string{"type", "min", "max", "range", "len", "new", "func", "var", "unit", "money", "time", "refusal", "switch"}, place) {
		return place + "Value"
	}
	return place
}

// concatenation writes a text with its places as an expression in Go.
func concatenation(say string, values map[string]string) string {
	var parts []string
	for {
		before, rest, is := strings.Cut(say, "{")
		if before != "" {
			parts = append(parts, fmt.Sprintf("%q", before))
		}
		if !is {
			return strings.Join(parts, " + ")
		}
		place, after, _ := strings.Cut(rest, "}")
		parts = append(parts, values[place])
		say = after
	}
}
