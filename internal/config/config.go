// Package config merges the settings of a Paywatt: defaults, then the file paywatt.toml, then the environment (PAYWATT_*),
// then the command line. Later sources override earlier ones, and every value has its origin.
//
// It is pure: the caller reads the file and the environment and passes their contents to [Merge]. An unknown key in any
// source is an error that names the key. Otherwise a misspelt setting would be ignored silently, and noticed only in the
// field. Start at [Merge] and [Settings].
package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// FileName is the settings file in the data folder.
const FileName = "paywatt.toml"

// EnvPrefix begins the environment variables that are settings.
const EnvPrefix = "PAYWATT_"

// Origin is where a value came from.
type Origin string

// Origins, in rising precedence.
const (
	Default Origin = "default"
	File    Origin = "file"
	Env     Origin = "environment"
	Flag    Origin = "flag"
)

// Kind is the form of a setting's value.
type Kind uint8

// Kinds of values.
const (
	Text     Kind = iota
	List          // several texts: an array in the file, separated by commas in the environment, a repeated flag
	Duration      // as Go writes it: 10s, 30m
	Switch        // true or false; a flag without a value means true
)

// Setting describes one setting. Its flag is --key with dashes for underscores, its variable PAYWATT_KEY.
type Setting struct {
	Key     string
	Kind    Kind
	Default string
	Help    string
	Secret  bool // shown masked
	NotFile bool // cannot be in the file, because the file is found by it
	Client  bool // for commands that use a server, not for the server
}

// Variable is the name of the setting's environment variable.
func (s Setting) Variable() string { return EnvPrefix + strings.ToUpper(s.Key) }

// FlagName is the name of the setting's flag, without the dashes before it.
func (s Setting) FlagName() string { return strings.ReplaceAll(s.Key, "_", "-") }

// LogLevels lists the levels of the log, the lowest first.
func LogLevels() []string { return []string{"debug", "info", "warn", "error"} }

// Settings lists every setting in the order in which they are shown.
func Settings() []Setting { return slices.Clone(settings[:]) }

// Find looks a setting up by its key.
func Find(key string) (Setting, bool) {
	for _, s := range settings {
		if s.Key == key {
			return s, true
		}
	}
	return Setting{}, false
}

// Value is the value of a setting.
type Value struct {
	Setting Setting
	Texts   []string // one text, but any number for a List
	Origin  Origin
	From    string // the variable, flag or file it came from; empty for a default
}

// String is the value as config show prints it: a list with commas between, a secret masked.
func (v Value) String() string {
	s := strings.Join(v.Texts, ",")
	if v.Setting.Secret && s != "" {
		return "(secret)"
	}
	return maskURL(s)
}

// maskURL hides the password in a URL, such as the store's.
func maskURL(s string) string {
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok {
		return s
	}
	at := strings.LastIndex(rest, "@")
	if at < 0 {
		return s
	}
	user, _, password := strings.Cut(rest[:at], ":")
	if !password {
		return s
	}
	return scheme + "://" + user + ":(secret)" + rest[at:]
}

// Config is every setting with its value.
type Config struct {
	values   map[string]Value
	routes   []Route
	printers []Printer
}

// Sources are the inputs of Merge. The zero value gives the defaults.
type Sources struct {
	File     map[string]any      // contents of the settings file, decoded
	FilePath string              // path of the file, for messages and origins
	Env      []string            // the environment, as os.Environ returns it
	Flags    map[string][]string // the flags that were given, by key
}

// ErrSetting is wrapped by every error of Merge.
var ErrSetting = errors.New("setting")

// Merge merges the sources. It reports all errors at once, joined.
func Merge(src Sources) (Config, error) {
	c := Config{values: make(map[string]Value, len(settings))}
	for _, s := range settings {
		v := Value{Setting: s, Origin: Default}
		if s.Default != "" || s.Kind != List {
			v.Texts = []string{s.Default}
		}
		c.values[s.Key] = v
	}
	errs := c.mergeFile(src.File, src.FilePath)
	errs = append(errs, c.mergeEnv(src.Env)...)
	errs = append(errs, c.mergeFlags(src.Flags)...)
	for _, s := range settings {
		errs = append(errs, c.values[s.Key].check())
	}
	errs = append(errs, c.checkTogether()...)
	if err := errors.Join(errs...); err != nil {
		return Config{}, err
	}
	return c, nil
}

func (c *Config) mergeFile(file map[string]any, path string) []error {
	var errs []error
	for _, key := range sortedKeys(file) {
		if key == SMSRoute || key == PrinterTables {
			var err error
			if key == SMSRoute {
				c.routes, err = readRoutes(file[key])
			} else {
				c.printers, err = readPrinters(file[key])
			}
			if err != nil {
				errs = append(errs, inFile(key, fmt.Errorf("%w %s in file %s: %w", ErrSetting, key, path, err)))
			}
			continue
		}
		s, ok := Find(key)
		if !ok {
			errs = append(errs, inFile(key, unknown(key, "file "+path)))
			continue
		}
		if s.NotFile {
			errs = append(errs, inFile(key, fmt.Errorf("%w %s cannot be set in file %s, because it says where that file is; use --%s or %s", ErrSetting, key, path, s.FlagName(), s.Variable())))
			continue
		}
		texts, err := fileTexts(file[key], s.Kind)
		if err != nil {
			errs = append(errs, inFile(key, fmt.Errorf("%w %s in file %s: %w", ErrSetting, key, path, err)))
			continue
		}
		c.values[key] = Value{Setting: s, Texts: texts, Origin: File, From: path}
	}
	return errs
}

// fileTexts reads a decoded TOML value. No setting of this version takes numbers.
func fileTexts(v any, k Kind) ([]string, error) {
	switch v := v.(type) {
	case bool:
		if k != Switch {
			return nil, fmt.Errorf("is %t, want a text in quotes", v)
		}
		return []string{strconv.FormatBool(v)}, nil
	case string:
		return []string{v}, nil
	case []any:
		if k != List {
			return nil, errors.New("takes one value, not several")
		}
		texts := make([]string, 0, len(v))
		for _, e := range v {
			s, ok := e.(string)
			if !ok {
				return nil, fmt.Errorf("contains %s, want texts in quotes", scalar(e))
			}
			texts = append(texts, s)
		}
		return texts, nil
	default:
		return nil, fmt.Errorf("is %s, want a text in quotes", scalar(v))
	}
}

// scalar writes a value for a message. The content of a table may be secret.
func scalar(v any) string {
	switch v.(type) {
	case map[string]any, []map[string]any, []any:
		return "a table"
	}
	return fmt.Sprint(v)
}

func (c Config) mergeEnv(env []string) []error {
	var errs []error
	for _, line := range env {
		name, text, _ := strings.Cut(line, "=")
		rest, ok := strings.CutPrefix(name, EnvPrefix)
		if !ok {
			continue
		}
		s, ok := Find(strings.ToLower(rest))
		if !ok || name != s.Variable() {
			errs = append(errs, unknown(name, "environment"))
			continue
		}
		texts := []string{text}
		if s.Kind == List {
			texts = splitList(text)
		}
		c.values[s.Key] = Value{Setting: s, Texts: texts, Origin: Env, From: name}
	}
	return errs
}

func splitList(text string) []string {
	var out []string
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

func (c Config) mergeFlags(flags map[string][]string) []error {
	var errs []error
	for _, key := range sortedKeys(flags) {
		s, ok := Find(key)
		if !ok {
			errs = append(errs, unknown(key, "command line"))
			continue
		}
		texts := flags[key]
		if s.Kind != List && len(texts) != 1 {
			errs = append(errs, fmt.Errorf("%w --%s is given %d times; give it once", ErrSetting, s.FlagName(), len(texts)))
			continue
		}
		c.values[key] = Value{Setting: s, Texts: slices.Clone(texts), Origin: Flag, From: "--" + s.FlagName()}
	}
	return errs
}

// unknown is the error for an unknown setting, with the name that was probably meant.
func unknown(key, where string) error {
	bare := strings.ToLower(strings.TrimPrefix(key, EnvPrefix))
	for _, s := range settings {
		if strings.ReplaceAll(s.Key, "_", "") == strings.NewReplacer("_", "", "-", "").Replace(bare) {
			return fmt.Errorf("%w %s (%s) does not exist; did you mean %s?", ErrSetting, key, where, s.Key)
		}
	}
	return fmt.Errorf("%w %s (%s) does not exist; paywatt config show lists all settings", ErrSetting, key, where)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// Text returns the value of a setting that is not a list; empty for an unknown one.
func (c Config) Text(key string) string {
	if t := c.values[key].Texts; len(t) > 0 {
		return t[0]
	}
	return ""
}

// List returns the values of a list.
func (c Config) List(key string) []string { return slices.Clone(c.values[key].Texts) }

// Duration returns the value of a setting that is a duration; Merge has checked it before.
func (c Config) Duration(key string) time.Duration {
	d, err := time.ParseDuration(c.Text(key))
	if err != nil {
		return 0
	}
	return d
}

// Number returns a setting that is a number.
func (c Config) Number(key string) int {
	n, _ := strconv.Atoi(c.Text(key)) // checked when the settings were read
	return n
}

// On returns the value of a switch; Merge has checked it before.
func (c Config) On(key string) bool { return c.Text(key) == "true" }

// Show lists every setting with its value and origin, for paywatt config show.
func (c Config) Show() []Value {
	out := make([]Value, 0, len(settings))
	for _, s := range settings {
		out = append(out, c.values[s.Key])
	}
	return out
}
