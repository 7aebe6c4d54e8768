package api_test

import (
	"strings"
	"testing"
)

func TestReceiptsInEveryForm(t *testing.T) {
	w := begin(t)
	s := decode[sale](t, w.want(201, w.sell("receipt-0001", order("10000"))))
	digits := s.Tokens[0].Digits
	grouped := digits[:4] + " " + digits[4:8] + " " + digits[8:12] + " " + digits[12:16] + " " + digits[16:]
	for format, c := range map[string]struct{ kind, has string }{
		"":         {"application/json", `"units_kwh":"34.7"`},
		"json":     {"application/json", `"carry_minor":24`},
		"text32":   {"text/plain; charset=utf-8", "34.7 kWh @ 2.50            86.75\n"},
		"text48":   {"text/plain; charset=utf-8", "34.7 kWh @ 2.50                            86.75\n"},
		"html":     {"text/html; charset=utf-8", `<th scope="row">34.7 kWh @ 2.50</th><td>86.75</td>`},
		"pdf":      {"application/pdf", "%PDF-1.3"},
		"escpos58": {"application/octet-stream", "\x1b@\x1bt\x13"},
		"escpos80": {"application/octet-stream", "\x1b@\x1bt\x13"},
		"sms":      {"text/plain; charset=utf-8", "34.7 kWh KES 100.00 meter " + meterNumber},
	} {
		a := w.want(200, w.get("/v1/vends/"+s.ID+"/receipt?format="+format))
		if got := a.header.Get("Content-Type"); got != c.kind {
			t.Errorf("%s: content type %q, want %q", format, got, c.kind)
		}
		if format == "pdf" || strings.HasPrefix(format, "escpos") { // its text is compressed; internal/print reads it
			if !strings.HasPrefix(string(a.body), c.has) {
				t.Errorf("the file begins with %.20q", a.body)
			}
			continue
		}
		if strings.Contains(strings.ToLower(string(a.body)), "balance") {
			t.Errorf("%s: the receipt of a token has the balance of a wallet", format)
		}
		if body := string(a.body); !strings.Contains(body, c.has) || !strings.Contains(body, grouped) || !strings.Contains(body, "TEST") {
			t.Errorf("%s: want %q, %s and TEST in\n%s", format, c.has, grouped, body)
		}
		if policy := a.header.Get("Content-Security-Policy"); (format == "html") != strings.Contains(policy, "style-src 'sha256-") {
			t.Errorf("%s: policy %q", format, policy)
		}
	}
	if code, _ := w.problem(w.get("/v1/vends/" + s.ID + "/receipt?format=docx")); code != "format-unsupported" {
		t.Errorf("a form that is not there: %s", code)
	}
}

// TestOnlyTheFirstPaperOfASaleIsAnOriginal: whatever the format, the second paper says that it is a copy. Formats for programs and telephones
// are no paper, and a client cannot ask for an original.
func TestOnlyTheFirstPaperOfASaleIsAnOriginal(t *testing.T) {
	w := begin(t)
	s := decode[sale](t, w.want(201, w.sell("paper-0001", order("10000"))))
	for _, c := range []struct {
		query string
		copy  bool
	}{{"", false}, {"?format=sms", false}, {"?format=text32&copy=1", true}, {"?format=text48", false}, {"?format=text48", true}, {"?format=html", true}, {"?format=json", false}} {
		body := string(w.want(200, w.get("/v1/vends/"+s.ID+"/receipt"+c.query)).body)
		if got := strings.Contains(body, "COPY 1"); got != c.copy {
			t.Errorf("%q says that it is a copy: %v, want %v", c.query, got, c.copy)
		}
	}
	second := decode[sale](t, w.want(201, w.sell("paper-0002", order("10000"))))
	if again := string(w.want(201, w.post("/v1/vends/"+second.ID+"/reprints?format=text48", `{}`)).body); !strings.Contains(again, "COPY 1") {
		t.Errorf("the reprint is no copy:\n%s", again)
	}
	if body := string(w.want(200, w.get("/v1/vends/"+second.ID+"/receipt?format=text48")).body); !strings.Contains(body, "COPY 1") {
		t.Errorf("after a counted copy there is an original:\n%s", body)
	}
	w.want(201, w.ask("POST", "/v1/vends/"+second.ID+"/reversal", w.key, `{"reason":"mistyped"}`, "Idempotency-Key", "paper-undone"))
	for i, query := range []string{"text48", "html", "text48"} { // a credit note is a document of its own, with an original of its own
		body := string(w.want(200, w.get("/v1/vends/"+second.ID+"/receipt?note=credit&format="+query)).body)
		if got := strings.Contains(body, "COPY 1"); got != (i > 0) || !strings.Contains(body, "-R") {
			t.Errorf("paper %d of the credit note says that it is a copy: %v", i+1, got)
		}
		if strings.Contains(body, "apikey") || !strings.Contains(body, "API key") {
			t.Errorf("the paper does not name the seller as people read it:\n%s", body)
		}
	}
}

func TestASaleIsExplainedOverHTTP(t *testing.T) {
	w := begin(t)
	s := decode[sale](t, w.want(201, w.sell("explain-0001", order("10000"))))
	e := decode[struct {
		Agrees      bool
		Differences []string
		Sum         int64  `json:"sum_minor"`
		Exact       string `json:"exact_cost"`
		Gross       int64  `json:"gross_minor"`
		Carry       int64  `json:"carry_minor"`
		Steps       []struct {
			Gross string `json:"gross_per_kwh"`
			Cost  string
		}
		Words []string
	}](t, w.want(200, w.get("/v1/vends/"+s.ID+"/explain")))
	if !e.Agrees || len(e.Differences) != 0 || e.Sum != 10000 || e.Exact != "99.7625" || e.Gross != 9976 || e.Carry != 24 ||
		len(e.Steps) != 1 || e.Steps[0].Gross != "2.875" || e.Steps[0].Cost != "99.7625" {
		t.Errorf("explained as %+v", e)
	}
	if words := strings.Join(e.Words, "\n"); !strings.Contains(words, "You paid 100.00 KES.") || !strings.HasSuffix(words, "Together: 86.75 + 13.01 + 0.24 = 100.00 KES.") {
		t.Errorf("in words:\n%s", words)
	}
	if code, _ := w.problem(w.get("/v1/vends/vnd_none/explain")); code != "vend-not-found" {
		t.Errorf("a sale that is not there: %s", code)
	}
}

func TestAReversedSaleHasACreditNote(t *testing.T) {
	w := begin(t)
	s := decode[sale](t, w.want(201, w.sell("credit-note-1", order("10000"))))
	path := "/v1/vends/" + s.ID
	if code, _ := w.problem(w.get(path + "/receipt?note=credit")); code != "vend-not-found" {
		t.Errorf("before the reversal: %s", code)
	}
	if body := string(w.want(200, w.get(path+"/receipt?format=text32&copy=2")).body); !strings.Contains(body, "*** COPY 2 ***") {
		t.Errorf("a copy:\n%s", body)
	}
	w.want(201, w.ask("POST", path+"/reversal", w.key, `{"reason":"wrong meter"}`, "Idempotency-Key", "credit-note-2"))
	if body := string(w.want(200, w.get(path+"/receipt?format=text48")).body); !strings.Contains(body, "*** REVERSED ***") {
		t.Errorf("the receipt:\n%s", body)
	}
	note := string(w.want(200, w.get(path+"/receipt?note=credit&format=text48")).body)
	for _, has := range []string{"TEST CREDIT NOTE", "reverses receipt main-000001", "Receipt    main-000001-R", "34.7 kWh @ 2.50                           -86.75",
		"REFUNDED KES                             -100.00", "Do not enter these tokens. If they are used,"} {
		if !strings.Contains(note, has) {
			t.Errorf("the credit note has not %q:\n%s", has, note)
		}
	}
}
