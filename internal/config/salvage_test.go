package config_test

import (
	"errors"
	"testing"

	"github.com/paywatt/paywatt/internal/config"
)

// TestMistakesOfTheFileAreFound: each mistake has its line, and what is right in the file can still be used.
func TestMistakesOfTheFileAreFound(t *testing.T) {
	const text = "log_level = \"loud\"\nhttp = \"127.0.0.1:81\"\n\n[[sms_route]]\nkind = \"http\"\nname = \"a\"\n[[sms_route]]\nkind = \"post\"\n"
	src := config.Sources{FilePath: "paywatt.toml", File: map[string]any{"log_level": "loud", "http": "127.0.0.1:81",
		"sms_route": []map[string]any{{"kind": "http", "name": "a"}, {"kind": "post"}}}}
	_, err := config.Merge(src)
	wrong, all := config.FileErrors(err)
	got := map[string]int{}
	for _, w := range wrong {
		got[w.Key] = w.Line(text)
	}
	if !all || len(got) != 2 || got["log_level"] != 1 || got["sms_route"] != 7 {
		t.Errorf("got %v (the file alone: %t) of %v, want log_level in line 1 and sms_route in line 7", got, all, err)
	}
	if c := config.Salvage(src); c.Text(config.HTTP) != "127.0.0.1:81" || c.Text(config.LogLevel) != "info" {
		t.Errorf("the rest of the file gives http %s, log_level %s", c.Text(config.HTTP), c.Text(config.LogLevel))
	}
	src.Env = []string{"PAYWATT_HTPP=x"}
	if _, err := config.Merge(src); err == nil {
		t.Error("a mistake in the environment is accepted")
	} else if _, all := config.FileErrors(err); all {
		t.Error("a mistake in the environment counts as the file's")
	}
	if _, all := config.FileErrors(errors.New("x")); all {
		t.Error("any error counts as the file's")
	}
}

// TestMaskedHidesSecrets: a line is shown with its value only where the value cannot be secret.
func TestMaskedHidesSecrets(t *testing.T) {
	for line, want := range map[string]string{
		`http = "127.0.0.1:1"`: `http = "127.0.0.1:1"`, `[[sms_route]]`: `[[sms_route]]`, `name = "a"`: `name = "a"`, "": "",
		`http = "127.0.0.1:1`: `http = "127.0.0.1:1`, `  log_level = "x" `: `  log_level = "x"`,
		`store = "postgres://u:SECRET@h/x"`: `store = (hidden)`, `password = "SECRET"`: `password = (hidden)`, `key = "SECRET"`: `key = (hidden)`,
		`SECRET`: `(hidden)`, `# SECRET`: `(hidden)`, `http = "a" # SECRET`: `http = (hidden)`,
		`url = "http://u:SECRET@h"`: `url = (hidden)`, `# password = SECRET`: `(hidden)`, `'SECRET = `: `(hidden)`, `heads_to = "me:SECRET@host"`: `heads_to = (hidden)`,
	} {
		if got := config.Masked(line); got != want {
			t.Errorf("%q is shown as %q, want %q", line, got, want)
		}
	}
}
