package main

import (
	"bytes"
	"fmt"
	"strings"
)

// energies lists the names of the places in a meter's messages, such as {units}, that are filled with amounts of energy.
// All other places are filled with words.
var energies = map[string]bool{"units": true, "balance": true, "month": true, "today": true}

// writePanel writes the texts of the meter: its display and its messages.
func writePanel(b *bytes.Buffer, read texts) error {
	display, err := read("lcd")
	if err != nil {
		return err
	}
	messages, err := read("sms")
	if err != nil {
		return err
	}
	english := display[0].Section("display").Texts
	sms := messages[0].Section("meter").Texts
	b.WriteString("package panel\n\nimport (\n\"strings\"\n\n\"github.com/paywatt/paywatt/meter\"\n\"github.com/paywatt/paywatt/unit\"\n)\n\n")
	b.WriteString("const (\nnone text = iota\n\n// Lines of the display.\n")
	for _, t := range english {
		fmt.Fprintf(b, "%s\n", camel(t.Name))
	}
	b.WriteString("\n// Messages.\n")
	for _, t := range sms {
		fmt.Fprintf(b, "%s\n", messageID(t.Name, t.Places()))
	}
	b.WriteString("\ntextCount\n)\n\n// words are the texts by language.\nvar words = [languages][textCount]string{\n")
	for _, l := range display {
		fmt.Fprintf(b, "meter.%s: {\n", goNames[l.code])
		for _, t := range l.Section("display").Texts {
			fmt.Fprintf(b, "%s: %q,\n", camel(t.Name), t.Say)
		}
		for _, m := range messages {
			if m.code != l.code {
				continue
			}
			for _, t := range m.Section("meter").Texts {
				fmt.Fprintf(b, "%s: %q,\n", messageID(t.Name, t.Places()), t.Say)
			}
		}
		b.WriteString("},\n")
	}
	b.WriteString("}\n")
	for _, t := range sms {
		if places := t.Places(); len(places) > 0 {
			writeMessage(b, t.Name, t.Say, places)
		}
	}
	return nil
}

// messageID returns the name of the constant of a message, such as smsOverload. For a message with places it is a name
// such as textSMSBalance, because smsBalance is the function that fills the places.
func messageID(name string, places []string) string {
	if len(places) > 0 {
		return "textSMS" + upper(camel(name))
	}
	return camel("sms-" + name)
}

func writeMessage(b *bytes.Buffer, name, say string, places []string) {
	var args, pairs []string
	for _, p := range places {
		kind, value := "string", p
		if energies[p] {
			kind, value = "unit.Energy", p+".KWh(1)"
		}
		args = append(args, p+" "+kind)
		pairs = append(pairs, fmt.Sprintf("%q, %s", "{"+p+"}", value))
	}
	id := camel("sms-" + name)
	fmt.Fprintf(b, "\n// %s returns %q.\nfunc %s(l meter.Language, %s) string {\nreturn strings.NewReplacer(%s).Replace(say(l, %s))\n}\n",
		id, say, id, strings.Join(args, ", "), strings.Join(pairs, ", "), messageID(name, places))
}
