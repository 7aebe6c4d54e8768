package main

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// choice is the value of an option that takes one word of a closed set. A wrong word is refused before the command runs, and
// the shell completes the right ones.
type choice struct {
	name   string
	value  *string
	of     []string
	needed bool // if true, an empty word is wrong too; if false, an empty word means that the option was not given
	open   bool // if true, the option accepts any word; a later check refuses a wrong word with its own error message
}

// String returns the word.
func (c *choice) String() string {
	if c.value == nil {
		return ""
	}
	return *c.value
}

// Type is the type that --help shows.
func (c *choice) Type() string { return "string" }

// Set accepts a word of the set.
func (c *choice) Set(word string) error {
	if !c.open && (word != "" || c.needed) {
		if err := oneOf("--"+c.name, word, c.of); err != nil {
			return err
		}
	}
	*c.value = word
	return nil
}

// choiceFlag adds an option that takes one word of a closed set. The value holds its default.
func choiceFlag(f *pflag.FlagSet, value *string, name, help string, of []string) {
	f.Var(&choice{name: name, value: value, of: of}, name, help)
}

// wordFlag is like [choiceFlag], but the option itself accepts any word. A later check refuses a wrong word with its own error message. The
// shell still completes the words of the set.
func wordFlag(f *pflag.FlagSet, value *string, name, help string, of []string) {
	f.Var(&choice{name: name, value: value, of: of, open: true}, name, help)
}

// oneOf fails if a word is not in a closed set. name is the option or argument that has the word.
func oneOf(name, word string, of []string) error {
	if slices.Contains(of, word) {
		return nil
	}
	return usage(fmt.Sprintf("%s cannot be %q.", name, word), didYouMean(nearest(word, of))+"Give "+alternativesText(of)+".")
}

// enum returns the closed set of a field of the API's type T, as its documentation lists it.
func enum[T any](field string) []string {
	f, ok := reflect.TypeFor[T]().FieldByName(field)
	if !ok || f.Tag.Get("enum") == "" {
		panic(fmt.Sprintf("%v.%s has no closed set", reflect.TypeFor[T](), field)) // can only be a mistake in this program
	}
	return strings.Split(f.Tag.Get("enum"), ",")
}

// notText reports whether a format of receipts is a file for programs.
func notText(format string) bool { return format == "pdf" || strings.HasPrefix(format, "escpos") }

// receiptFormats are the forms in which the server prints a receipt.
func receiptFormats() []string {
	return []string{"text32", "text48", "html", "pdf", "escpos58", "escpos80", "sms", "json"}
}
