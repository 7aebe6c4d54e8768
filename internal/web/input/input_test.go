package input_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/web/input"
)

// asked is a request for an address, with its exact bytes.
func asked(path, query string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.URL = &url.URL{Path: path, RawQuery: query}
	return r
}

// TestAddressesOfPages: invisible marks are dropped, and other bytes that are no text are refused.
func TestAddressesOfPages(t *testing.T) {
	for _, c := range []struct {
		path, query string
		fits        bool
		want        string // the query that the page gets
	}{
		{"/search", "", true, ""},
		{"/search", "q=0414+0001&b=&b=2", true, "q=0414+0001&b=&b=2"}, // unchanged, in the same order
		{"/search", "q=%E2%80%AA0414%E2%80%AC", true, "q=0414"},
		{"/search", "b=1&q=%E2%81%A60414%E2%81%A9&a=2", true, "a=2&b=1&q=0414"},
		{"/search", "q=%E2%80%8E0414&q=%E2%80%8B15", true, "q=0414&q=15"},
		{"/search", "q=0414%09", true, "q=0414"},
		{"/search", "q=Amina%09A.%0D%0A", true, "q=Amina+A."},
		{"/search", "q=%D9%85%E2%80%8C%D9%87", true, "q=%D9%85%E2%80%8C%D9%87"}, // words of Persian need the joiner
		{"/search", "q=%00", false, ""},
		{"/search", "q=%E2%80%AA%1B", false, ""},
		{"/search", "q=%ff", false, ""},
		{"/search", "q=%E2%80%AA%ff", false, ""},
		{"/search", "%00=1", false, ""},
		{"/search", "%E2%80%AAq=1", false, ""}, // nobody types the name of a field
		{"/search", "q=100%", false, ""},
		{"/search", "q=1;p=2", false, ""},
		{"/meters/\x00", "", false, ""},
		{"/meters/\u202e0414", "", false, ""},
		{"/meters/\xff", "q=1", false, ""},
		{"/meters/été", "", true, ""},
	} {
		r := asked(c.path, c.query)
		got, fits := input.Address(r)
		if fits != c.fits || fits && (got.URL.RawQuery != c.want || got.URL.Path != c.path) {
			t.Errorf("%q?%s: %t %q, want %t %q", c.path, c.query, fits, got.URL.RawQuery, c.fits, c.want)
		}
		if r.URL.RawQuery != c.query {
			t.Errorf("%q?%s: the request itself was changed to %q", c.path, c.query, r.URL.RawQuery)
		}
	}
}

// sent is a form in the body of a request.
func sent(body, query string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.URL.RawQuery = query
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

// TestFormsOfPages: the same marks are dropped from a form by POST. Only the fields with several lines keep their lines and tabs.
func TestFormsOfPages(t *testing.T) {
	for _, c := range []struct {
		body  string
		fits  bool
		field string
		want  []string
	}{
		{"meter=%E2%80%AA0414%E2%80%AC", true, "meter", []string{"0414"}},
		{"meter=0414%09&meter=%E2%81%A615%E2%81%A9", true, "meter", []string{"0414", "15"}},
		{"reason=rent%0Aapproved+by+amina", true, "reason", []string{"rent approved by amina"}},
		{"list=a%09b%0D%0A%E2%80%8Ec%09d", true, "list", []string{"a\tb\r\nc\td"}},
		{"list=a%1B", false, "", nil},
		{"list=a&list=b%00", false, "", nil},
		{"list=a%ff", false, "", nil},
		{"meter=%00", false, "", nil},
		{"meter=%ff", false, "", nil},
		{"%00=1", false, "", nil},
		{"a%0A=1", false, "", nil},
	} {
		r := sent(c.body, "")
		fits, err := input.Form(r, "list")
		if err != nil || fits != c.fits {
			t.Errorf("%s: %t %v, want %t", c.body, fits, err, c.fits)
			continue
		}
		for i, want := range c.want {
			if r.PostForm[c.field][i] != want || r.Form[c.field][i] != want {
				t.Errorf("%s: %q and %q, want %q", c.body, r.PostForm[c.field], r.Form[c.field], c.want)
			}
		}
		if r.PostFormValue("nothing") != "" {
			t.Errorf("%s: a field that was not sent", c.body)
		}
	}
	if fits, err := input.Form(sent("meter=%zz", "")); fits || err == nil {
		t.Errorf("a broken escape: %t %v", fits, err)
	}
	long := sent("meter="+strings.Repeat("1", 100), "")
	long.Body = http.MaxBytesReader(nil, long.Body, 10)
	if fits, err := input.Form(long); fits || !errors.As(err, new(*http.MaxBytesError)) {
		t.Errorf("a form that is too large: %t %v", fits, err)
	}
	if fits, err := input.Form(sent("list=a%0Ab", "")); !fits || err != nil {
		t.Errorf("a field without several lines: %t %v", fits, err)
	}
}

// TestAFormWithAFile: the fields beside a file are read in the same way.
func TestAFormWithAFile(t *testing.T) {
	body := "--x\r\nContent-Disposition: form-data; name=\"tariff\"\r\n\r\n\u202adomestic\u202c\r\n--x\r\nContent-Disposition: form-data; name=\"kind\"\r\n\r\nmeters\r\n--x--\r\n"
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
	if err := r.ParseMultipartForm(1 << 20); err != nil {
		t.Fatal(err)
	}
	if !input.Parsed(r) || r.PostFormValue("tariff") != "domestic" || r.FormValue("tariff") != "domestic" || r.PostFormValue("kind") != "meters" {
		t.Errorf("the fields are %q", r.PostForm)
	}
}
