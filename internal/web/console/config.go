package console

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/meterconfig"
	"github.com/paywatt/paywatt/internal/meterdoc"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/words"
)

// configPage shows how the configuration of a meter stands, and has a form for the meter's own values.
type configPage struct {
	Number, Grouped       string
	State                 badge
	FirstBad              string // the value that the meter refused, or that contradicts another
	Asked, Has            string
	Values                []configValue
	Differences           []configDifference
	Compared, May         bool
	Groups                []configGroup
	FormID, Error, Notice string
	Command, Reason       string
}

// configValue is a value that somebody has set, and for which meters.
type configValue struct{ Label, Value, For string }

// configDifference is a value in which the meter's configuration differs from the one that was decided last.
type configDifference struct{ Label, Has, Asked string }

// configGroup is a part of the form.
type configGroup struct {
	Name, Title string
	Fields      []configField
}

// configField is a line of text, or a list to choose from if From is not empty.
type configField struct {
	textInput
	From []choice
}

func (f configField) choices() choiceInput {
	return choiceInput{Name: f.Name, Label: f.Label, Value: f.Value, Hint: f.Hint, From: f.From}
}

// kWhTyped reads and writes energy in Wh as kWh with three decimals.
var kWhTyped = money.Currency{Exp: 3}

// configForm is what the form holds: the values in force and, if it was sent, what was typed.
type configForm struct {
	say     *words.Texts
	own     meterdoc.Values
	utility meterdoc.Values // shown below each field
	typed   url.Values      // nil if the form was not sent
	bad     string          // the field that was refused
	all     bool            // the values are those of all meters
}

// configRoutes adds the pages of meters' configurations.
func (s *Console) configRoutes(m *http.ServeMux) {
	m.Handle("GET /meters/{number}/config", s.signedIn(s.config))
	m.Handle("POST /meters/{number}/config", s.signedIn(s.changeConfig))
	m.Handle("GET "+configAllPath, s.signedIn(s.configAll))
	m.Handle("POST "+configAllPath, s.signedIn(s.changeConfigAll))
}

func configPath(number string) string { return "/meters/" + url.PathEscape(number) + "/config" }

// configures reports whether the visitor finds the configuration of a meter.
func (v visit) configures(m registry.Meter) bool {
	return m.Mode == registry.PrepayToken && v.by.OfUtility() && v.by.May(access.ReadMeters)
}

// config shows the configuration of a meter.
func (s *Console) config(w http.ResponseWriter, r *http.Request, v visit) {
	d := configPage{}
	if r.URL.Query().Has("done") {
		d.Notice = v.site.say.ConfigDone(v.site.clock(s.c.Now()))
	}
	s.showConfig(w, r, v, http.StatusOK, d, configForm{})
}

func (s *Console) showConfig(w http.ResponseWriter, r *http.Request, v visit, status int, d configPage, f configForm) {
	c, err := s.c.Configs.Show(r.Context(), v.by, r.PathValue("number"))
	if s.stopped(w, r, v, err, c.Refusal) {
		return
	}
	m, err := s.find(r.Context(), v, c.Number)
	if s.stopped(w, r, v, err, m.Refusal) {
		return
	}
	if d.FormID, err = s.formID(v); err != nil {
		s.broken(w, r, v, err)
		return
	}
	f.say, f.own, f.utility = v.site.say, c.Own, c.Utility
	d.Number, d.Grouped, d.May = c.Number, groups(c.Number), v.by.May(access.WriteMeters)
	d.Groups = f.groups()
	change, _ := f.change()
	d.Command = configCommand("paywatt meter config "+c.Number, "--set", "--clear", change, c.Own, cmp.Or(d.Reason, "REASON"))
	v.site.stands(&d, c)
	p := s.page(r, v, v.site.say.ConfigTitle(d.Grouped))
	p.mark(v.site.say, m.Meter.Simulated)
	s.show(w, r, status, configView(p, d))
}

// changeConfig changes the values that differ from the meter's own.
func (s *Console) changeConfig(w http.ResponseWriter, r *http.Request, v visit) {
	number := r.PathValue("number")
	c, err := s.c.Configs.Show(r.Context(), v.by, number)
	if s.stopped(w, r, v, err, c.Refusal) {
		return
	}
	f := configForm{say: v.site.say, own: c.Own, typed: r.PostForm}
	change, no := f.change()
	change.Reason = strings.TrimSpace(r.PostFormValue("reason"))
	if !v.owns(r.PostFormValue("form")) {
		no = refuse.OfficeFormOfOtherSession()
	}
	done := meterconfig.View{Refusal: no}
	if !no.Refused() {
		done, err = s.c.Configs.Set(r.Context(), v.by, number, change)
	}
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case done.Waits != nil:
		s.showWaits(w, r, v, *done.Waits)
	case done.Refused():
		f.bad = badConfigKey(done.Refusal)
		d := configPage{Reason: change.Reason, Error: v.site.say.Refusal(f.named(done.Refusal)).Detail()}
		s.showConfig(w, r, v, max(done.Code.Status(), http.StatusBadRequest), d, f)
	default:
		http.Redirect(w, r, configPath(done.Number)+"?done=1", http.StatusSeeOther)
	}
}

// badConfigKey returns the key of a configuration that a refusal names, or "".
func badConfigKey(no refusal.Refusal) string {
	if no.Text != refuse.MeterConfigBadKey("").Text {
		return ""
	}
	for _, a := range no.Args {
		if meterdoc.Known(a.Value) {
			return a.Value
		}
	}
	return ""
}

// named puts the label of the field in place of the key that a refusal names.
func (f configForm) named(no refusal.Refusal) refusal.Refusal {
	if f.bad == "" {
		return no
	}
	return refuse.MeterConfigBadKey(f.label(f.bad))
}

// stands says how a configuration stands, and which values are set.
func (t site) stands(d *configPage, c meterconfig.View) {
	say, f := t.say, configForm{say: t.say, own: c.Own, utility: c.Utility}
	d.State = configBadge(say, c.State)
	if key := strings.TrimPrefix(c.Answer, "config "); meterdoc.Known(key) {
		d.FirstBad = f.label(key)
	}
	d.Asked, d.Has = say.ConfigAskedNone(), say.ConfigHasUnknown()
	if c.Asked.Version > 0 {
		d.Asked = say.ConfigAskedVersion(say.Count(c.Asked.Version), t.clock(c.Asked.Since))
	}
	switch at := t.clock(c.Has.Since); {
	case c.Has.Since.IsZero():
	case c.Has.Version == 0:
		d.Has = say.ConfigHasOwn(at)
	default:
		d.Has = say.ConfigHasVersion(say.Count(c.Has.Version), at)
	}
	d.Values = f.values()
	d.Compared = c.Compared
	if c.Asked.Version == 0 {
		return
	}
	for _, diff := range c.Differences {
		d.Differences = append(d.Differences, configDifference{f.label(diff.Key), f.words(diff.Key, diff.Was), f.words(diff.Key, diff.Is)})
	}
}

// values lists the values that are set.
func (f configForm) values() (out []configValue) {
	mine := f.say.ConfigThisMeter()
	if f.all {
		mine = f.say.ConfigAllMeters()
	}
	for _, k := range meterdoc.Keys() {
		if v, own := f.own[k.Name]; own {
			out = append(out, configValue{f.label(k.Name), f.words(k.Name, v), mine})
		} else if v, all := f.utility[k.Name]; all {
			out = append(out, configValue{f.label(k.Name), f.words(k.Name, v), f.say.ConfigAllMeters()})
		}
	}
	return out
}

// configBadge is the state of a configuration in words.
func configBadge(t *words.Texts, state meterconfig.State) badge {
	b := badge{"○", t.Name("config-state", string(state)), classOff}
	switch state {
	case meterconfig.StateApplied:
		b.Sign, b.Class = "✓", classOK
	case meterconfig.StateSent:
		b.Sign = onward(t)
	case meterconfig.StateUnanswered, meterconfig.StateFailed:
		b.Sign, b.Class = "▲", classWarn
	case meterconfig.StateRefused, meterconfig.StateConflict:
		b.Sign, b.Class = "■", classBad
	}
	return b
}

// label is the name of a value.
func (f configForm) label(key string) string { return f.say.Name("meter-value", key) }

// configGroupsFrom lists the groups of the form, each with its first key.
var configGroupsFrom = [...]struct{ name, first string }{
	{"credit", "ec_limit_wh"}, {"hours", "friendly"}, {"load", "power_limit_w"}, {"display", "low1_wh"},
}

// groups returns the fields of the form in their groups.
func (f configForm) groups() (out []configGroup) {
	for _, k := range meterdoc.Keys() {
		for _, g := range configGroupsFrom {
			if g.first == k.Name {
				out = append(out, configGroup{Name: g.name, Title: f.say.Name("config-group", g.name)})
			}
		}
		last := &out[len(out)-1]
		last.Fields = append(last.Fields, f.field(k))
	}
	return out
}

// field is the field of a value. It is empty if the value is not set.
func (f configForm) field(k meterdoc.Key) configField {
	in := configField{textInput: textInput{Name: k.Name, Label: f.label(k.Name), Value: f.text(k, f.own[k.Name]), Focus: k.Name == f.bad, Hint: f.hint(k)}}
	if typed, sent := f.typed[k.Name]; sent {
		in.Value = typed[0]
	}
	unset := f.say.ConfigAsAll()
	if f.all {
		unset = f.say.ConfigDefault()
	}
	switch k.Kind {
	case meterdoc.Energy:
		in.Max, in.Mode = 16, "decimal"
	case meterdoc.Power, meterdoc.Seconds, meterdoc.Count:
		in.Max, in.Mode = 16, "numeric"
	case meterdoc.YesNo:
		in.From = []choice{{"", unset}, {"true", f.say.ConfigYes()}, {"false", f.say.ConfigNo()}}
	case meterdoc.Choice:
		in.From = []choice{{"", unset}}
		for _, l := range displayLanguages() {
			in.From = append(in.From, choice{l.code, l.name})
		}
	case meterdoc.List:
		in.Max = 600
	case meterdoc.Text:
		in.Max = 32
	}
	return in
}

// displayLanguages are the languages of a meter's display, each in its own words.
func displayLanguages() []struct{ code, name string } {
	return []struct{ code, name string }{{"en", "English"}, {"fr", "Français"}, {"sw", "Kiswahili"}}
}

// hint says which value all meters have, and how to write a list or a text.
func (f configForm) hint(k meterdoc.Key) string {
	all := f.say.ConfigForDefault()
	if f.all {
		all = f.say.ConfigEmptyDefault()
	}
	if v, set := f.utility[k.Name]; set {
		all = f.say.ConfigForAll(f.words(k.Name, v))
	}
	switch {
	case k.Name == "friendly":
		return f.say.ConfigHoursHint() + " · " + all
	case k.Name == "special_days":
		return f.say.ConfigDaysHint() + " · " + all
	case k.Kind == meterdoc.Text:
		return f.say.ConfigTextHint() + " · " + all
	}
	return all
}

// text writes a value as somebody types it; a missing one is empty.
func (f configForm) text(k meterdoc.Key, v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case int64:
		if k.Kind == meterdoc.Energy {
			return strings.TrimRight(strings.TrimRight(f.say.Typed(money.Minor(v), kWhTyped), "0"), ".,")
		}
	case []string:
		return strings.Join(v, "; ")
	}
	return fmt.Sprint(v)
}

// words says a value of a document in plain words.
func (f configForm) words(key string, v any) string {
	at := slices.IndexFunc(meterdoc.Keys(), func(k meterdoc.Key) bool { return k.Name == key })
	switch v := v.(type) {
	case nil:
		return f.say.ConfigDefault()
	case bool:
		if v {
			return f.say.ConfigYes()
		}
		return f.say.ConfigNo()
	case []any: // from a stored document
		list := make([]string, len(v))
		for i, e := range v {
			list[i] = fmt.Sprint(e)
		}
		return f.hours(list)
	case []string:
		return f.hours(v)
	case string:
		for _, l := range displayLanguages() {
			if key == "language" && l.code == v {
				return l.name
			}
		}
	}
	if at < 0 {
		return fmt.Sprint(v)
	}
	return f.text(meterdoc.Keys()[at], v)
}

// hours says windows of a week, such as "mon,tue 18:00-07:00", with the names of their days.
func (f configForm) hours(list []string) string {
	out := make([]string, len(list))
	for i, entry := range list {
		days, times, _ := strings.Cut(entry, " ")
		names := strings.Split(days, ",")
		for j, day := range names {
			if names[j] = f.say.Name("day", day); day == "all" {
				names[j] = f.say.ConfigEveryDay()
			}
		}
		out[i] = strings.TrimSpace(strings.Join(names, ", ") + " " + times)
	}
	return strings.Join(out, "; ")
}

// change returns the values that were typed and differ from those in force.
func (f configForm) change() (c meterconfig.Change, no refusal.Refusal) {
	for _, k := range meterdoc.Keys() {
		typed, sent := f.typed[k.Name]
		if !sent {
			continue
		}
		text := strings.TrimSpace(typed[0])
		if text == f.text(k, f.own[k.Name]) {
			continue
		}
		if text == "" {
			c.Clear = append(c.Clear, k.Name)
			continue
		}
		v, ok := f.read(k.Kind, text)
		if !ok {
			return c, refuse.MeterConfigBadKey(k.Name)
		}
		if c.Set == nil {
			c.Set = meterdoc.Values{}
		}
		c.Set[k.Name] = v
	}
	return c, no
}

// read reads a value as somebody types it.
func (f configForm) read(kind meterdoc.Kind, text string) (any, bool) {
	switch kind {
	case meterdoc.Energy:
		wh, err := f.say.Parse(text, kWhTyped)
		return int64(wh), err == nil
	case meterdoc.Power, meterdoc.Seconds, meterdoc.Count:
		n, err := f.say.Parse(text, money.Currency{})
		return int64(n), err == nil
	case meterdoc.YesNo:
		return text == "true", text == "true" || text == "false"
	case meterdoc.List:
		list := []string{}
		for entry := range strings.SplitSeq(text, ";") {
			if entry = strings.TrimSpace(entry); entry != "" {
				list = append(list, entry)
			}
		}
		return list, true
	}
	return text, true
}

// configCommand is the command that makes a change. Before somebody has typed one, it sets the values in force, so that they can be changed.
func configCommand(command, set, clear string, c meterconfig.Change, own meterdoc.Values, reason string) string {
	values := c.Set
	if len(c.Set)+len(c.Clear) == 0 {
		values = own
	}
	var options []string
	for _, k := range meterdoc.Keys() {
		if v, ok := values[k.Name]; ok {
			options = append(options, set, k.Name+"="+commandValue(v))
		}
	}
	for _, name := range c.Clear {
		options = append(options, clear, name)
	}
	if len(options) == 0 {
		options = []string{set, "KEY=VALUE"}
	}
	return commandLine(command, append(options, "--reason", reason)...)
}

// commandValue writes a value as the command takes it.
func commandValue(v any) string {
	switch v := v.(type) {
	case int64:
		return strconv.FormatInt(v, 10)
	case []string:
		return strings.Join(v, "; ")
	}
	return fmt.Sprint(v)
}
