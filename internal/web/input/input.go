// Package input reads what browsers send to pages: the address, with a form by GET in it, and the body of a form by POST.
//
// People paste numbers and names from pages, messages and spreadsheets, and with them marks that nobody sees. Both kinds of forms drop these
// marks in the same way (docs/decisions/0006-figures-by-language.md). What is still no text is refused, before any handler looks at it.
package input

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
)

// Address returns the request with the marks removed from the query of its address. It reports false if the address is not one line of text:
// a broken escape, which would silently drop a part, a control character, or bytes that are not UTF-8.
func Address(r *http.Request) (*http.Request, bool) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || !access.IsLine(r.URL.Path) {
		return r, false
	}
	if access.AreLines(query) {
		return r, true
	}
	unmark(query)
	if !access.AreLines(query) {
		return r, false
	}
	clean := r.Clone(r.Context())
	clean.URL.RawQuery = query.Encode()
	return clean, true
}

// Form reads the form in the body of a POST and removes the marks from its values. The named fields may have several lines. It reports false
// if a name or a value is not text. An error is one of [http.Request.ParseForm].
func Form(r *http.Request, several ...string) (bool, error) {
	if err := r.ParseForm(); err != nil {
		return false, err
	}
	return Parsed(r, several...), nil
}

// Parsed is Form for a body that was read before, such as one with a file.
func Parsed(r *http.Request, several ...string) bool {
	unmark(r.PostForm, several...)
	unmark(r.Form, several...)
	lines := url.Values{}
	for name, values := range r.PostForm {
		if slices.Contains(several, name) {
			values = []string{strings.NewReplacer("\r", " ", "\n", " ", "\t", " ").Replace(strings.Join(values, " "))}
		}
		lines[name] = values
	}
	return access.AreLines(lines)
}

// unmark removes the marks from the values of a form.
func unmark(form url.Values, several ...string) {
	for name, values := range form {
		clean := access.Unmark
		if slices.Contains(several, name) {
			clean = access.UnmarkText
		}
		for i, v := range values {
			values[i] = clean(v)
		}
	}
}
