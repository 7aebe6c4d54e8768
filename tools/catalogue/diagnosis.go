package main

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"github.com/paywatt/paywatt/internal/catalogue"
)

// writeDiagnosis writes a function for each case of a diagnosis, and one for each piece of a text.
func writeDiagnosis(b *bytes.Buffer, read texts) error {
	all, err := read("diagnosis")
	if err != nil {
		return err
	}
	b.WriteString("package diagnosistext\n\nimport \"strconv\"\n")
	for _, s := range all[0].Sections {
		switch s.Name {
		case "shared":
		case "piece":
			for _, t := range s.Texts {
				writeAlarm(b, t)
			}
		default:
			if err := writeCase(b, s); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeCase writes the function of one case, which returns its text and what to do.
func writeCase(b *bytes.Buffer, s catalogue.Section) error {
	text, _ := s.Text("text")
	do, _ := s.Text("do")
	if text.Say == "" || do.Say == "" || len(s.Texts) != 2 {
		return fmt.Errorf("diagnosis.%s has more or less than a text and what to do", s.Name)
	}
	places := text.Places()
	for _, p := range do.Places() {
		if !slices.Contains(places, p) {
			places = append(places, p)
		}
	}
	params, values := parameters(places)
	name := upper(camel(s.Name))
	fmt.Fprintf(b, "\n// %s: %s %s\nfunc %s(%s) (text, do string) {\n", name, text.Say, do.Say, name, params)
	if text.Counts() || do.Counts() {
		fmt.Fprintf(b, "if n == 1 {\nreturn %s, %s\n}\n", concatenation(cmp.Or(text.One, text.Say), values), concatenation(cmp.Or(do.One, do.Say), values))
	}
	fmt.Fprintf(b, "return %s, %s\n}\n", concatenation(text.Say, values), concatenation(do.Say, values))
	return nil
}
