package meter_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/meter"
)

const statesPage = "../docs/reference/meter-states.md"

// statesText returns the page of the state machines, drawn from the tables that the code runs.
func statesText() string {
	var b strings.Builder
	b.WriteString("# The state machines of a meter\n\nThese diagrams are drawn from the tables in package `meter` that the code runs. `go test ./meter -run States -update` writes this\n" +
		"page. An input that is not listed leaves the state as it is. [What a meter decides](meter-rules.md) explains the rules, and\n" +
		"[the configuration](meter-config.md) lists their keys.\n")
	for _, d := range meter.Diagrams() {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n```mermaid\nstateDiagram-v2\n", d.Name, d.About)
		ids := map[string]string{}
		for _, r := range d.Rows {
			for _, name := range []string{r.From, r.To} {
				if ids[name] == "" {
					ids[name] = fmt.Sprintf("s%d", len(ids))
					fmt.Fprintf(&b, "    state \"%s\" as %s\n", name, ids[name])
				}
			}
		}
		for _, r := range d.Rows {
			fmt.Fprintf(&b, "    %s --> %s: %s\n", ids[r.From], ids[r.To], r.On)
		}
		b.WriteString("```\n\n| from | when | to | event |\n|---|---|---|---|\n")
		for _, r := range d.Rows {
			code := ""
			if r.Code != 0 {
				code = fmt.Sprint(r.Code)
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", r.From, r.On, r.To, code)
		}
	}
	return b.String()
}

const configPage = "../docs/reference/meter-config.md"

// configText returns the page of the configuration document.
func configText() string {
	var b strings.Builder
	b.WriteString("# The configuration of a meter\n\nA configuration is one document, always complete: a missing key has its default. If a document has an unknown key or a value\n" +
		"out of range, the meter refuses all of it and names the first bad key in alphabetical order. Lists are lists of strings.\n" +
		"`go test ./meter -run States -update` writes this page from the table in package `meter` that the code reads.\n\n| key | meaning |\n|---|---|\n")
	for _, s := range meter.Settings() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", s.Name, s.About)
	}
	b.WriteString("\nThe meter also refuses values that contradict each other: `clearance_wh` below `cutoff_wh`, `low2_wh` above `low1_wh`, `max_balance_wh` not\n" +
		"above `clearance_wh`, `net_metering` with `reverse_debit`, `dst_shift_min` without `dst_begin` and `dst_end`.\n")
	return b.String()
}

// TestThePagesOfStatesAndSettingsAreCurrent compares the pages with the tables of the code.
func TestThePagesOfStatesAndSettingsAreCurrent(t *testing.T) {
	for page, want := range map[string]string{statesPage: statesText(), configPage: configText()} {
		got, err := os.ReadFile(page)
		if string(got) == want {
			continue
		}
		if *update {
			if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		t.Errorf("%s is not what the code runs (%v); go test ./meter -run States -update writes it", page, err)
	}
	if len(meter.Diagrams()) < 5 {
		t.Error("there are fewer than five state machines")
	}
}
