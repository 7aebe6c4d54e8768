package main

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/sheet"
)

// table is a result in table and CSV format: a head and rows of text.
type table struct {
	head []string
	rows [][]string
}

// add appends a row of values in their default format.
func (t *table) add(values ...any) {
	row := make([]string, len(values))
	for i, v := range values {
		row[i] = fmt.Sprint(v)
	}
	t.rows = append(t.rows, row)
}

// fields returns the table of one object: a row for each field that has a value.
func fields(pairs ...string) table {
	t := table{head: []string{"field", "value"}}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			t.rows = append(t.rows, pairs[i:i+2])
		}
	}
	return t
}

// show writes a result to standard output in the format of --output: v as JSON, t as a table or CSV.
func (c console) show(cmd *cobra.Command, v any, t table) error {
	format, err := cmd.Flags().GetString("output")
	if err != nil {
		return err
	}
	switch format {
	case "json":
		return writeJSON(c.out, v, "  ")
	case "csv":
		return t.writeCSV(c.out)
	case "table":
		return t.write(c.out)
	}
	return fmt.Errorf("show a result: no format %q", format)
}

// answer shows the server's answer to the command's only request. The function t makes the table of the answer.
func answer[T any](c console, cmd *cobra.Command, v T, err error, t func(T) table) error {
	if err != nil {
		return err
	}
	return c.show(cmd, v, t(v))
}

// given returns the value of an option if the user gave the option, and nil otherwise.
func given[T any](cmd *cobra.Command, name string, value *T) *T {
	if !cmd.Flags().Changed(name) {
		return nil
	}
	return value
}

// writeCSV writes the table for a spreadsheet. Anybody can send a text message, so a cell must never be a formula or control
// the terminal that shows it.
func (t table) writeCSV(out io.Writer) error {
	w := csv.NewWriter(out)
	if err := w.Write(t.head); err != nil {
		return err
	}
	for _, row := range t.rows {
		if err := w.Write(cells(row, func(s string) string { return sheet.Harmless(printable(s)) })); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

// write writes the table for a terminal.
func (t table) write(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{cells(t.head, strings.ToUpper)}, t.rows...) {
		if _, err := fmt.Fprintln(tw, strings.TrimRight(strings.Join(cells(row, printable), "\t"), "\t ")); err != nil {
			return err
		}
	}
	return tw.Flush()
}

// cells passes each cell of a row to a function and returns the results.
func cells(row []string, made func(string) string) []string {
	out := make([]string, len(row))
	for i, cell := range row {
		out[i] = made(cell)
	}
	return out
}

// printable returns a text without terminal control characters. Text messages and meters' data come from anybody.
func printable(s string) string { return notify.Visible(s) }

// writeJSON writes v as JSON and escapes every character that a terminal would not show. Programs read the same value, and
// people see nothing harmful.
func writeJSON(w io.Writer, v any, indent string) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	if err := e.Encode(v); err != nil {
		return err
	}
	var out []byte
	for _, r := range b.String() { // non-ASCII characters occur only inside strings
		switch {
		case r != unicode.MaxASCII && r < utf8.RuneSelf, unicode.IsPrint(r), unicode.Is(unicode.Zs, r):
			out = utf8.AppendRune(out, r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
	}
	_, err := w.Write(out)
	return err
}

// headline writes the verdict of a check: as the first line of a table, and to standard error in other formats.
func (c console) headline(cmd *cobra.Command, verdict string) error {
	w := c.err
	if format, err := cmd.Flags().GetString("output"); err != nil || format == "table" {
		w = c.out
	}
	_, err := fmt.Fprintln(w, verdict)
	return err
}

// scope says what a check covers and what it does not: below a table, and on standard error in other formats.
func (c console) scope(cmd *cobra.Command, covered, open []string) error {
	err := c.headline(cmd, "Checked:")
	for _, line := range covered {
		err = errors.Join(err, c.headline(cmd, "  "+line))
	}
	err = errors.Join(err, c.headline(cmd, "Not checked:"))
	for _, line := range open {
		err = errors.Join(err, c.headline(cmd, "  "+line))
	}
	return err
}

// tell writes a line for people to standard error.
func (c console) tell(format string, args ...any) {
	fmt.Fprintf(c.err, format+"\n", args...)
}

// atTerminal reports whether somebody at a terminal can read a question and answer it.
func (c console) atTerminal() bool { return isTerminal(c.in) && isTerminal(c.err) }

// saysYes asks a question and reports whether the answer is yes.
func (c console) saysYes(question string) bool {
	fmt.Fprint(c.err, question+" Type yes: ")
	answer, _ := bufio.NewReader(c.in).ReadString('\n')
	return strings.TrimSpace(answer) == "yes"
}
