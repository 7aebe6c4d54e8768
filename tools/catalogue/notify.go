package main

import (
	"bytes"
	"fmt"
	"strings"
)

// writeNotify writes the messages of the server by language, the pieces of text inside these messages, and the
// keywords of customers.
func writeNotify(b *bytes.Buffer, read texts) error {
	all, err := read("sms")
	if err != nil {
		return err
	}
	b.WriteString("package notify\n\n// templates are the messages by language.\nvar templates = [languages]map[Purpose]string{\n")
	for _, l := range all {
		fmt.Fprintf(b, "%s: {\n", goNames[l.code])
		for _, t := range l.Section("message").Texts {
			fmt.Fprintf(b, "%q: %q,\n", t.Name, t.Say)
		}
		b.WriteString("},\n")
	}
	b.WriteString("}\n\n// phrases are the optional pieces of messages.\nvar phrases = [languages]phrase{\n")
	for _, l := range all {
		fmt.Fprintf(b, "%s: {\n", goNames[l.code])
		for _, t := range l.Section("piece").Texts {
			fmt.Fprintf(b, "%s: %q,\n", t.Name, t.Say)
		}
		b.WriteString("},\n")
	}
	b.WriteString("}\n\n// keywords are customers' words in lower case and without marks; messages name the first one.\nvar keywords = [languages][WordNotHere][]string{\n")
	for _, l := range all {
		fmt.Fprintf(b, "%s: {\n", goNames[l.code])
		for _, t := range l.Section("keyword").Texts {
			fmt.Fprintf(b, "Word%s: {\"%s\"},\n", upper(t.Name), strings.Join(t.Words, `", "`))
		}
		b.WriteString("},\n")
	}
	b.WriteString("}\n\n// drafts are the languages whose texts nobody has read who speaks them well.\nvar drafts = [languages]bool{")
	for _, l := range all {
		if l.Draft {
			fmt.Fprintf(b, "%s: true, ", goNames[l.code])
		}
	}
	b.WriteString("}\n")
	return nil
}
