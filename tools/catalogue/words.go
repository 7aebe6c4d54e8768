package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/paywatt/paywatt/internal/catalogue"
)

// writeWords writes a method for each text of pages and receipts.
func writeWords(b *bytes.Buffer, read texts) error {
	var body bytes.Buffer
	for _, area := range []string{"pages", "receipts"} {
		all, err := read(area)
		if err != nil {
			return err
		}
		for _, s := range all[0].Sections {
			for _, t := range s.Texts {
				writeMethod(&body, area+"."+s.Name, s.Name, t)
			}
		}
	}
	b.WriteString("package words\n")
	b.Write(body.Bytes())
	return nil
}

// writeMethod writes the method of one text. If the text depends on a number, that number is the method's first
// parameter. The places follow in the order in which they first occur.
func writeMethod(b *bytes.Buffer, path, section string, t catalogue.Text) {
	var params, filled []string
	places := t.Places()
	if t.Counts() && !slices.Contains(places, "n") {
		places = append([]string{"n"}, places...)
	}
	for _, p := range places {
		switch {
		case p == "n" && t.Counts():
			params, filled = append([]string{"n int"}, params...), append(filled, `"{n}", t.Count(int64(n))`)
		default:
			params, filled = append(params, argument(p)+" string"), append(filled, fmt.Sprintf("%q, %s", "{"+p+"}", argument(p)))
		}
	}
	call := fmt.Sprintf("t.say(%q", path+"."+t.Name)
	if t.Counts() {
		call = fmt.Sprintf("t.count(%q, n", path+"."+t.Name)
	}
	for _, f := range filled {
		call += ", " + f
	}
	name := upper(camel(section)) + upper(camel(t.Name))
	fmt.Fprintf(b, "\n// %s: %s\nfunc (t *Texts) %s(%s) string { return %s) }\n", name, strings.TrimSpace(t.Say), name, strings.Join(params, ", "), call)
}
