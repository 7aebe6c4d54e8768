package localday

import (
	"errors"
	"time"
)

// ZoneError says that neither the program nor its machine knows a time zone. The server answers it as a refusal with the name of the zone.
type ZoneError struct {
	Name string
	Err  error
}

// Error names the zone.
func (e *ZoneError) Error() string { return "time zone " + e.Name + " is not known: " + e.Err.Error() }

// Unwrap returns why the zone was not found.
func (e *ZoneError) Unwrap() error { return e.Err }

// LoadZone returns a time zone by its IANA name, or a [ZoneError]. No name means UTC. Unlike [time.LoadLocation], it does not know "Local", which is
// another zone on each machine.
func LoadZone(name string) (*time.Location, error) {
	if name == "Local" {
		return nil, &ZoneError{name, errors.New("it is another zone on each machine")}
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, &ZoneError{name, err}
	}
	return zone, nil
}
