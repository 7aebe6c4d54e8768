package meter

// StepLong is Step without its short cut.
func StepLong(c *Config, s *State, ev Event, out []Effect) []Effect { return long(c, s, &ev, out) }

// StepQuick is the short cut alone; it reports whether the short cut applied.
func StepQuick(c *Config, s *State, ev Event) bool { return quick(c, s, &ev) }
