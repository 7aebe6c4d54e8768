package hook_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/gsm/hook"
	"github.com/paywatt/paywatt/internal/notify"
)

func TestAddressesThatMayBeCalled(t *testing.T) {
	for _, c := range []struct {
		raw   string
		plain bool
		want  string // part of the error; "" means that the address is allowed
	}{
		{"https://sms.example/send?a=b", false, ""}, {"http://127.0.0.1:13013/cgi-bin/sendsms", false, ""}, {"http://localhost/x", false, ""},
		{"http://192.168.1.9:8080/", false, ""}, {"http://[fd00::1]/", false, ""}, {"http://kannel:13013/", true, ""},
		{"http://kannel:13013/", false, "plain_http"}, {"http://8.8.8.8/", false, "plain_http"}, {"http://127.0.0.1.evil.example/", false, "plain_http"},
		{"https://u:p@sms.example/", false, "password"}, {"https://sms.example/#x", false, "fragment"}, {"file:///etc/passwd", false, "http"},
		{"gopher://127.0.0.1/", true, "http"}, {"https://", false, "http"}, {"://", false, "read"}, {"mailto:a@b", false, "http"}, {"", false, "http"},
	} {
		_, err := hook.URL(c.raw, c.plain)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q, plain %v: %v, want %q", c.raw, c.plain, err, c.want)
		}
	}
}

func TestOnlyAConnectionThatNeverWasIsNotSent(t *testing.T) {
	arrived := make(chan struct{})
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/elsewhere":
			http.Redirect(w, r, "/slow", http.StatusFound)
		case "/slow":
			_, _ = io.Copy(io.Discard, r.Body) // only then does the server notice that the client has gone
			arrived <- struct{}{}
			<-r.Context().Done()
		default:
			panic(http.ErrAbortHandler)
		}
	}))
	defer site.Close()
	silent := await.FreeAddress(t)
	call := func(url string) (*http.Response, error) {
		ctx, cancel := context.WithTimeout(t.Context(), await.Limit)
		defer cancel()
		go func() { // the client gives up when the other side has the message
			select {
			case <-arrived:
				cancel()
			case <-ctx.Done():
			}
		}()
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		return hook.NewClient().Do(r)
	}
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	untrusted.StartTLS()
	defer untrusted.Close()
	for url, want := range map[string]notify.Outcome{
		untrusted.URL + "/?password=x":      notify.NotSent,
		"http://" + silent + "/?password=x": notify.NotSent, site.URL + "/slow?password=x": notify.Unknown, site.URL + "/gone?password=x": notify.Unknown,
	} {
		resp, err := call(url)
		if err == nil {
			_ = resp.Body.Close()
			t.Fatalf("%s answered %s", url, resp.Status)
		}
		if s := hook.Failed(err); s.Outcome != want || s.Closed != (want == notify.NotSent) || strings.Contains(s.Why, "password") {
			t.Errorf("%s: %+v, want %v", url, s, want)
		}
	}
	resp, err := call(site.URL + "/elsewhere")
	if err != nil || resp.StatusCode != http.StatusFound {
		t.Errorf("a redirect was followed: %v", err)
	}
	if err == nil {
		_ = resp.Body.Close()
	}
}

func TestWordsOfOthersAreMadeFit(t *testing.T) {
	for in, want := range map[string]string{
		" two\r\n\x00lines ": "two lines", "bad *02#12345678901234567890": "bad *02#…", "1234 5678 9012-3456 7890!": "…!", "error 38": "error 38", "\xff": "\uFFFD",
		strings.Repeat("é", 200): strings.Repeat("é", 150),
	} {
		if got := hook.Clean(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

func TestNumbersGetTheirPlus(t *testing.T) {
	for in, want := range map[string]string{
		"+255711000001": "+255711000001", "255711000001": "+255711000001", " 255711000001": "+255711000001", "0711000001": "0711000001", "15555": "15555",
		"PAYWATT": "PAYWATT", "": "", "+15555": "+15555", "1234567890123456": "1234567890123456",
	} {
		if got := hook.Number(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

func TestSecretsAreCompared(t *testing.T) {
	if !hook.Same("abc", "abc") || hook.Same("abc", "abd") || hook.Same("", "a") || hook.Same("abc", "ab") {
		t.Error("secrets are not compared")
	}
}
