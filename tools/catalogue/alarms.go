package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/paywatt/paywatt/internal/catalogue"
)

// writeAlarms writes a function for each alarm and the tables of the words in them.
func writeAlarms(b *bytes.Buffer, read texts) error {
	all, err := read("alarms")
	if err != nil {
		return err
	}
	var body bytes.Buffer
	english := all[0].File
	for _, t := range english.Section("alarm").Texts {
		writeAlarm(&body, t)
	}
	for _, table := range []string{"doubt", "switch"} {
		fmt.Fprintf(&body, "\n// %s returns the words for a stored name, \"\" for an unknown one.\nfunc %s(name string) string {\nswitch name {\n", upper(table), upper(table))
		for _, t := range english.Section(table).Texts {
			fmt.Fprintf(&body, "case %q:\nreturn %q\n", t.Name, t.Say)
		}
		body.WriteString("}\nreturn \"\"\n}\n")
	}
	b.WriteString("package alarmtext\n\nimport (\n\"strconv\"\n\n\"github.com/paywatt/paywatt/internal/money\"\n\"github.com/paywatt/paywatt/unit\"\n)\n")
	b.Write(body.Bytes())
	return nil
}

// numbers lists the names of the places in the texts of alarms and diagnoses, such as {n}, that are filled with integers.
var numbers = []string{"n", "seq", "lost", "highest", "waiting", "silent", "total", "wh", "tid", "register", "before"}

// nested lists the places in the texts of diagnoses that are filled with a text of the section "piece".
var nested = []string{"key", "registered"}

func writeAlarm(b *bytes.Buffer, t catalogue.Text) {
	params, values := parameters(t.Places())
	name := upper(camel(t.Name))
	fmt.Fprintf(b, "\n// %s: %s\nfunc %s(%s) string {\nreturn %s\n}\n", name, t.Say, name, params, concatenation(t.Say, values))
}

// parameters returns the parameters of a function for these places, and the expression that formats each place.
func parameters(places []string) (string, map[string]string) {
	var params []string
	values := map[string]string{}
	for _, p := range places {
		k := kind{"string", "%s"}
		switch {
		case slices.Contains([]string{"amount", "units", "krn", "kt", "ken"}, p):
			k = kinds[p]
		case slices.Contains(numbers, p):
			k = kind{"int64", "strconv.FormatInt(%s, 10)"}
		case slices.Contains(nested, p):
			k = kind{"*Text", "%s.English"}
		}
		params = append(params, argument(p)+" "+k.typ)
		values[p] = fmt.Sprintf(k.write, argument(p))
	}
	return strings.Join(params, ", "), values
}
