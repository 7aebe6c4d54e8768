package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/paywatt/paywatt/internal/await"
)

// completed returns the values that the shell gets for a line; the last word is incomplete. A slow machine gets them too.
func completed(t *testing.T, env map[string]string, line ...string) []string {
	t.Helper()
	return completedWithin(t, await.Limit, env, line...)
}

func completedWithin(t *testing.T, within time.Duration, env map[string]string, line ...string) []string {
	t.Helper()
	var out, messages bytes.Buffer
	c := console{in: &bytes.Buffer{}, out: &out, err: &messages, getenv: func(name string) string { return env[name] }}
	c.periods.completion = within
	if code := run(append([]string{"__complete"}, line...), c); code != 0 {
		t.Fatalf("%q: exit %d %s", line, code, messages.String())
	}
	values := strings.Split(strings.TrimSpace(out.String()), "\n")
	return values[:len(values)-1] // the last line is the shell's directive
}

// TestTheShellCompletesClosedSets: closed sets of words are completed without a server.
func TestTheShellCompletesClosedSets(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{"apikey create --role o", "owner operator"}, {"message list --state s", "sent suppressed"}, {"vend copy main-000001 --format t", "text32 text48"},
		{"meter command 04140001001 dis", "disconnect"}, {"meter give-token 04140001001 re", "replacement"}, {"meter usage 04140001001 --by w", "week"},
		{"approval list --state w", "waiting"}, {"version -o j", "json"}, {"profile show seed-a", "seed-a seed-a-toggle"}, {"utility set --four-eyes o", "on off"},
		{"vend 04140001001 ", ""}, {"token decode --ea ", "07 11"}, {"report balance ", ""},
	} {
		got := completed(t, nil, strings.Split(c.line, " ")...)
		for _, want := range strings.Fields(c.want) {
			if !slices.Contains(got, want) {
				t.Errorf("%q: got %q, want %q in it", c.line, got, want)
			}
		}
		if c.want == "" && len(got) > 0 {
			t.Errorf("%q: got %q, want nothing", c.line, got)
		}
	}
}

// TestTheShellCompletesWhatTheServerKnows: meters, tariffs, vendors, receipts and other values come from a running server, for users who
// may see them, and no value is a secret.
func TestTheShellCompletesWhatTheServerKnows(t *testing.T) {
	o := openOffice(t)
	for _, line := range []string{"tariff add domestic --currency KES --vat 15 --rate 2.50",
		"meter add 04140001001 --tariff domestic --sgc 123456 --ti 01 --simulated --name Amina", "meter add 04140001019 --tariff domestic --sgc 123456 --ti 01",
		"vend 04140001001 100", "debt add 04140001001 20 --kind fine", "vendor add Corner", "utility set --four-eyes on --four-eyes-alone", "tariff add village --currency KES --rate 3"} {
		if code, messages := o.runs(line); code != 0 {
			t.Fatalf("%s: exit %d %s", line, code, messages)
		}
	}
	env := map[string]string{"PAYWATT_URL": o.proxy.URL, "PAYWATT_KEY": o.first}
	for _, c := range []struct{ line, want string }{
		{"meter show 0414", "04140001001 04140001019"}, {"vend ", "04140001001"}, {"meter add 1 --tariff d", "domestic"}, {"tariff show d", "domestic"},
		{"tariff publish ", "domestic"}, {"vend receipt main-", "main-000001"}, {"vend show vnd_", "vnd_"}, {"account show ", "04140001019"}, {"vendor show ", "V001"},
		{"apikey create --vendor V", "V001"}, {"debt write-off ", "dbt_"}, {"approval approve ", "apr_"}, {"customer show ", "cus_"}, {"report balance 1", "1000"},
		{"meter recharge 04140001001 ", "tok_"}, {"debt list --account ", "04140001001"}, {"message send --route ", ""},
	} {
		got := strings.Join(completed(t, env, strings.Split(c.line, " ")...), " ")
		for _, want := range strings.Fields(c.want) {
			if !strings.Contains(got, want) {
				t.Errorf("%q: got %q, want %q in it", c.line, got, want)
			}
		}
	}
	for _, line := range []string{"tariff add ", "vend 04140001001 ", "meter show 04140001001 ", "meter show 9"} {
		if got := completed(t, env, strings.Split(line, " ")...); len(got) > 0 {
			t.Errorf("%q: got %q, want nothing", line, got)
		}
	}
	if got := strings.Join(completed(t, env, "meter", "recharge", "04140001001", ""), " "); strings.ContainsAny(strings.ReplaceAll(got, "tok_", ""), " ") {
		t.Errorf("tokens: %q, want one id", got)
	}
	env["PAYWATT_KEY"] = "pk_of-nobody"
	if got := completed(t, env, "meter", "show", ""); len(got) > 0 {
		t.Errorf("without a right: %q", got)
	}
}

// TestASilentServerCompletesNothing: completion gives up although the server never answers, without a message.
func TestASilentServerCompletesNothing(t *testing.T) {
	end := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-end }))
	defer silent.Close()
	defer close(end)
	env := map[string]string{"PAYWATT_URL": silent.URL, "PAYWATT_KEY": "pk_x"}
	if got := completedWithin(t, 10*time.Millisecond, env, "meter", "show", ""); len(got) > 0 {
		t.Errorf("got %q", got)
	}
	for _, env := range []map[string]string{{}, {"PAYWATT_KEY": "pk_x", "PAYWATT_URL": "nonsense"}, {"PAYWATT_KEY": "pk_x", "PAYWATT_URL": "http://127.0.0.1:1"}} {
		if got := completed(t, env, "meter", "show", ""); len(got) > 0 {
			t.Errorf("%v: got %q", env, got)
		}
	}
}

// TestEveryFileOptionIsOne checks each name in fileOptions, the options whose values the shell completes with file names: at least one
// command must have an option of that name.
func TestEveryFileOptionIsOne(t *testing.T) {
	there := map[string]bool{}
	eachCommand(wholeTree(), func(cmd *cobra.Command) {
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) { there[f.Name] = true })
	})
	for _, name := range fileOptions() {
		if !there[name] {
			t.Errorf("no command has the option --%s", name)
		}
	}
}

// runs runs a command line as the office's owner.
func (o *office) runs(line string) (code int, messages string) {
	env := map[string]string{"PAYWATT_URL": o.proxy.URL, "PAYWATT_KEY": o.first}
	var out, errs bytes.Buffer
	code = run(strings.Fields(line), console{in: strings.NewReader(""), out: &out, err: &errs, getenv: func(name string) string { return env[name] }})
	return code, errs.String()
}
