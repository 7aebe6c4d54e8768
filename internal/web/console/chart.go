package console

import "encoding/json"

// chart is a chart with its table. Both have the same figures.
type chart struct {
	ID, Title, Label string // Label says what a picture shows to somebody who does not see it
	Data             string // chartData as JSON
	Notes            []chartNote
	Heads            []string
	Rows             [][]string
	Empty            string // why there is nothing to draw; empty if there is
	Alone            bool   // whether the page has no other heading above the chart's
}

// chartNote explains a sign in a chart.
type chartNote struct{ Text, Link string }

// chartData is what the script draws. Figures are whole numbers; Scale of them make one unit. A nil figure is a gap.
type chartData struct {
	Kind   string   `json:"kind"` // bars, line or step
	By     string   `json:"by,omitempty"`
	TZ     string   `json:"tz"`
	Unit   string   `json:"unit"`
	Scale  int64    `json:"scale"`
	Digits int      `json:"digits"`
	Span   []int64  `json:"span,omitempty"` // of lines: seconds at which the axis begins and ends
	X      any      `json:"x"`              // of bars: the first day of each; of lines: seconds
	Y      []*int64 `json:"y"`
	Part   []*int64 `json:"part,omitempty"` // of bars: the part of each that is no estimate
	Marks  []mark   `json:"marks"`
}

// mark is a sign at a place in the chart: the number of a bar, or seconds.
type mark struct {
	at   float64
	kind string // credit or reset
}

// MarshalJSON writes the mark as a pair.
func (m mark) MarshalJSON() ([]byte, error) { return json.Marshal([2]any{m.at, m.kind}) }

// text writes the plot for the page.
func (p chartData) text() (string, error) {
	if p.Marks == nil {
		p.Marks = []mark{}
	}
	b, err := json.Marshal(p)
	return string(b), err
}

// whole returns a figure for a chart.
func whole(v int64) *int64 { return &v }
