package main

import (
	"bytes"
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
				params, values := parameters(t.Places())
				name := upper(camel(t.Name))
				fmt.Fprintf(b, "\n// %s: %s\nfunc %s(%s) *Text {\nreturn said(%q, %q%s)\n}\n", name, t.Say, name, params, s.Name+"."+t.Name, t.Say, filled(t.Places(), values))
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
	fmt.Fprintf(b, "\n// %s: %s %s\nfunc %s(%s) (text, do *Text) {\n", name, text.Say, do.Say, name, params)
	if do.Counts() {
		return fmt.Errorf("diagnosis.%s: what to do depends on a number", s.Name)
	}
	call := func(say string) string {
		return fmt.Sprintf("both(%q, %s, %q%s)", s.Name, say, do.Say, filled(places, values))
	}
	of := ""
	for i, p := range places {
		switch {
		case slices.Contains(nested, p):
			of += fmt.Sprintf("text.Args[%d].Of = %s\n", i, argument(p))
		case p == "n" && text.Counts():
			of += fmt.Sprintf("text.Args[%d].Of = int(n)\n", i)
		}
	}
	switch {
	case text.Counts():
		fmt.Fprintf(b, "say := %q\nif n == 1 {\nsay = %q\n}\ntext, do = %s\n%sreturn text, do\n}\n", text.Say, text.One, call("say"), of)
	case of != "":
		fmt.Fprintf(b, "text, do = %s\n%sreturn text, do\n}\n", call(fmt.Sprintf("%q", text.Say)), of)
	default:
		fmt.Fprintf(b, "return %s\n}\n", call(fmt.Sprintf("%q", text.Say)))
	}
	return nil
}

// filled lists the places and their values as arguments in Go.
func filled(places []string, values map[string]string) string {
	out := ""
	for _, p := range places {
		out += fmt.Sprintf(", %q, %s", "{"+p+"}", values[p])
	}
	return out
}
