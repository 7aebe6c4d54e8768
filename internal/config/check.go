package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// check says what is wrong with the form of a value, or returns nil.
func (v Value) check() error {
	var err error
	text := ""
	if len(v.Texts) > 0 {
		text = v.Texts[0]
	}
	switch v.Setting.Key {
	case HTTP, MQTT:
		err = address(text)
	case MQTTIntegration, MQTTDevices, Metrics:
		if text != "" {
			err = address(text)
		}
	case MQTTLegacy:
		for _, t := range v.Texts {
			if _, e := ParseLegacy(t); e != nil {
				err = errors.Join(err, e)
			}
		}
	case TrustedProxy:
		for _, t := range v.Texts {
			_, e := parseNetwork(t)
			err = errors.Join(err, e)
		}
	case Host:
		for _, t := range v.Texts {
			err = errors.Join(err, hostName(t))
		}
	case SMSModem:
		for _, t := range v.Texts {
			_, _, e := ParseModem(t)
			err = errors.Join(err, e)
		}
	case Data:
		if text == "" {
			err = errors.New("must name a folder")
		}
	case Store:
		if text != "" && !strings.HasPrefix(text, "postgres://") && !strings.HasPrefix(text, "postgresql://") {
			err = errors.New("must begin with postgres://, or be left out for the database in the data folder")
		}
	case Standbys:
		if len(text) != 1 || text < "0" || text > "9" {
			err = errors.New("must be a number from 0 to 9")
		}
	case ServerName:
		err = checkServerName(text)
	case LogLevel:
		if !slices.Contains(LogLevels(), text) {
			err = fmt.Errorf("is %q, want %s", text, strings.Join(LogLevels(), ", "))
		}
	case URL, PublicURL:
		if text != "" && !strings.HasPrefix(text, "http://") && !strings.HasPrefix(text, "https://") {
			err = errors.New("must begin with http:// or https://")
		}
	}
	if v.Setting.Kind == Duration && err == nil {
		err = duration(text)
	}
	if v.Setting.Kind == Switch && text != "true" && text != "false" {
		err = fmt.Errorf("is %q, want true or false", text)
	}
	if err == nil {
		return nil
	}
	if err = fmt.Errorf("%w %s (%s): %w", ErrSetting, v.Setting.Key, v.where(), err); v.Origin == File {
		return inFile(v.Setting.Key, err)
	}
	return err
}

func (v Value) where() string {
	if v.From == "" {
		return string(v.Origin)
	}
	return v.From
}

// shortest and longest duration of a setting: a shorter one would be a busy loop, a longer one a typing error.
const (
	minDuration = 100 * time.Millisecond
	maxDuration = 24 * time.Hour
)

func duration(text string) error {
	d, err := time.ParseDuration(text)
	if err != nil {
		return fmt.Errorf("is %q, want a duration such as 10s or 5m", text)
	}
	if d < minDuration || d > maxDuration {
		return fmt.Errorf("is %s, want %s to %s", d, minDuration, maxDuration)
	}
	return nil
}

// address checks host:port without resolving anything; an empty host means every interface.
func address(text string) error {
	i := strings.LastIndex(text, ":")
	if i < 0 {
		return fmt.Errorf("is %q, want host:port", text)
	}
	if port, err := strconv.Atoi(text[i+1:]); err != nil || port < 0 || port > 65535 {
		return fmt.Errorf("is %q, but its port must be 0 to 65535", text)
	}
	host := text[:i]
	if strings.Contains(host, ":") && !(strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]")) {
		return fmt.Errorf("is %q: write an IPv6 address in brackets", text)
	}
	return nil
}

// checkTogether says which settings contradict each other.
func (c Config) checkTogether() []error {
	var errs []error
	if (c.Text(TLSCert) == "") != (c.Text(TLSKey) == "") {
		err := fmt.Errorf("%w %s works only together with %s: give both or neither", ErrSetting, TLSCert, TLSKey)
		for _, key := range []string{TLSCert, TLSKey} {
			if c.values[key].Origin == File {
				err = inFile(key, err)
			}
		}
		errs = append(errs, err)
	}
	for _, pair := range [][2]string{{MQTTCA, TLSCert}, {MQTTRevoked, MQTTCA}} {
		if c.Text(pair[0]) != "" && c.Text(pair[1]) == "" {
			err := fmt.Errorf("%w %s works only together with %s", ErrSetting, pair[0], pair[1])
			if c.values[pair[0]].Origin == File {
				err = inFile(pair[0], err)
			}
			errs = append(errs, err)
		}
	}
	if c.On(MQTTCertificates) && c.Text(MQTTCA) == "" {
		err := fmt.Errorf("%w %s works only together with %s", ErrSetting, MQTTCertificates, MQTTCA)
		if c.values[MQTTCertificates].Origin == File {
			err = inFile(MQTTCertificates, err)
		}
		errs = append(errs, err)
	}
	if err := goTogether(c.Routes()); err != nil {
		if len(c.routes) > 0 {
			err = inFile(SMSRoute, err)
		}
		errs = append(errs, err)
	}
	return errs
}

// Legacy is a listener for one device that speaks its own messages (docs/guide/devices.md).
type Legacy struct {
	Address string
	Meter   string // the meter's number, as given
	Profile string
}

// DefaultProfile is the device profile of a listener that does not name one.
const DefaultProfile = "seed-a"

// ParseLegacy reads ADDR=METER[:PROFILE].
func ParseLegacy(text string) (Legacy, error) {
	addr, rest, ok := strings.Cut(text, "=")
	meter, profile, named := strings.Cut(rest, ":")
	if !named {
		profile = DefaultProfile
	}
	if !ok || strings.TrimSpace(meter) == "" || profile == "" {
		return Legacy{}, fmt.Errorf("%q is not ADDR=METER[:PROFILE]", text)
	}
	if err := address(addr); err != nil {
		return Legacy{}, fmt.Errorf("%q: the address %w", text, err)
	}
	return Legacy{Address: addr, Meter: strings.TrimSpace(meter), Profile: profile}, nil
}

// Legacy returns all such listeners; Merge has parsed them before.
func (c Config) Legacy() []Legacy {
	var out []Legacy
	for _, text := range c.List(MQTTLegacy) {
		if l, err := ParseLegacy(text); err == nil {
			out = append(out, l)
		}
	}
	return out
}
