package main

import (
	"cmp"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
)

func newMeterConfig(c console) *cobra.Command {
	var set, clear []string
	var reason string
	cmd := &cobra.Command{
		Use: "config METER", Short: "Show or change the configuration of a meter", Args: cobra.ExactArgs(1),
		Example: "  paywatt meter config 04140001001\n" +
			"  paywatt meter config 04140001001 --set ec_limit_wh=5000 --set ec_threshold_wh=2000 --reason \"clinic\"\n" +
			"  paywatt meter config 04140001001 --set \"friendly=mon,tue 18:00-07:00; sat,sun 00:00-24:00\" --clear lifeline_w --reason \"new hours\"",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			if len(set)+len(clear) == 0 {
				v, err := api.MeterConfig(cmd.Context(), args[0])
				return answer(c, cmd, v, err, meterConfigTable)
			}
			values, err := meterValues(set)
			if err != nil {
				return err
			}
			v, err := api.SetMeterConfig(cmd.Context(), args[0], apiv1.MeterConfigChange{Set: values, Clear: clear, Reason: reason})
			return answer(c, cmd, v, err, meterConfigTable)
		}),
	}
	f := cmd.Flags()
	f.StringArrayVar(&set, "set", nil, "KEY=VALUE to set for this meter; list entries are separated by semicolons")
	f.StringArrayVar(&clear, "clear", nil, "KEY that the meter no longer has of its own; the utility's value applies again")
	f.StringVar(&reason, "reason", "", "why, in a few words (needed for a change); written to the audit log")
	return cmd
}

// meterValueKinds returns the keys of a configuration with the types of their values.
func meterValueKinds() map[string]reflect.Type {
	out := map[string]reflect.Type{}
	for f := range reflect.TypeFor[apiv1.MeterValues]().Fields() {
		key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		out[key] = f.Type.Elem()
	}
	return out
}

// meterValues reads options KEY=VALUE.
func meterValues(options []string) (out apiv1.MeterValues, err error) {
	kinds, raw := meterValueKinds(), map[string]any{}
	for _, o := range options {
		key, value, _ := strings.Cut(o, "=")
		kind, known := kinds[key]
		if !known {
			return out, usage("There is no value "+strconv.Quote(key)+" in a configuration.", "The values are "+strings.Join(slices.Sorted(maps.Keys(kinds)), ", ")+".")
		}
		var ok bool
		if raw[key], ok = meterValue(kind, strings.TrimSpace(value)); !ok {
			return out, usage("The value of "+key+" is not valid: "+strconv.Quote(value)+".", "Energy is in Wh, power in W, time in s. Others are true or false, text, or entries with semicolons between them.")
		}
	}
	text, err := json.Marshal(raw)
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	return out, err
}

// meterValue reads a value of a type.
func meterValue(kind reflect.Type, text string) (any, bool) {
	switch kind.Kind() {
	case reflect.Int64:
		n, err := strconv.ParseInt(text, 10, 64)
		return n, err == nil
	case reflect.Bool:
		return text == "true", text == "true" || text == "false"
	case reflect.Slice:
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

// meterConfigTable shows how the configuration of a meter stands.
func meterConfigTable(v apiv1.MeterConfig) table {
	version := func(c *apiv1.ConfigVersion) string {
		if c == nil {
			return "none"
		}
		return "version " + strconv.FormatInt(c.Version, 10) + " since " + timeText(&c.Since)
	}
	rows := []string{"meter", v.Meter, "state", strings.TrimSpace(v.State + " " + v.Answer), "asked", version(v.Asked), "the meter has", version(v.Has),
		"own values", meterValuesText(v.Own), "values of the utility", meterValuesText(v.Utility)}
	for _, d := range v.Differences {
		rows = append(rows, d.Key, cmp.Or(d.Has, "default")+" → "+cmp.Or(d.Asked, "default"))
	}
	return fields(rows...)
}

// meterValuesText writes values on one line, as --set takes them.
func meterValuesText(v apiv1.MeterValues) string {
	var out []string
	value := reflect.ValueOf(v)
	for i, f := range slices.Collect(value.Type().Fields()) {
		if one := value.Field(i); !one.IsNil() {
			key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			text := ""
			switch e := one.Elem().Interface().(type) {
			case int64:
				text = strconv.FormatInt(e, 10)
			case bool:
				text = strconv.FormatBool(e)
			case string:
				text = strconv.Quote(e)
			case []string:
				text = strconv.Quote(strings.Join(e, "; "))
			}
			out = append(out, key+"="+text)
		}
	}
	return cmp.Or(strings.Join(out, " "), "none")
}
