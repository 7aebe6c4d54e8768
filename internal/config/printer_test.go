package config_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/config"
)

func printersOf(tables ...map[string]any) ([]config.Printer, error) {
	c, err := config.Merge(config.Sources{File: map[string]any{"printer": tables}, FilePath: "paywatt.toml"})
	return c.Printers(), err
}

func TestPrintersAreRead(t *testing.T) {
	all, err := printersOf(map[string]any{"name": "counter1", "address": "192.168.1.50", "tills": []any{"main"}, "automatic": true},
		map[string]any{"name": "office", "address": "/dev/usb/lp0", "width": int64(58), "people": []any{"amina@example.org"}, "code_page": "cp1252"})
	want := []config.Printer{{Name: "counter1", Address: "192.168.1.50", Width: 80, Tills: []string{"main"}, Automatic: true, CodePage: "cp858"},
		{Name: "office", Address: "/dev/usb/lp0", Width: 58, People: []string{"amina@example.org"}, CodePage: "cp1252"}}
	if err != nil || !reflect.DeepEqual(all, want) {
		t.Errorf("got %+v, %v, want %+v", all, err, want)
	}
}

func TestPrintersThatCannotBeRightAreNamed(t *testing.T) {
	with := func(key string, value any) []map[string]any {
		p := map[string]any{"name": "counter1", "address": "192.168.1.50:9100", key: value}
		return []map[string]any{p}
	}
	first := map[string]any{"name": "a", "address": "h", "tills": []any{"main"}, "people": []any{"x@y"}}
	for want, tables := range map[string][]map[string]any{
		"name is":                 with("name", "Counter 1"),
		"address is \"\"":         with("address", ""),
		"address is \"a@host\"":   with("address", "a@host"),
		"its port":                with("address", "host:99999"),
		"width is 72":             with("width", int64(72)),
		"width is 80":             with("width", "80"),
		"code_page is":            with("code_page", "cp437"),
		"automatic is yes":        with("automatic", "yes"),
		"tills is 1":              with("tills", int64(1)),
		"no key ip":               with("ip", "x"),
		"two printers have":       {first, {"name": "a", "address": "h"}},
		"main has two printers":   {first, {"name": "b", "address": "h", "tills": []any{"main"}}},
		"X@Y has two printers":    {first, {"name": "b", "address": "h", "people": []any{"X@Y"}}},
		"at most":                 make([]map[string]any, config.MaxPrinters+1),
		"number 2: a printer has": {first, {"nome": "b"}},
	} {
		if _, err := printersOf(tables...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want one that says %q", err, want)
		}
	}
}
