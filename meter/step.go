package meter

// Step takes one event: it changes s and appends to out what the host has to do. It allocates only if out is too short
// (MaxEffects is always enough) and touches nothing but s and out. See the package documentation for the order of
// things.
func Step(c *Config, s *State, ev Event, out []Effect) []Effect {
	return out
}
