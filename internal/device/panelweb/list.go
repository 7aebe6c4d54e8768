package panelweb

import (
	"bytes"
	"html/template"
	"net/http"
)

// ListConfig describes a page that leads to the panels of several meters.
type ListConfig struct {
	Title, Note string
	// Back is the address of the server's console; empty for none.
	Back   string
	Meters []Listed
}

// Listed is a meter on the list. Its panel is at its number, below the list.
type Listed struct {
	Number, Name string
	// Phone is the address of the customer's telephone; empty for none.
	Phone string
	// State returns the class and the words of the supply's state.
	State func() (class, words string)
}

// List serves the list. The page has no script.
func List(c ListConfig) http.Handler {
	page := template.Must(template.ParseFS(assets, "list.html"))
	return withPolicy(onlyByAddress(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		type row struct{ Number, Name, Phone, Class, State string }
		rows := make([]row, len(c.Meters))
		for i, m := range c.Meters {
			rows[i] = row{Number: m.Number, Name: m.Name, Phone: m.Phone}
			rows[i].Class, rows[i].State = m.State()
		}
		var b bytes.Buffer
		if err := page.Execute(&b, map[string]any{"Title": c.Title, "Note": c.Note, "Back": c.Back, "Meters": rows}); err != nil {
			http.Error(w, "The page cannot be shown.", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(b.Bytes()) // writing fails only if the client has gone
	})))
}

// State returns the class and the words of the supply's state, as the panel shows them.
func (p *Panel) State() (class, words string) {
	v := p.hub.newest()
	return v.State, v.Supply
}
