package rogue

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// reply is an answer of the server.
type reply struct {
	status int
	body   []byte
	code   string // of a problem
}

// ok reports whether the request was done at once.
func (a reply) ok() bool { return a.status == 200 || a.status == 201 }

// under reports whether the request was accepted and goes on without a second person.
func (a reply) under() bool { return a.ok() || a.status == 202 && a.approval() == "" }

// approval is the id of the approval that the request waits for; empty if it waits for none.
func (a reply) approval() string {
	var w struct{ ID string }
	if a.status != 202 || json.Unmarshal(a.body, &w) != nil || !strings.HasPrefix(w.ID, "apr_") {
		return ""
	}
	return w.ID
}

// into reads the answer.
func (a reply) into(v any) { _ = json.Unmarshal(a.body, v) }

// api is a server's HTTP interface.
type api struct {
	url  string
	http *http.Client
	n    int    // requests so far
	run  string // begins the idempotency keys, which are unique for ever
}

func newAPI(address, run string) *api {
	return &api{url: "http://" + address, run: run, http: &http.Client{Timeout: 120 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 4}}}
}

// ask sends one request with a key. Only a server that does not answer is an error.
func (c *api) ask(key, method, path string, body any) (reply, error) {
	c.n++
	var r io.Reader
	kind := "application/json"
	if text, is := body.(file); is {
		r, kind = strings.NewReader(string(text)), "text/csv"
	} else if book, is := body.(workbook); is {
		r, kind = bytes.NewReader(book), "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	} else if body != nil {
		r = bytes.NewReader(mustJSON(body))
	}
	req, err := http.NewRequest(method, c.url+path, r)
	if err != nil {
		return reply{}, err
	}
	req.Header.Set("Authorization", "Bearer "+key)
	if body != nil {
		req.Header.Set("Content-Type", kind)
		req.Header.Set("Idempotency-Key", fmt.Sprintf("%s-%06d", c.run, c.n))
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	out := reply{status: resp.StatusCode, body: b}
	if out.status >= 400 {
		var p struct{ Code string }
		out.into(&p)
		out.code = p.Code
	}
	return out, err
}

// tokensIn lists the digits of all tokens in a text, grouped or not.
func tokensIn(b []byte) (out []string) {
	digits := make([]byte, 0, 20)
	for i := 0; i <= len(b); i++ {
		switch {
		case i < len(b) && b[i] >= '0' && b[i] <= '9':
			digits = append(digits, b[i])
			continue
		case i < len(b) && (b[i] == ' ' || b[i] == '-') && len(digits)%4 == 0 && len(digits) > 0:
			continue
		case len(digits) == 20:
			out = append(out, string(digits))
		}
		digits = digits[:0]
	}
	return out
}
