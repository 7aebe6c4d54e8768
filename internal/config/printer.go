package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// PrinterTables is the key of the tables that describe the receipt printers of the server.
const PrinterTables = "printer"

// MaxPrinters is how many printers there can be.
const MaxPrinters = 32

// Printer is a receipt printer of the server.
type Printer struct {
	Name    string
	Address string // a device file, or a host with or without a port
	Width   int64  // of the paper in millimetres: 58 or 80
	// Tills and People print there. A till has at most one printer, and so has a person.
	Tills, People []string
	Automatic     bool   // each sale is printed at once
	CodePage      string // cp858 or cp1252
}

// Printers returns the receipt printers in the order of the settings file.
func (c Config) Printers() []Printer { return slices.Clone(c.printers) }

// readPrinters reads the tables of a decoded settings file.
func readPrinters(v any) ([]Printer, error) {
	tables, err := tablesOf(v, PrinterTables)
	if err != nil {
		return nil, err
	}
	if len(tables) > MaxPrinters {
		return nil, fmt.Errorf("has %d tables, at most %d", len(tables), MaxPrinters)
	}
	out := make([]Printer, len(tables))
	for i, t := range tables {
		if out[i], err = readPrinter(t); err == nil {
			err = out[i].apart(out[:i])
		}
		if err != nil {
			return nil, &FileError{Key: PrinterTables, Table: i + 1, Err: fmt.Errorf("number %d: %w", i+1, err)}
		}
	}
	return out, nil
}

func readPrinter(t map[string]any) (Printer, error) {
	p := Printer{Width: 80, CodePage: "cp858"}
	for _, key := range sortedKeys(t) {
		ok := true
		switch v := t[key]; key {
		case "name":
			p.Name, ok = v.(string)
		case "address":
			p.Address, ok = v.(string)
		case "width":
			p.Width, ok = v.(int64)
		case "code_page":
			p.CodePage, ok = v.(string)
		case "automatic":
			p.Automatic, ok = v.(bool)
		case "tills", "people":
			texts, err := fileTexts(v, List)
			if ok = err == nil; key == "tills" {
				p.Tills = texts
			} else {
				p.People = texts
			}
		default:
			return p, fmt.Errorf("a printer has no key %s; its keys are name, address, width, tills, people, automatic and code_page", key)
		}
		if !ok {
			return p, fmt.Errorf("%s is %s, which is not its kind of value", key, scalar(t[key]))
		}
	}
	return p, p.check()
}

// check says what is wrong with a printer.
func (p Printer) check() error {
	switch {
	case !isRouteName(p.Name):
		return fmt.Errorf("name is %q, want 1 to 32 of a-z, 0-9 and -", p.Name)
	case p.Width != 58 && p.Width != 80:
		return fmt.Errorf("printer %s: width is %d, want 58 or 80", p.Name, p.Width)
	case p.CodePage != "cp858" && p.CodePage != "cp1252":
		return fmt.Errorf("printer %s: code_page is %q, want cp858 or cp1252", p.Name, p.CodePage)
	}
	if err := printerAddress(p.Address); err != nil {
		return fmt.Errorf("printer %s: address %w", p.Name, err)
	}
	return nil
}

// printerAddress says what is wrong with the address of a printer. It resolves and opens nothing.
func printerAddress(text string) error {
	if strings.HasPrefix(text, "/") || strings.HasPrefix(text, `\\.\`) {
		return nil
	}
	host := text
	if i := strings.LastIndex(text, ":"); i >= 0 && (strings.Count(text, ":") == 1 || text[i-1] == ']') {
		if err := address(text[i:]); err != nil {
			return err
		}
		host = text[:i]
	}
	if host = strings.Trim(host, "[]"); host == "" || strings.ContainsAny(host, "/@ ") {
		return fmt.Errorf("is %q, want a device such as /dev/usb/lp0, or a host such as 192.168.1.50 or 192.168.1.50:9100", text)
	}
	return nil
}

// apart says what a printer shares with an earlier one that only one printer may have.
func (p Printer) apart(earlier []Printer) error {
	for _, q := range earlier {
		if p.Name == q.Name {
			return fmt.Errorf("two printers have the name %s", p.Name)
		}
		for _, list := range [][2][]string{{p.Tills, q.Tills}, {p.People, q.People}} {
			for _, n := range list[0] {
				if slices.ContainsFunc(list[1], func(m string) bool { return strings.EqualFold(n, m) }) {
					return fmt.Errorf("%s has two printers: %s and %s", n, q.Name, p.Name)
				}
			}
		}
	}
	return nil
}

// tablesOf reads the tables of a key.
func tablesOf(v any, key string) ([]map[string]any, error) {
	wrong := errors.New("must be a list of tables that each begin with [[" + key + "]]")
	switch v := v.(type) {
	case []map[string]any:
		return v, nil
	case []any:
		var out []map[string]any
		for _, e := range v {
			t, ok := e.(map[string]any)
			if !ok {
				return nil, wrong
			}
			out = append(out, t)
		}
		return out, nil
	}
	return nil, wrong
}
