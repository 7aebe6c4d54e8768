package config_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/config"
)

func merge(t *testing.T, s config.Sources) config.Config {
	t.Helper()
	c, err := config.Merge(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTheDefaultsOfSettings(t *testing.T) {
	c := merge(t, config.Sources{})
	for key, want := range map[string]string{
		config.Data: "./paywatt-data", config.HTTP: "127.0.0.1:8080", config.MQTT: "127.0.0.1:1883",
		config.Store: "", config.TLSCert: "", config.PassphraseFile: "",
	} {
		if got := c.Text(key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	if got := c.Duration(config.LegacyPollInterval); got != 10*time.Second {
		t.Errorf("poll interval is %s, want 10s", got)
	}
	if got := c.List(config.MQTTLegacy); len(got) != 0 {
		t.Errorf("legacy listeners by default: %v", got)
	}
	for _, v := range c.Show() {
		if v.Origin != config.Default {
			t.Errorf("%s comes from %s, want default", v.Setting.Key, v.Origin)
		}
	}
}

// TestStrongerSourceWins sets the setting http in more and more sources and expects the value of the strongest.
func TestStrongerSourceWins(t *testing.T) {
	file := map[string]any{"http": ":1"}
	env := []string{"PAYWATT_HTTP=:2", "PATH=/bin", "PAYWATTAGE=3"}
	flags := map[string][]string{"http": {":3"}}
	for _, c := range []struct {
		src    config.Sources
		want   string
		origin config.Origin
		from   string
	}{
		{config.Sources{}, "127.0.0.1:8080", config.Default, ""},
		{config.Sources{File: file, FilePath: "d/paywatt.toml"}, ":1", config.File, "d/paywatt.toml"},
		{config.Sources{File: file, Env: env}, ":2", config.Env, "PAYWATT_HTTP"},
		{config.Sources{File: file, Env: env, Flags: flags}, ":3", config.Flag, "--http"},
		{config.Sources{File: file, Flags: flags}, ":3", config.Flag, "--http"},
	} {
		got := merge(t, c.src)
		i := slices.IndexFunc(got.Show(), func(v config.Value) bool { return v.Setting.Key == config.HTTP })
		v := got.Show()[i]
		if got.Text(config.HTTP) != c.want || v.Origin != c.origin || v.From != c.from {
			t.Errorf("got %q from %s %q, want %q from %s %q", got.Text(config.HTTP), v.Origin, v.From, c.want, c.origin, c.from)
		}
	}
}

func TestListsComeFromEverySource(t *testing.T) {
	want := []config.Legacy{{Address: ":1884", Meter: "04140001001", Profile: "seed-a"}, {Address: "[::1]:1885", Meter: "0414-0001-002", Profile: "toggle"}}
	texts := []string{":1884=04140001001", "[::1]:1885=0414-0001-002:toggle"}
	for name, src := range map[string]config.Sources{
		"file":        {File: map[string]any{"mqtt_legacy": []any{texts[0], texts[1]}}},
		"environment": {Env: []string{"PAYWATT_MQTT_LEGACY=" + texts[0] + " , " + texts[1] + ","}},
		"flags":       {Flags: map[string][]string{"mqtt_legacy": texts}},
	} {
		if got := merge(t, src).Legacy(); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
	one := merge(t, config.Sources{File: map[string]any{"mqtt_legacy": texts[0]}}).Legacy()
	if !slices.Equal(one, want[:1]) {
		t.Errorf("one text in the file: got %v, want %v", one, want[:1])
	}
}

func TestMistakesAreNamed(t *testing.T) {
	for name, c := range map[string]struct {
		src  config.Sources
		want []string
	}{
		"unknown key in the file":   {config.Sources{File: map[string]any{"htp": ":1"}, FilePath: "x.toml"}, []string{"htp", "x.toml"}},
		"misspelt with a dash":      {config.Sources{File: map[string]any{"tls-cert": "c"}}, []string{"tls-cert", "did you mean tls_cert"}},
		"unknown variable":          {config.Sources{Env: []string{"PAYWATT_HTPP=1"}}, []string{"PAYWATT_HTPP"}},
		"variable in lower case":    {config.Sources{Env: []string{"PAYWATT_http=:1"}}, []string{"PAYWATT_http", "http"}},
		"unknown flag":              {config.Sources{Flags: map[string][]string{"nope": {"1"}}}, []string{"nope"}},
		"flag given twice":          {config.Sources{Flags: map[string][]string{"http": {":1", ":2"}}}, []string{"--http", "2 times"}},
		"data in its own file":      {config.Sources{File: map[string]any{"data": "x"}}, []string{"data", "--data"}},
		"API key in the file":       {config.Sources{File: map[string]any{"key": "pk_"}}, []string{"key", "PAYWATT_KEY"}},
		"number":                    {config.Sources{File: map[string]any{"http": int64(8080)}}, []string{"http", "quotes"}},
		"several where one":         {config.Sources{File: map[string]any{"http": []any{":1"}}}, []string{"http", "one value"}},
		"number in a list":          {config.Sources{File: map[string]any{"mqtt_legacy": []any{int64(1)}}}, []string{"mqtt_legacy", "quotes"}},
		"no port":                   {config.Sources{Env: []string{"PAYWATT_HTTP=localhost"}}, []string{"PAYWATT_HTTP", "host:port"}},
		"port too high":             {config.Sources{Env: []string{"PAYWATT_MQTT=:65536"}}, []string{"mqtt", "65535"}},
		"bare IPv6":                 {config.Sources{Env: []string{"PAYWATT_MQTT=::1:80"}}, []string{"mqtt", "brackets"}},
		"legacy without a meter":    {config.Sources{Env: []string{"PAYWATT_MQTT_LEGACY=:1884"}}, []string{"mqtt_legacy", "ADDR=METER"}},
		"legacy with a bad address": {config.Sources{Env: []string{"PAYWATT_MQTT_LEGACY=x=04140001001"}}, []string{"mqtt_legacy", "host:port"}},
		"certificate without key":   {config.Sources{Env: []string{"PAYWATT_TLS_CERT=c"}}, []string{"tls_cert", "tls_key"}},
		"another database":          {config.Sources{Env: []string{"PAYWATT_STORE=mysql://x"}}, []string{"store", "postgres://"}},
		"no duration":               {config.Sources{Env: []string{"PAYWATT_LEGACY_POLL_INTERVAL=10"}}, []string{"legacy_poll_interval", "10s"}},
		"too short a duration":      {config.Sources{Env: []string{"PAYWATT_LEGACY_POLL_INTERVAL=1ms"}}, []string{"legacy_poll_interval", "100ms"}},
		"empty folder":              {config.Sources{Flags: map[string][]string{"data": {""}}}, []string{"data"}},
		"log level":                 {config.Sources{Env: []string{"PAYWATT_LOG_LEVEL=loud"}}, []string{"log_level", "loud"}},
		"switch without a sense":    {config.Sources{Env: []string{"PAYWATT_PLAIN_HTTP=1"}}, []string{"plain_http", "true or false"}},
		"text as a switch":          {config.Sources{File: map[string]any{"http": true}}, []string{"http", "quotes"}},
		"proxy by name":             {config.Sources{Env: []string{"PAYWATT_TRUSTED_PROXY=10.0.0.1,proxy.lan"}}, []string{"trusted_proxy", "proxy.lan"}},
		"every address a proxy":     {config.Sources{Env: []string{"PAYWATT_TRUSTED_PROXY=0.0.0.0/0"}}, []string{"trusted_proxy", "every address"}},
		"server with a space":       {config.Sources{Env: []string{"PAYWATT_SERVER_NAME=srv a"}}, []string{"server_name", "srv a", "letters"}},
		"long name of a server":     {config.Sources{Env: []string{"PAYWATT_SERVER_NAME=" + strings.Repeat("a", 64)}}, []string{"server_name", "63"}},
		"host with a port":          {config.Sources{Env: []string{"PAYWATT_HOST=pay.example.org:443"}}, []string{"host", "without a port"}},
		"metrics without a port":    {config.Sources{Env: []string{"PAYWATT_METRICS=localhost"}}, []string{"metrics", "host:port"}},
		"two mistakes at once":      {config.Sources{File: map[string]any{"a": "1", "b": "2"}}, []string{"setting a", "setting b"}},
	} {
		_, err := config.Merge(c.src)
		if !errors.Is(err, config.ErrSetting) {
			t.Errorf("%s: got %v, want a complaint", name, err)
			continue
		}
		for _, part := range c.want {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: got %q, want %q in it", name, err, part)
			}
		}
	}
}

// TestPlainListenersNeedConsent: beyond this machine, only a certificate or the setting for it opens a listener without encryption.
func TestPlainListenersNeedConsent(t *testing.T) {
	for name, c := range map[string]struct {
		env  []string
		want []string // what the error contains; empty for none
	}{
		"defaults":             {nil, nil},
		"loopback":             {[]string{"PAYWATT_HTTP=localhost:0", "PAYWATT_MQTT=[::1]:0", "PAYWATT_METRICS=127.0.0.2:9100"}, nil},
		"every interface":      {[]string{"PAYWATT_HTTP=:8080"}, []string{"http is :8080", "--plain-http", "tls_cert"}},
		"a name":               {[]string{"PAYWATT_HTTP=pay.example.org:80"}, []string{"--plain-http"}},
		"IPv6":                 {[]string{"PAYWATT_MQTT=[::]:1883"}, []string{"mqtt is", "--plain-mqtt"}},
		"integrations":         {[]string{"PAYWATT_MQTT_INTEGRATION=192.0.2.1:1884"}, []string{"mqtt_integration", "--plain-mqtt"}},
		"metrics":              {[]string{"PAYWATT_METRICS=192.0.2.1:9100"}, []string{"metrics", "--plain-http"}},
		"the other consent":    {[]string{"PAYWATT_HTTP=:80", "PAYWATT_PLAIN_MQTT=true"}, []string{"--plain-http"}},
		"with consent":         {[]string{"PAYWATT_HTTP=:80", "PAYWATT_MQTT=:1883", "PAYWATT_PLAIN_HTTP=true", "PAYWATT_PLAIN_MQTT=true"}, nil},
		"with a certificate":   {[]string{"PAYWATT_HTTP=:80", "PAYWATT_MQTT=:1883", "PAYWATT_TLS_CERT=c", "PAYWATT_TLS_KEY=k"}, nil},
		"an unmodified device": {[]string{"PAYWATT_MQTT_LEGACY=:1884=04140001001"}, nil},
	} {
		err := merge(t, config.Sources{Env: c.env}).CheckPlain()
		if (err != nil) != (c.want != nil) {
			t.Errorf("%s: got %v, want an error with %q", name, err, c.want)
			continue
		}
		for _, part := range c.want {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: got %q, want %q in it", name, err, part)
			}
		}
	}
	file := merge(t, config.Sources{File: map[string]any{"plain_http": true, "host": []any{"a.example", "b.example"}, "trusted_proxy": "10.0.0.0/8"}})
	if !file.On(config.PlainHTTP) || len(file.List(config.Host)) != 2 || len(file.Proxies()) != 1 {
		t.Errorf("from the file: got %v", file.Show())
	}
}

func TestShowHidesSecrets(t *testing.T) {
	c := merge(t, config.Sources{Env: []string{"PAYWATT_STORE=postgres://paywatt:hunter2@db:5432/p", "PAYWATT_KEY=pk_hunter2", "PAYWATT_URL=http://x"}})
	for _, v := range c.Show() {
		if strings.Contains(v.String(), "hunter2") {
			t.Errorf("%s is shown as %q", v.Setting.Key, v)
		}
		if v.Setting.Key == config.Store && v.String() != "postgres://paywatt:(secret)@db:5432/p" {
			t.Errorf("store is shown as %q", v)
		}
	}
	if c.Text(config.Store) != "postgres://paywatt:hunter2@db:5432/p" || c.Text(config.APIKey) != "pk_hunter2" {
		t.Error("the values themselves were changed")
	}
}

func TestEverySettingHasItsNames(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range config.Settings() {
		if seen[s.Key] || s.Help == "" || s.Key != strings.ToLower(s.Key) {
			t.Errorf("setting %+v is doubled, without help or not in lower case", s)
		}
		seen[s.Key] = true
		if got, ok := config.Find(s.Key); !ok || got != s {
			t.Errorf("Find(%q) = %+v, %t", s.Key, got, ok)
		}
		if want := "PAYWATT_" + strings.ToUpper(s.Key); s.Variable() != want {
			t.Errorf("variable of %s is %s, want %s", s.Key, s.Variable(), want)
		}
	}
	if s, _ := config.Find(config.TLSCert); s.FlagName() != "tls-cert" {
		t.Errorf("flag of tls_cert is %q, want tls-cert", s.FlagName())
	}
}
