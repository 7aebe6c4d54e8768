// Package meterdoc decides the configuration of a meter that keeps its credit itself: start at [Document]. The utility's values for all
// meters and the values of one meter become one complete document (docs/reference/meter-config.md). A missing value is the meter's default.
package meterdoc

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/paywatt/paywatt/meter"
)

// Kind says what a value is, and so how people write it.
type Kind string

// Kinds of values.
const (
	Energy  Kind = "energy"  // watt-hours
	Power   Kind = "power"   // watts
	Seconds Kind = "seconds" // a time
	Count   Kind = "count"
	YesNo   Kind = "yes_no"
	List    Kind = "list" // a list of texts
	Text    Kind = "text" // for the display
	Choice  Kind = "choice"
)

// Key is a value that people may set. Its name is the key in the document.
type Key struct {
	Name string
	Kind Kind
}

// keys lists what people may set, in the order of forms and lists. The rest of the document follows from other data of the meter.
var keys = [...]Key{
	{"ec_limit_wh", Energy}, {"ec_threshold_wh", Energy}, {"ec_repay_before_reconnect", YesNo},
	{"lifeline_w", Power},
	{"friendly", List}, {"special_days", List}, {"friendly_when_clock_invalid", YesNo},
	{"power_limit_w", Power}, {"ec_power_limit_w", Power}, {"overload_trip_s", Seconds}, {"overload_retry_s", Seconds},
	{"overload_max_trips", Count}, {"overload_window_s", Seconds}, {"overload_lockout_s", Seconds}, {"overload_manual", YesNo},
	{"low1_wh", Energy}, {"low2_wh", Energy},
	{"tariff_text", Text}, {"help_text", Text}, {"language", Choice},
}

// Keys returns what people may set, in the order of forms and lists.
func Keys() []Key { return keys[:] }

// Values are values that people have set, by key: int64, bool, string or []string.
type Values map[string]any

// Read reads values from JSON that was decoded into any. The second result names the first key, in alphabetical order, that does not
// exist or whose value has another type; it is empty if there is none.
func Read(raw map[string]any) (Values, string) {
	out := make(Values, len(raw))
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		i := slices.IndexFunc(keys[:], func(k Key) bool { return k.Name == name })
		if i < 0 {
			return nil, name
		}
		v, ok := keys[i].Kind.read(raw[name])
		if !ok {
			return nil, name
		}
		out[name] = v
	}
	return out, ""
}

// read returns a value in the form that Values holds.
func (k Kind) read(v any) (any, bool) {
	switch v := v.(type) {
	case int64:
		return v, k.whole()
	case float64:
		return int64(v), k.whole() && v == float64(int64(v))
	case bool:
		return v, k == YesNo
	case string:
		return v, k == Text || k == Choice
	case []string:
		return v, k == List
	case []any:
		list := make([]string, len(v))
		for i, e := range v {
			s, ok := e.(string)
			if !ok {
				return nil, false
			}
			list[i] = s
		}
		return list, k == List
	}
	return nil, false
}

func (k Kind) whole() bool { return k == Energy || k == Power || k == Seconds || k == Count }

// UnmarshalJSON reads stored values. It leaves out what this version does not know.
func (v *Values) UnmarshalJSON(b []byte) error {
	var raw map[string]any
	if err := json.Unmarshal(b, &raw); err != nil {
		return err
	}
	*v = Values{}
	for name, one := range raw {
		if read, bad := Read(map[string]any{name: one}); bad == "" {
			(*v)[name] = read[name]
		}
	}
	return nil
}

// With returns the values after a change: the named ones are set, and those in clear are no longer set.
func (v Values) With(set Values, clear []string) Values {
	out := make(Values, len(v)+len(set))
	maps.Copy(out, v)
	maps.Copy(out, set)
	for _, name := range clear {
		delete(out, name)
	}
	return out
}

// Known reports whether people may set a key.
func Known(name string) bool {
	return slices.ContainsFunc(keys[:], func(k Key) bool { return k.Name == name })
}

// Facts are the data of a meter that its document holds besides the values.
type Facts struct {
	ImpPerKWh int64
	Interval  time.Duration // between its readings
	Offset    int           // of local time, in seconds east of UTC
}

// Document decides the configuration of a meter. A value of the meter's own replaces the utility's. It is always complete: a key that is
// not named has the meter's default.
func Document(utility, own Values, f Facts) map[string]any {
	doc := map[string]any{"payment_mode": "prepay_token", "imp_per_kwh": f.ImpPerKWh, "reading_s": int64(f.Interval / time.Second),
		"tz_min": int64(f.Offset / 60)}
	for name, v := range utility.With(own, nil) {
		if list, ok := v.([]string); ok {
			entries := make([]any, len(list))
			for i, e := range list {
				entries[i] = e
			}
			v = entries
		}
		doc[name] = v
	}
	return doc
}

// Bad returns the first key of a document that a meter would refuse, or "".
func Bad(doc map[string]any) string {
	_, bad := meter.NewConfig(meter.DefaultConfig(), 1, doc)
	return bad
}

// Hash returns the hash of a document. The same settings have the same hash.
func Hash(doc map[string]any) string {
	text, err := json.Marshal(doc) // Marshal sorts the keys
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// Stored reads a document that was stored as JSON, in the forms that a meter reads. It returns nil for an empty text.
func Stored(text string) (map[string]any, error) {
	if text == "" {
		return nil, nil
	}
	var doc map[string]any
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		return nil, err
	}
	for name, v := range doc {
		if n, ok := v.(float64); ok {
			doc[name] = int64(n)
		}
	}
	return doc, nil
}

// Difference is a value in which two documents differ; nil stands for the meter's default.
type Difference struct {
	Key     string
	Was, Is any
}

// Differences lists the values in which two documents differ: first those that people may set, in their own order, then the others.
func Differences(was, is map[string]any) []Difference {
	names := make([]string, 0, len(keys))
	for _, k := range keys {
		names = append(names, k.Name)
	}
	all := maps.Clone(was)
	if all == nil {
		all = map[string]any{}
	}
	maps.Copy(all, is)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if !Known(name) {
			names = append(names, name)
		}
	}
	var out []Difference
	for _, name := range names {
		if d := (Difference{name, was[name], is[name]}); !reflect.DeepEqual(d.Was, d.Is) {
			out = append(out, d)
		}
	}
	return out
}
